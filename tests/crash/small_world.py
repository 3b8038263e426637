"""Four recordings that between them take every way through the pipeline, and what has to become of them."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from call_lake.compaction import compact
from call_lake.copying import Message, Verdict
from call_lake.errors import NotReady, Reason, Terminal
from call_lake.lake_layout import DATA, GARBAGE, INBOX, MANIFEST, QUARANTINE
from call_lake.ledger import NEVER, State
from call_lake.recording import Recording
from tests.crash.harness import Invocation
from tests.fakes import Call, Calls, Received, World
from tests.fakes.provider import FakeProvider, make_recording, make_wav
from tests.pipeline import COMPACTOR, FUNCTION_TIME_S, Pipeline

STEP = timedelta(minutes=5)
READY_AFTER = timedelta(minutes=8)
PAST_GRACE = timedelta(seconds=COMPACTOR.grace_s) + STEP
TAIL_ROUNDS = 8
SOURCES = ("thulium", "conpeek")


@dataclass(frozen=True)
class Outcome:
    """Everything that must be the same however often it was interrupted."""

    audio: dict[str, str]
    """Key and SHA-256 of every audio object."""
    rows: dict[str, tuple[str, ...]]
    """Of every recording its row, as far as it does not tell when it was stored."""
    ledger: dict[str, tuple[str, str | None]]
    announced: frozenset[str]
    dead: frozenset[str]
    oddities: tuple[str, ...]
    """What contradicts itself; none, ever."""


class SmallWorld:
    """One run: polls, copies and compactions until all is stored or failed, then until the garbage is collected."""

    def __init__(self) -> None:
        self.world = World.make(SOURCES)
        self.calls: Calls = self.world.calls
        self._start = self.world.clock.now()
        self._providers = {source: FakeProvider(self.calls) for source in SOURCES}
        self._pipeline = Pipeline(self.world, self._providers)
        self._idle_rounds = 0
        self._states: dict[str, str] = {}
        self._backwards: list[str] = []
        self._add()
        self.calls.on_call(self._watch)

    def _add(self) -> None:
        listed_at = self._start - timedelta(minutes=30)
        plain, late, refused = (make_recording(number, listed_at=listed_at) for number in range(3))
        other = make_recording(3, "conpeek", listed_at=listed_at)
        self._providers["thulium"].add(plain, late, refused)
        self._providers["conpeek"].add(other)
        self._providers["conpeek"].audio[other.provider_key] = make_wav(3)

        def on_audio(recording: Recording) -> None:
            if recording.recording_id == late.recording_id and self.world.clock.now() < self._start + READY_AFTER:
                raise NotReady(Reason.NOT_FOUND, "404")
            if recording.recording_id == refused.recording_id:
                raise Terminal(Reason.FORBIDDEN, "403")

        self._providers["thulium"].on_audio = on_audio

    def _watch(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Rule 7: nothing leaves STORED, not even for a moment that a later poll would mend."""
        try:
            return proceed()
        finally:
            if call.port == "table":
                for id, item in self._recordings().items():
                    before, self._states[id] = self._states.get(id), item["state"]
                    if before == State.STORED != item["state"]:
                        self._backwards.append(f"{id} went from STORED to {item['state']} at {call.port}.{call.method}")

    # -- how it goes

    def round(self) -> Iterator[Invocation]:
        for source in SOURCES:
            yield self._invocation(f"poll {source}", partial(self._poll, source), partial(self._twin_poll, source))
        for source in SOURCES:
            while received := self.world.queues[source].receive():
                copy = partial(self._copy, source, received)
                yield self._invocation(f"copy {source}", copy, copy)
        yield self._invocation("compact", self._compact, self._compact)

    def _invocation(self, name: str, run: Callable[[], None], twin: Callable[[], None]) -> Invocation:
        return Invocation(name, run, twin, self._others)

    def _others(self) -> None:
        for source in SOURCES:
            self._twin_poll(source)
        for source in SOURCES:
            while received := self.world.queues[source].receive():
                self._copy(source, received)
        self._compact()

    def _poll(self, source: str) -> None:
        result = self._pipeline.poll(source)
        if result.trouble:
            raise RuntimeError(result.trouble)

    def _twin_poll(self, source: str) -> None:
        Pipeline(self.world, self._providers).poll(source)

    def _copy(self, source: str, received: list[Received]) -> None:
        messages = [Message(one.message_id, one.body, one.receipt_handle) for one in received]
        verdicts = self._pipeline.copier().copy_batch(messages)
        for one in received:
            if verdicts[one.message_id] is Verdict.DONE:
                self.world.queues[source].delete(one.receipt_handle)

    def _compact(self) -> None:
        until_s = self.world.clock.monotonic() + FUNCTION_TIME_S
        compact(self.world.store, self.world.table, self.world.clock, COMPACTOR, until_s, threads=1)

    def died(self) -> None:
        self._pipeline.restart()
        self._idle_rounds = 0

    def wait(self) -> None:
        now = self.world.clock.now()
        calm = now + PAST_GRACE if self._idle_rounds else now
        self.world.clock.advance_to(max(now + STEP, min(self._next_events(), default=calm)))

    def _next_events(self) -> list[datetime]:
        if self._waiting_rows():
            return [self.world.clock.now()]
        visible = [queue.next_visible_at() for queue in self.world.queues.values()]
        due = [item["due_at"] for item in self.world.table.items().values() if item.get("due_at", NEVER) != NEVER]
        return [moment for moment in visible if moment] + [datetime.fromisoformat(text) for text in due]

    def is_settled(self) -> bool:
        """Nothing is under way, and what was replaced is collected, or has had time enough to be."""
        if self._next_events() or not self._recordings():
            self._idle_rounds = 0
            return False
        self._idle_rounds += 1
        return not self._garbage() or self._idle_rounds > TAIL_ROUNDS

    def _garbage(self) -> set[str]:
        """Marks, and data files that no manifest names."""
        return set(self.world.store.bodies(GARBAGE)) | (self.world.store.bodies(DATA).keys() - self._named())

    def _named(self) -> set[str]:
        prefix = f"s3://{self.world.store.bucket}/"
        manifests = self.world.store.bodies(MANIFEST).values()
        return {line.removeprefix(prefix) for body in manifests for line in body.decode().splitlines()}

    def _waiting_rows(self) -> dict[str, bytes]:
        return self.world.store.bodies(INBOX)

    def _recordings(self) -> dict[str, dict[str, Any]]:
        return {
            id: item for id, item in self.world.table.items().items() if id.startswith(tuple(f"{s}-" for s in SOURCES))
        }

    # -- what it came to

    def outcome(self) -> Outcome:
        audio = {key: hashlib.sha256(body).hexdigest() for key, body in self.world.store.bodies("audio/").items()}
        rows = self._rows()
        ledger = self._recordings()
        return Outcome(
            audio=audio,
            rows={row["recording_id"]: tuple(f"{k}={v}" for k, v in row.items() if k != "stored_at") for row in rows},
            ledger={id: (item["state"], item.get("audio", {}).get("key")) for id, item in ledger.items()},
            announced=frozenset(event.detail["recording_id"] for event in self.world.bus.events),
            dead=frozenset(json.loads(body)["recording"]["recording_id"] for body in self.world.dlq.waiting()),
            oddities=tuple(self._oddities(audio, rows, ledger)),
        )

    def _rows(self) -> list[dict[str, Any]]:
        """The rows that a reader sees."""
        files = self.world.store.bodies(DATA)
        return [row for key in sorted(self._named()) for row in pq.read_table(io.BytesIO(files[key])).to_pylist()]

    def _oddities(
        self, audio: dict[str, str], rows: list[dict[str, Any]], ledger: dict[str, dict[str, Any]]
    ) -> Iterator[str]:
        yield from self._backwards
        for id, times in Counter(row["recording_id"] for row in rows).items():
            if times > 1:
                yield f"{id} has {times} rows"
        for row in rows:
            item = ledger.get(row["recording_id"], {})
            if item.get("state") != State.STORED:
                yield f"{row['recording_id']} has a row and is {item.get('state')}"
            elif audio.get(item["audio"]["key"]) != row["audio_sha256"]:
                yield f"{row['recording_id']}: its row's SHA-256 is not its object's"
        for id, item in ledger.items():
            if item["state"] == State.STORED and id not in {row["recording_id"] for row in rows}:
                yield f"{id} is STORED without a row"
        for key in self._garbage():
            yield f"{key} was never collected"
        for key in self.world.store.bodies(QUARANTINE):
            yield f"{key} was set aside"
