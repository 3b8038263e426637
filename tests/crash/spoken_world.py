"""What becomes of the words of stored recordings: transcriber, reader, an engine of the customer, compactor.

Driven as EventBridge, SQS, S3 and Amazon Transcribe drive them, until nothing is under way.
"""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from call_lake.lake.compactor import Compactor
from call_lake.ledger.entry import erased_among
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcribed_hours import TranscribedHours
from call_lake.ledger.transcripts import STATE, TranscriptState
from call_lake.model.events import TRANSCRIPT_READY
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import DOCUMENTS, TranscriptPlace, transcript_key
from call_lake.model.recording import Recording
from call_lake.model.transcribing import Wanted, document_written
from call_lake.ports import ObjectInfo
from call_lake.transcribing.transcriber import Message
from call_lake.transcripts.reader import DocumentMessage, ReaderPorts, TranscriptReader
from call_lake.transcripts.sweep import DocumentSweep, SweepDays
from tests.crash.harness import Invocation
from tests.support.fakes import MemoryQueue, MemoryTranscribe, Received, World
from tests.support.lake_samples import rows_in
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S
from tests.support.reading import document
from tests.support.transcribing import PREFIX, TranscribingBench

STEP = timedelta(minutes=5)
SWEEP_EVERY, LISTED_EVERY = timedelta(minutes=15), timedelta(days=1)
NEVER = datetime.max.replace(tzinfo=UTC)
UNFINISHED = (TranscriptState.WAITING, TranscriptState.RUNNING)
ENGINE = "local"
"""The name of the customer's engine."""

type Named = tuple[str, str]
"""A recording and an engine."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Everything that must be the same however often it was interrupted."""

    rows: dict[Named, str]
    """The words of each row."""
    documents: frozenset[str]
    states: dict[Named, tuple[str, str | None]]
    announced: frozenset[Named]
    dead: int
    oddities: tuple[str, ...]
    """What contradicts itself; none, ever."""


class SpokenWorld(ABC):
    """``hours``: MaxTranscribedHoursPerDay. Of the audio retention nothing is played but the days of the compactor."""

    hours = 100.0
    audio_days = 0
    engines: tuple[str, ...] = (ENGINE,)

    def __init__(self) -> None:
        self.world = World.make(("thulium",))
        self.calls = self.world.calls
        self.start = self.world.clock.now()
        world = self.world
        self.bench = TranscribingBench(world, self.hours, lambda ports: replace(ports, jobs=self.jobs_of(ports.queue)))
        self.engine_queues = {name: MemoryQueue(name, world.clock, self.calls, dlq=world.dlq) for name in self.engines}
        self.world.store.notify = self._notified
        self._swept_at = self.start - SWEEP_EVERY
        self._listed_at = self.start + LISTED_EVERY
        self._compactor: Compactor | None = None
        self.furnish()
        self.calls.log.clear()

    @abstractmethod
    def furnish(self) -> None:
        """Store recordings and put trouble into the world."""

    def jobs_of(self, queue: Any) -> MemoryTranscribe:
        self.jobs = MemoryTranscribe(self.world.clock, self.calls, self.world.store, queue.appear, PREFIX)
        return self.jobs

    def add(self, number: int, **facts: Any) -> Recording:
        """A recording that is stored; its event comes to every engine's queue."""
        recording = self.bench.stored(number, **facts)
        for queue in (self.bench.queue, *self.engine_queues.values()):
            queue.appear(self.bench.wanted(recording))
        return recording

    def _notified(self, info: ObjectInfo) -> None:
        if info.key.startswith(DOCUMENTS) and info.key.endswith(".json"):
            self.bench.documents.appear(document_written(self.world.store.bucket, info.key, info.etag))

    # -- how it goes

    def round(self) -> Iterator[Invocation]:
        yield from self._batches("transcribe", self.bench.queue, self.transcribe)
        for name, queue in self.engine_queues.items():
            yield from self._batches(f"engine {name}", queue, partial(self.recognize, name))
        yield from self._batches("read", self.bench.documents, self.read)
        now = self.world.clock.now()
        if self._due_at() <= now:
            self._swept_at = now
            yield self._invocation("sweep", self.sweep)
        if self._listed_at <= now:
            self._listed_at = now + LISTED_EVERY
            yield self._invocation("sweep of documents", self.sweep_documents)
        if self.world.store.bodies(TRANSCRIPTS.inbox) or self._is_old():
            yield self._invocation("compact", self.compact)

    def _batches(
        self, name: str, queue: MemoryQueue, work: Callable[[MemoryQueue, Sequence[Received]], None]
    ) -> Iterator[Invocation]:
        while received := queue.receive():
            yield self._invocation(name, partial(work, queue, received))

    def _invocation(self, name: str, run: Callable[[], object]) -> Invocation:
        return Invocation(name, run, run, self._others)

    def _others(self) -> None:
        self.sweep()
        self.sweep_documents()
        self.compact()

    def transcribe(self, queue: MemoryQueue, received: Sequence[Received]) -> None:
        again, _ = self.bench.transcriber.take(
            [Message(one.message_id, one.body, one.receive_count) for one in received]
        )
        self._done(queue, [one for one in received if one.message_id not in again])

    def sweep(self) -> None:
        if trouble := self.bench.transcriber.sweep(self.until_s).trouble:
            raise RuntimeError(trouble)

    def recognize(self, engine: str, queue: MemoryQueue, received: Sequence[Received]) -> None:
        """The engine of a customer: it writes its document, and then its message is done."""
        for one in received:
            wanted = Wanted.of_message(json.loads(one.body))
            key = transcript_key(wanted.partition, engine, wanted.recording_id)
            self.world.store.put(key, json.dumps(document(f"{engine} heard this")).encode())
            queue.delete(one.receipt_handle)

    def read(self, queue: MemoryQueue, received: Sequence[Received]) -> None:
        ports = ReaderPorts(self._ledger, self.world.store, self.world.bus, self.world.clock)
        messages = [DocumentMessage(one.message_id, one.body) for one in received]
        report = TranscriptReader(ports, "pl-PL").read_batch(messages, self.until_s)
        self._done(queue, [one for one in received if one.message_id not in report.again])
        if report.again:
            raise RuntimeError(f"again: {report.again}")

    def sweep_documents(self) -> None:
        swept = DocumentSweep(self.world.table, self.world.store, self.bench.documents, self.world.clock)
        swept.run(SweepDays.until(self.world.clock.now().date()), self.until_s)

    def compact(self) -> None:
        world, settings = self.world, replace(COMPACTOR, audio_retention_days=self.audio_days)
        if self._compactor is None:
            self._compactor = Compactor(world.store, world.table, world.catalog, world.clock, settings, threads=1)
        if failed := self._compactor.run(self.until_s).failed:
            raise RuntimeError(f"failed: {failed}")

    @property
    def until_s(self) -> float:
        return self.world.clock.monotonic() + FUNCTION_TIME_S

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.world.table, self.world.clock, 86_400)

    def _done(self, queue: MemoryQueue, received: Sequence[Received]) -> None:
        for one in received:
            queue.delete(one.receipt_handle)

    def died(self) -> None:
        self._compactor = None

    def wait(self) -> None:
        now = self.world.clock.now()
        self.world.clock.advance_to(max(now + STEP, min(self._next_events(), default=now)))
        self.jobs.run_jobs()

    def _next_events(self) -> list[datetime]:
        queues = (self.bench.queue, self.bench.documents, *self.engine_queues.values())
        found = [*(queue.next_visible_at() for queue in queues), self.jobs.next_end()]
        if (due := self._due_at()) != NEVER:
            found.append(due)
        if self._unread():
            found.append(self._listed_at)
        return [moment for moment in found if moment]

    def _due_at(self) -> datetime:
        """When a sweep finds something. Those before it only look into the index."""
        unfinished = [one for one in self.world.table.items().values() if one.get(STATE) in UNFINISHED]
        due = min((datetime.fromisoformat(one["due_at"]) for one in unfinished), default=NEVER)
        return max(due, self._swept_at + SWEEP_EVERY)

    def _unread(self) -> bool:
        """Documents of recordings that are not erased, of which the ledger knows nothing."""
        states = self._states()
        return any(self._named(key) not in states for key in self.world.store.bodies(DOCUMENTS))

    def _is_old(self) -> bool:
        """Whether transcripts are there that have to go."""
        return bool(self.audio_days) and self.world.clock.now() > self.start + timedelta(days=self.audio_days + 2)

    def is_settled(self) -> bool:
        return not self._next_events() and not self.world.store.bodies(TRANSCRIPTS.inbox)

    # -- what it came to

    def _named(self, key: str) -> Named:
        place = TranscriptPlace.of_key(key)
        return (place.recording_id, place.engine) if place else (key, "")

    def _states(self) -> dict[Named, tuple[str, str | None]]:
        items = self.world.table.items()
        parts = {id: id.split("#") for id in items if id.startswith("transcript#")}
        return {(id, engine): (items[key][STATE], items[key].get("reason")) for key, (_, engine, id) in parts.items()}

    def outcome(self) -> Spoken:
        rows = rows_in(self.world, TRANSCRIPTS)
        told = [event.detail for event in self.world.bus.events if event.detail_type == TRANSCRIPT_READY]
        return Spoken(
            rows={(row["recording_id"], row["engine"]): row["text"] for row in rows},
            documents=frozenset(self.world.store.bodies(DOCUMENTS)),
            states=self._states(),
            announced=frozenset((one["recording_id"], one["engine"]) for one in told),
            dead=len(self.world.dlq),
            oddities=tuple(self._oddities([(row["recording_id"], row["engine"]) for row in rows])),
        )

    def _oddities(self, rows: list[Named]) -> Iterator[str]:
        ready = {named for named, (state, _) in self._states().items() if state == TranscriptState.READY}
        for named, times in Counter(rows).items():
            if times > 1:
                yield f"{named} has {times} rows"
        for named in ready ^ set(rows):
            yield f"{named}: {'READY without a row' if named in ready else 'a row, and not READY'}"
        for key in self.world.store.bodies(TRANSCRIPTS.quarantine):
            yield f"{key} was set aside"
        erased = erased_among(self.world.table, {id for id, _ in rows})
        for id in erased:
            yield f"{id} is erased and has a row"
        yield from self._overspent()

    def _overspent(self) -> Iterator[str]:
        """Rule 30: of what was started on this day, nothing is left out of the count."""
        today = TranscribedHours(self.world.table, self.world.clock, self.hours).today()
        if today.used_s > today.limit_s:
            yield f"{today.used_s} s counted, of {today.limit_s}"
        for day, seconds in self.jobs.seconds_by_day().items():
            if seconds > today.limit_s:
                yield f"{seconds} s started on {day}, of {today.limit_s}"
