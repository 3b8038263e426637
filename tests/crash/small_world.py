"""One Call Lake in memory, driven as Scheduler, SQS and Lambda drive it, until it rests."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from call_lake.copying.outcome import Message, Verdict
from call_lake.lake.compactor import Compactor
from call_lake.ledger.entry import NEVER, State
from call_lake.ledger.expiry import SLACK
from call_lake.model.layout import INBOX
from call_lake.polling.poller import PollResult
from tests.crash import outcome
from tests.crash.harness import Invocation
from tests.crash.outcome import Outcome
from tests.support.fakes import Call, Calls, Received, World
from tests.support.fakes.calls import STATEMENT
from tests.support.fakes.provider import FakeProvider
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S, FUNCTIONS, Pipeline
from tests.support.roles import role_of

STEP = timedelta(minutes=5)
PAST_GRACE = timedelta(seconds=COMPACTOR.grace_s) + STEP
TAIL_ROUNDS = 8


class SmallWorld(ABC):
    """One run: polls, copies and compactions until all is stored or failed, then until days are closed and the garbage
    is collected."""

    sources: tuple[str, ...] = ("thulium",)
    compact_every = STEP
    retention_days = 0
    row_retention_days = 0
    transcript_retention_days = 0

    def __init__(self) -> None:
        self.world = World.make(self.sources)
        self.calls: Calls = self.world.calls
        self.start = self.world.clock.now()
        self.providers = {source: FakeProvider(self.calls) for source in self.sources}
        self._pipeline = self._new_pipeline()
        self._idle_rounds = 0
        self._compact_at = self.start + self.compact_every - STEP
        self._stored: set[str] = set()
        self._backwards: list[str] = []
        self.furnish()
        self.calls.on_call(self._watch)

    @abstractmethod
    def furnish(self) -> None:
        """Put recordings and trouble into the world."""

    def _watch(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Rule 7: nothing leaves STORED but to expire or to be erased, not even for a moment that a later poll would
        mend."""
        if call.port != "table" or call.method not in ("update", STATEMENT):
            return proceed()
        try:
            return proceed()
        finally:  # the answer may be lost, and the item changed all the same
            for item in outcome.recordings(self.world).values():
                self._see(item, call)

    def _see(self, item: Mapping[str, Any], call: Call) -> None:
        id, state = item["id"], item.get("state")
        if state == State.STORED:
            self._stored.add(id)
        elif id in self._stored and state not in (State.EXPIRED, State.ERASED):
            self._backwards.append(f"{id} went from STORED to {state} at {call}")

    # -- how it goes

    def round(self) -> Iterator[Invocation]:
        for source in self.sources:
            yield self.invocation(f"poll {source}", partial(self.poll, source), partial(self.twin_poll, source))
        for source in self.sources:
            while received := self.receive(source):
                copy = partial(self.copy, source, received)
                yield self.invocation(f"copy {source}", copy, copy)
        if self._compact_at <= self.world.clock.now():
            self._compact_at = self.world.clock.now() + self.compact_every
            yield self.invocation("compact", self.compact, self.compact)

    def invocation(self, name: str, run: Callable[[], object], twin: Callable[[], object]) -> Invocation:
        return Invocation(name, run, twin, self._others)

    def _others(self) -> None:
        for source in self.sources:
            self.twin_poll(source)
        for source in self.sources:
            while received := self.receive(source):
                self.copy(source, received)
        self.compact()

    def poll(self, source: str, **what: Any) -> None:
        result = self._pipeline.poll(source, **what)
        if result.trouble:
            raise RuntimeError(result.trouble)

    def twin_poll(self, source: str, **what: Any) -> PollResult:
        return self._new_pipeline().poll(source, **what)

    def _new_pipeline(self) -> Pipeline:
        conditions = ["RowsExpire"] * bool(self.row_retention_days)
        conditions += ["TranscriptsExpire", "TranscriptsExpireAlone"] * bool(self.transcript_retention_days)
        return Pipeline(
            self.world,
            self.providers,
            retention_days=self.retention_days,
            row_retention_days=self.row_retention_days,
            roles={name: role_of(name, *conditions) for name in FUNCTIONS},
        )

    def receive(self, source: str) -> list[Received]:
        return self.world.queues[source].receive()

    def copy(self, source: str, received: list[Received]) -> None:
        messages = [Message(one.message_id, one.body, one.receipt_handle, one.receive_count) for one in received]
        verdicts = self._pipeline.copy_batch(messages).verdicts
        for one in received:
            if verdicts[one.message_id] is Verdict.DONE:
                self.world.queues[source].delete(one.receipt_handle)

    def compact(self) -> None:
        until_s = self.world.clock.monotonic() + FUNCTION_TIME_S
        table = self._pipeline.table_of("Compactor")
        settings = replace(
            COMPACTOR,
            row_retention_days=self.row_retention_days,
            transcript_retention_days=self.transcript_retention_days,
        )
        Compactor(self.world.store, table, self.world.catalog, self.world.clock, settings, threads=1).run(until_s)

    def died(self) -> None:
        self._pipeline.restart()
        self._idle_rounds = 0

    def wait(self) -> None:
        now = self.world.clock.now()
        calm = now + PAST_GRACE if self._idle_rounds else now
        self.world.clock.advance_to(max(now + STEP, min(self._next_events(), default=calm)))
        if self.retention_days:
            self._pipeline.expire()

    def _next_events(self) -> list[datetime]:
        if self.world.store.bodies(INBOX):
            return [self._compact_at]
        visible = [queue.next_visible_at() for queue in self.world.queues.values()]
        due = [
            datetime.fromisoformat(item["due_at"])
            + (self._asked_after() if item.get("state") == State.STORED else timedelta())
            for item in self.world.table.items().values()
            if item.get("due_at", NEVER) != NEVER and item.get("state") != State.ERASED  # a tombstone is never due
        ]
        return [moment for moment in visible if moment] + due

    def _asked_after(self) -> timedelta:
        return timedelta(days=self.retention_days) + SLACK

    def is_settled(self) -> bool:
        """Nothing is under way, days are closed, and what was replaced is collected; or has had time enough to be."""
        listed = sum(len(provider.rows) for provider in self.providers.values())
        if self._next_events() or len(outcome.recordings(self.world)) < listed:
            self._idle_rounds = 0
            return False
        self._idle_rounds += 1
        unfinished = outcome.days_of_several_files(self.world) or outcome.garbage(self.world)
        return not unfinished or self._idle_rounds > TAIL_ROUNDS

    def outcome(self) -> Outcome:
        return outcome.outcome(self.world, tuple(self._backwards))
