"""The whole pipeline over AWS in memory, driven as Scheduler, SQS and Lambda drive it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from call_lake.concurrency import BytesBudget
from call_lake.copying.copier import Copier, CopyCounts, Message, Verdict
from call_lake.copying.fetcher import Route
from call_lake.copying.retry import Quiet, RetryPolicy
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.source_state import SourceBook
from call_lake.model.windows import Window
from call_lake.polling.poller import Poller, PollResult
from call_lake.ports import Provider
from call_lake.settings import CompactorSettings, PollerSettings, SourceSettings
from tests.support.fakes import World

POLLER = PollerSettings(ledger_table="ledger", sources_path="/sources")
COMPACTOR = CompactorSettings(ledger_table="ledger", bucket="call-lake-test", sources=("thulium", "conpeek"))
POLICY = RetryPolicy(base_s=30, ceiling_s=21_600, queue_max_s=900, not_ready_deadline_s=172_800)
URLS = {"thulium": "https://example.thulium.com/api", "conpeek": "https://example.conpeek.com"}
FUNCTION_TIME_S = 240.0


@dataclass
class Pipeline:
    """One deployed Call Lake in memory. ``known`` is what a warm poller remembers; a restart forgets it. ``more``:
    further settings of every source. ``retention_days``: AudioRetentionDays; ``expire`` plays the bucket's rule."""

    world: World
    providers: Mapping[str, Provider]
    known: dict[str, dict[str, str | None]] = field(default_factory=dict)
    policy: RetryPolicy = POLICY
    counts: CopyCounts = field(default_factory=CopyCounts)
    more: Mapping[str, Any] = field(default_factory=dict)
    retention_days: int = 0
    _quiet: Quiet | None = None

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.world.table, self.world.clock, POLLER.republish_after_s)

    def book(self, source: str) -> SourceBook:
        return SourceBook(self.world.table, self.world.clock, source)

    def restart(self) -> None:
        """Every function starts cold."""
        self.known.clear()
        self._quiet = None
        self.world.secrets.forget()

    def poll(self, source: str, *, sweep: bool = False, backfill: Window | None = None) -> PollResult:
        settings = SourceSettings(source, source, URLS[source], **self.more)
        poller = Poller(
            settings,
            self.providers[source],
            self.ledger,
            self.book(source),
            self.world.queues[source],
            self.world.clock,
            replace(POLLER, retention_days=self.retention_days),
            until_s=self.world.clock.monotonic() + FUNCTION_TIME_S,
            known=self.known.setdefault(source, {}),
            threads=1,
        )
        return poller.poll(sweep=sweep, backfill=backfill)

    def copier(self) -> Copier:
        world = self.world
        self._quiet = self._quiet or Quiet(world.clock)
        return Copier(
            self.ledger,
            world.store,
            world.bus,
            world.dlq,
            self._route,
            world.clock,
            self.policy,
            BytesBudget(64_000_000),
            until_s=world.clock.monotonic() + FUNCTION_TIME_S,
            threads=1,
            retention_days=self.retention_days,
            jitter=random.Random(0),
            quiet=self._quiet,
        )

    def _route(self, name: str) -> Route:
        is_paused = self.book(name).paused_since() is not None
        return Route(self.providers[name], self.world.queues[name], 5_000_000_000, 200.0, is_paused)

    def copy_once(self, source: str, batch: int = 10) -> int:
        """One invocation by the queue's event source mapping; how many messages it was given."""
        queue = self.world.queues[source]
        received = queue.receive(batch)
        if received:
            messages = [Message(one.message_id, one.body, one.receipt_handle) for one in received]
            copier = self.copier()
            verdicts = copier.copy_batch(messages)
            for one in received:
                if verdicts[one.message_id] is Verdict.DONE:
                    queue.delete(one.receipt_handle)
            for name in CopyCounts.__slots__:
                setattr(self.counts, name, getattr(self.counts, name) + getattr(copier.counts, name))
        return len(received)

    def copy_all(self) -> None:
        """Until no message is visible."""
        for source in self.world.queues:
            while self.copy_once(source):
                pass

    def compact(self) -> CompactionResult:
        world = self.world
        compactor = Compactor(world.store, world.table, world.clock, COMPACTOR)
        return compactor.run(world.clock.monotonic() + FUNCTION_TIME_S)

    def expire(self) -> None:
        """What S3 does once a day: audio goes from the first midnight (UTC) on at which it is old enough."""
        midnight = self.world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        self.world.store.expire("audio/", midnight - timedelta(days=self.retention_days))

    def run_for(self, span: timedelta, step: timedelta = timedelta(minutes=5)) -> None:
        """Let the schedules fire until ``span`` has passed."""
        end = self.world.clock.now() + span
        while self.world.clock.now() < end:
            for source in self.providers:
                self.poll(source)
            self.copy_all()
            self.compact()
            self.world.clock.advance_to(self._next(step))

    def _next(self, step: timedelta) -> datetime:
        return self.world.clock.now() + step
