"""The whole pipeline over AWS in memory, driven as Scheduler, SQS and Lambda drive it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from call_lake.copying.copier import Copier, CopierPorts
from call_lake.copying.fetcher import CopierSource
from call_lake.copying.outcome import CopyCounts, CopyReport, Message, Verdict
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.ledger.id_key import IdKey
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.source_state import SourceState
from call_lake.model.windows import Window
from call_lake.polling.poller import PolledSource, Poller, PollResult
from call_lake.ports import Provider, Table
from call_lake.settings import CompactorSettings, CopierSettings, PollerSettings, SourceSettings
from tests.support.fakes import World
from tests.support.fakes.ids import ID_KEY_SECRET
from tests.support.roles import Role, TableOfRole, role_of

POLLER = PollerSettings(ledger_table="ledger", sources_path="/sources", recording_id_key=ID_KEY_SECRET)
COMPACTOR = CompactorSettings(ledger_table="ledger", bucket="call-lake-test", database="call_lake")
COPIER = CopierSettings(
    ledger_table="ledger",
    sources_path="/sources",
    bucket="call-lake-test",
    event_bus="call-lake",
    dlq_url="dead-letters",
    bytes_in_flight=64_000_000,
    copy_threads=1,
)
URLS = {"thulium": "https://example.thulium.com/api", "conpeek": "https://example.conpeek.com"}
FUNCTION_TIME_S = 240.0
FUNCTIONS = ("Poller", "Copier", "Compactor")


@dataclass
class Pipeline:
    """One deployed Call Lake in memory. Each function sees the ledger with its own role. ``known`` is what a
    warm poller remembers; a restart forgets it. ``more``: further settings of every source. ``retention_days``:
    AudioRetentionDays; ``expire`` plays the bucket's rule."""

    world: World
    providers: Mapping[str, Provider]
    known: dict[str, dict[str, str | None]] = field(default_factory=dict)
    poller_settings: PollerSettings = POLLER
    copier_settings: CopierSettings = COPIER
    counts: CopyCounts = field(default_factory=CopyCounts)
    more: Mapping[str, Any] = field(default_factory=dict)
    retention_days: int = 0
    row_retention_days: int = 0
    roles: Mapping[str, Role] = field(default_factory=lambda: {name: role_of(name) for name in FUNCTIONS})
    _copier: Copier | None = None
    _id_key: IdKey | None = None

    @property
    def ledger(self) -> Ledger:
        """The operator's, who may do everything."""
        return Ledger(self.world.table, self.world.clock, POLLER.republish_after_s)

    def ledger_of(self, function: str) -> Ledger:
        return Ledger(self.table_of(function), self.world.clock, POLLER.republish_after_s)

    def table_of(self, function: str) -> Table:
        return TableOfRole(self.world.table, self.roles[function])

    def book(self, source: str) -> SourceState:
        return SourceState(self.world.table, self.world.clock, source)

    def restart(self) -> None:
        """Every function starts cold."""
        self.known.clear()
        self._copier = self._id_key = None
        self.world.secrets.forget()

    def poll(self, source: str, *, sweep: bool = False, backfill: Window | None = None) -> PollResult:
        settings = SourceSettings(source, source, URLS[source], **self.more)
        known = self.known.setdefault(source, {})
        poller = Poller(
            PolledSource(settings, self.providers[source], self.world.queues[source], self.id_key, known),
            self.ledger_of("Poller"),
            self.world.clock,
            replace(
                self.poller_settings, retention_days=self.retention_days, row_retention_days=self.row_retention_days
            ),
            self.world.clock.monotonic() + FUNCTION_TIME_S,
            threads=1,
        )
        return poller.poll(sweep=sweep, backfill=backfill)

    @property
    def id_key(self) -> IdKey:
        """That of the warm poller."""
        if self._id_key is None:
            world = self.world
            read = lambda: world.secrets.get(ID_KEY_SECRET, fresh=True)  # noqa: E731
            self._id_key = IdKey(self.table_of("Poller"), world.clock, read, lambda: sorted(self.providers))
        return self._id_key

    @property
    def copier(self) -> Copier:
        """That of the warm function."""
        if self._copier is None:
            world = self.world
            ports = CopierPorts(self.ledger_of("Copier"), world.store, world.bus, world.dlq, world.clock)
            settings = replace(self.copier_settings, retention_days=self.retention_days)
            self._copier = Copier(ports, self._copier_source, settings, random.Random(0))
        return self._copier

    def retain(self, days: int) -> None:
        """Deploy with another AudioRetentionDays: every function starts cold."""
        self.retention_days = days
        self.restart()

    def _copier_source(self, name: str) -> CopierSource:
        state = SourceState(self.table_of("Copier"), self.world.clock, name)
        is_paused = state.paused_since() is not None
        return CopierSource(self.providers[name], self.world.queues[name], 5_000_000_000, 200.0, is_paused)

    def copy_batch(self, messages: Sequence[Message]) -> CopyReport:
        return self.copier.copy_batch(messages, self.world.clock.monotonic() + FUNCTION_TIME_S)

    def copy_once(self, source: str, batch: int = 10) -> int:
        """One invocation by the queue's event source mapping; how many messages it was given."""
        queue = self.world.queues[source]
        received = queue.receive(batch)
        if received:
            messages = [Message(one.message_id, one.body, one.receipt_handle, one.receive_count) for one in received]
            report = self.copy_batch(messages)
            for one in received:
                if report.verdicts[one.message_id] is Verdict.DONE:
                    queue.delete(one.receipt_handle)
            for name in CopyCounts.__slots__:
                setattr(self.counts, name, getattr(self.counts, name) + getattr(report.counts, name))
        return len(received)

    def copy_all(self) -> None:
        """Until no message is visible."""
        for source in self.world.queues:
            while self.copy_once(source):
                pass

    def compact(self) -> CompactionResult:
        world = self.world
        compactor = Compactor(world.store, self.table_of("Compactor"), world.catalog, world.clock, COMPACTOR)
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
            self.world.clock.advance(step)
