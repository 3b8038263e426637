"""The pipeline, driven as the template's schedules drive it, and what that counted.

A month is put together from what was counted by itself: a step of five minutes in which nothing is new, a sweep that
finds nothing, a working day with one recording for each source now and then, and steps with twenty and with thirty
recordings for each source. Batches are full from ten on, so each further ten cost what the last ten did.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Self

from bench.cost.metered import BATCH, Meter, Unit, item_bytes, metered_world
from bench.cost.sound import sound
from bench.cost.words import words
from call_lake.copying.fetcher import CopierSource
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.ledger.entry import entry_of
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.model.table import row_of
from call_lake.model.windows import Window
from call_lake.polling.poller import PollResult
from call_lake.providers import VENDORS
from call_lake.wiring.copier import PAUSE_SEEN_S
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S, Pipeline

KEPT = Path(__file__).with_name("counts.json")
SOURCES = ("thulium", "conpeek")
STEP = timedelta(minutes=5)  # PollEvery and CompactEvery of the template
LISTED = timedelta(minutes=3)  # from a step's beginning: the poll at its end stops two minutes before (SettleSeconds)
STEPS_A_DAY = 120  # ten hours in which people call
SWEEP_DAYS = 14  # SweepDays
RARELY = 5  # one step in so many has a recording, where they are rare
FULL, MORE = 20, 30  # recordings for each source and step

type Counts = dict[str, float]
"""By unit. Plain names, for the counts are kept as JSON."""


@dataclass
class Deployment(Pipeline):
    """With what warm functions keep: the compactor its files, the copier for seconds whether a source is paused."""

    meter: Meter = field(default_factory=Meter)
    compactor: Compactor | None = None
    serial: int = 0
    paused: dict[str, tuple[float, bool]] = field(default_factory=dict)
    batch: int = BATCH

    def poll(self, source: str, *, sweep: bool = False, backfill: Window | None = None) -> PollResult:
        self.meter.add(Unit.POLLER_RUN, 1)
        return super().poll(source, sweep=sweep, backfill=backfill)

    def copy_once(self, source: str, batch: int = BATCH) -> int:
        copied = super().copy_once(source, batch)
        self.meter.add(Unit.COPIER_RUN, 1 if copied else 0)
        return copied

    def copy_all(self) -> None:
        for source in self.world.queues:
            while self.copy_once(source, self.batch):
                pass

    def compact(self) -> CompactionResult:
        self.meter.add(Unit.COMPACTOR_RUN, 1)
        world = self.world
        self.compactor = self.compactor or Compactor(
            world.store, world.table, world.catalog, world.clock, COMPACTOR, threads=1
        )
        until_s = world.clock.monotonic() + FUNCTION_TIME_S
        return self.compactor.run(until_s)

    def _copier_source(self, name: str) -> CopierSource:
        now_s = self.world.clock.monotonic()
        asked_s, is_paused = self.paused.get(name, (-PAUSE_SEEN_S, False))
        if now_s - asked_s >= PAUSE_SEEN_S:
            is_paused = self.book(name).paused_since() is not None
            self.paused[name] = (now_s, is_paused)
        return CopierSource(self.providers[name], self.world.queues[name], 5_000_000_000, 200.0, is_paused)

    def step(self, each: int) -> None:
        """Five minutes in which every source lists ``each`` new recordings."""
        clock = self.world.clock
        for source, provider in self.providers.items():
            assert isinstance(provider, FakeProvider)
            provider.add(*(self._recording(source, LISTED / each * number) for number in range(each)))
        clock.advance(STEP)
        for source in self.providers:
            self.poll(source)
        self.copy_all()
        self.compact()

    def sweep(self) -> None:
        """By pollers that remember nothing."""
        self.restart()
        for source in self.providers:
            self.poll(source, sweep=True)

    def taken(self) -> Counts:
        """What was counted since the last time."""
        return {str(unit): amount for unit, amount in sorted(self.meter.take().items()) if amount}

    def _recording(self, source: str, later: timedelta) -> Recording:
        """Listed so much later than now. Its record has the fields of the vendor's own sample (docs/providers.md)."""
        self.serial += 1
        now = self.world.clock.now()
        key = f"sprzedaz/{now:%Y-%m-%d}/{now:%Y-%m-%d_%H%M%S}_{self.serial:09d}.234.wav"
        made = make_recording(self.serial, source, key=key, started_at=now, listed_at=now + later)
        record = {
            "date": f"{now:%Y-%m-%d %H:%M}",
            "created_at": f"{now:%Y-%m-%d %H:%M}",
            "src": made.caller,
            "dst": made.callee,
            "disposition": made.disposition,
            "duration": made.duration_s,
            "billsec": made.talk_s,
            "filename": key,
            "user": made.agent,
            "connection_id": made.connection_id,
            "type": "INBOUND",
        }
        return replace(made, raw=json.dumps(record, separators=(",", ":")))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What one recording keeps permanently, in bytes, its audio apart; and the length of its row on the way."""

    ledger_bytes: int
    lake_bytes: int
    row_bytes: int


@dataclass(frozen=True, slots=True)
class Day:
    """What a working day adds to a day without calls: its steps, the compactions of the days after, one sweep over its
    recordings."""

    recordings: int
    steps: Counts
    after: Counts
    sweep: Counts


@dataclass(frozen=True, slots=True)
class Counted:
    """All that a bill needs. ``rare``: a day with a recording for each source at every fifth step; ``one``: at each.
    ``single``, ``full``, ``more``: one step with 1, 20, 30 recordings for each source; ``halves``: with 20 in twice as
    many batches. ``words``, ``sound``: what the transcript and the sound of one recording add."""

    idle_step: Counts
    idle_compaction: Counts
    idle_sweep: Counts
    rare: Day
    one: Day
    single: Counts
    full: Counts
    more: Counts
    halves: Counts
    words: Counts
    sound: Counts
    sizes: Sizes

    @classmethod
    def load(cls) -> Self:
        """What the last run kept. Raises ValueError for counts that another version of this module kept."""
        data = json.loads(KEPT.read_text(encoding="utf-8"))
        days = {name: Day(**data.pop(name)) for name in ("rare", "one")}
        try:
            return cls(**data | days | {"sizes": Sizes(**data["sizes"])})
        except TypeError as error:
            raise ValueError(f"{KEPT.name} has other counts than are needed: run `make cost` ({error})") from None

    def keep(self) -> None:
        KEPT.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def count() -> Counted:
    """Drive the pipeline and count: the same numbers each time."""
    idle_step, idle_compaction, idle_sweep = idle()

    def day(every: int) -> tuple[Day, Sizes]:
        made = _deployment()
        for number in range(STEPS_A_DAY):
            made.step(0 if number % every else 1)
        during = made.taken()
        made.sweep()
        sweep = made.taken()
        for wait in (timedelta(days=2), timedelta(days=1, minutes=5)):  # closed; what that replaced is collected
            made.world.clock.advance(wait)
            made.compact()
        after = made.taken()
        return Day(
            recordings=made.serial,
            steps=plus((1, during), (-STEPS_A_DAY, idle_step)),
            after=plus((1, after), (-2, idle_compaction)),
            sweep=plus((1, sweep), (-1, idle_sweep)),
        ), _sizes(made)

    (rare, _), (one, sizes) = day(RARELY), day(1)
    return Counted(
        idle_step=idle_step,
        idle_compaction=idle_compaction,
        idle_sweep=idle_sweep,
        rare=rare,
        one=one,
        single=busy(1),
        full=busy(FULL),
        more=busy(MORE),
        halves=busy(FULL, BATCH // 2),
        words=words(),
        sound=sound(),
        sizes=sizes,
    )


def idle() -> tuple[Counts, Counts, Counts]:
    """A step in which nothing is new, its compaction alone, and a sweep."""
    made = _deployment()
    made.step(0)
    step = made.taken()
    made.compact()
    compaction = made.taken()
    made.sweep()
    return step, compaction, made.taken()


def busy(each: int, batch: int = BATCH) -> Counts:
    """The second of two steps with so many recordings for each source, copied in batches of ``batch``."""
    made = _deployment()
    made.batch = batch
    made.step(each)
    made.taken()
    made.step(each)
    return made.taken()


def plus(*parts: tuple[float, Mapping[str, float]]) -> Counts:
    """The sum of counts, each so many times."""
    units = sorted({unit for _, counts in parts for unit in counts})
    return {unit: sum(times * counts.get(unit, 0) for times, counts in parts) for unit in units}


def _deployment() -> Deployment:
    """Polled and compacted once already, and in use: table ``calls`` had rows, so each run of the compactor looks at
    it. That costs the same with and without new recordings."""
    meter = Meter()
    world = metered_world(SOURCES, meter)
    world.store.put(CALLS.at(Partition(SOURCES[0], date(2020, 1, 1))).manifest, b"")  # RowRetentionDays emptied the day
    made = Deployment(world, {source: _provider(source) for source in SOURCES}, meter=meter)
    made.step(0)
    made.taken()
    return made


def _provider(source: str) -> FakeProvider:
    """With the vendor's own page; a third page in a window is too many (providers/paging.py)."""
    rows = {"thulium": 100, "conpeek": 500}[source]
    unit = {"thulium": timedelta(minutes=1), "conpeek": timedelta(seconds=1)}[source]
    return FakeProvider(unit=unit, rows_per_window=VENDORS[source].rows_per_window, page_size=rows, wide=2 * rows - 1)


def _sizes(made: Deployment) -> Sizes:
    items = [item for item in made.world.table.items().values() if "record" in item]
    entries = [entry_of(item) for item in items]
    rows = [row_of(entry.recording, entry.audio) for entry in entries if entry.recording and entry.audio]
    assert len(rows) == made.serial, "every recording is stored"
    return Sizes(
        ledger_bytes=round(sum(map(item_bytes, items)) / made.serial),
        lake_bytes=round(sum(map(len, made.world.store.bodies(CALLS.data).values())) / made.serial),
        row_bytes=round(sum(len(json.dumps(row)) for row in rows) / made.serial),
    )
