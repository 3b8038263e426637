"""A stack with years of calls, in memory: partitions of the lake, the newest days in full, and the ledger's items of
these days. All older days share one data file, for a search reads them all alike."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from io import BytesIO
from itertools import islice

import pyarrow.parquet as pq

from bench.cost.metered import LIST_KEYS, Meter, MeteredTable, metered_world
from call_lake.bucket import inbox
from call_lake.lake.compactor import Compactor
from call_lake.lake.search import read_partition
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS, TablePartition, data_key
from call_lake.model.layout import Partition
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from call_lake.model.table import row_of
from call_lake.operations.verify.findings import TableRow
from call_lake.ports import Item, ObjectInfo, ObjectVersion
from tests.support.fakes import MemoryStore, World
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.provider import make_recording, make_wav
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S, POLLER

SOURCES = ("thulium", "conpeek")
WHOLE, SINCE_WHOLE = 30, 3
"""Of the first source so many days are whole, the last of them so many days ago: what is verified and rebuilt."""
ERASED_NUMBER = "+48 800 111 222"
ERASED_CALLS = 5
DAYS_A_YEAR = 365


class HistoryTable(MeteredTable):
    """``scanned``: what a scan gives; its pages are measured elsewhere (scan.py)."""

    scanned: list[Item]

    def scan(self, attributes: Sequence[str], *, may_be_late: bool = False) -> Iterator[Item]:
        return iter(self.scanned)


class PagedStore(MemoryStore):
    """A list is a request for each 1,000 keys that somebody reads."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        yield from self._paged(super().list(prefix))

    def list_versions(self, prefix: str) -> Iterator[ObjectVersion]:
        yield from self._paged(super().list_versions(prefix))

    def _paged[T](self, found: Iterator[T]) -> Iterator[T]:
        for number, one in enumerate(found):
            if number and number % LIST_KEYS == 0:
                self._calls.run("store", "list", list)
            yield one


@dataclass
class History:
    """``calls``: of each source and day."""

    years: int
    calls: int
    world: World = field(init=False)
    meter: Meter = field(init=False)
    recordings: dict[date, list[Recording]] = field(init=False, default_factory=dict)
    rows: dict[date, list[TableRow]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        clock, self.meter = FakeClock(), Meter()
        self.world = metered_world(SOURCES, self.meter, clock)
        self.table = HistoryTable(clock, self.world.calls, self.meter)
        self.table.scanned = []
        store = PagedStore(self.world.store.bucket, clock, self.world.calls)
        self.world = replace(self.world, table=self.table, store=store)
        self._fill()
        self.meter.take()

    @property
    def days(self) -> list[date]:
        """All of the history, the newest last."""
        last = self.world.clock.now().date() - timedelta(days=SINCE_WHOLE)
        return [last - timedelta(days=ago) for ago in reversed(range(self.years * DAYS_A_YEAR))]

    @property
    def whole_days(self) -> list[date]:
        return self.days[-WHOLE:]

    @property
    def partitions(self) -> int:
        return len(SOURCES) * len(self.days)

    @property
    def items(self) -> int:
        """Of the whole ledger."""
        return self.partitions * self.calls

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.world.table, self.world.clock, POLLER.republish_after_s)

    def compactor(self) -> Compactor:
        """A warm one: it has run once."""
        world = self.world
        made = Compactor(world.store, world.table, world.catalog, world.clock, COMPACTOR)
        self.run(made)
        return made

    def run(self, compactor: Compactor) -> None:
        result = compactor.run(self.world.clock.monotonic() + FUNCTION_TIME_S)
        assert not result.failed, result

    def partition_of(self, day: date) -> TablePartition:
        return CALLS.at(Partition(SOURCES[0], day))

    def id(self) -> str:
        """Of some recording of a day that is whole."""
        return self.recordings[self.whole_days[0]][0].recording_id

    def ids(self) -> list[Item]:
        """What a scan gives of the whole days, for one who asks for ids and days."""
        return [
            {"id": one.recording_id, "call_date": day.isoformat()} for day, of in self.recordings.items() for one in of
        ]

    def some_items(self, count: int) -> list[Item]:
        return list(islice(self.table.items(f"{SOURCES[0]}-").values(), count))

    # -- inside

    def _fill(self) -> None:
        for number, day in enumerate(self.whole_days):
            self._fill_day(day, 1 + number * self.calls)
        shared = self._shared_body(self.whole_days[0])
        for source in SOURCES:
            for day in self.days:
                place = CALLS.at(Partition(source, day))
                if source != SOURCES[0] or day not in self.recordings:
                    self._appear(place, shared)
        self.compactor()  # registers them all

    def _fill_day(self, day: date, first: int) -> None:
        """Every recording of one day: item, audio, row."""
        wav = make_wav(1)
        facts = AudioFacts("wav", len(wav), hashlib.sha256(wav).hexdigest(), 1, 8000, 0.05)
        now, store = self.world.clock.now(), self.world.store
        audio, made = [], []
        for number in range(first, first + self.calls):
            ago = self.world.clock.now().replace(hour=8, minute=0) + timedelta(seconds=number - first)
            started_at = ago.replace(year=day.year, month=day.month, day=day.day)
            one = make_recording(number, SOURCES[0], started_at=started_at, key=f"{day}/{number}.wav")
            if number - first < ERASED_CALLS and day == self.whole_days[-1]:
                one = replace(one, caller=ERASED_NUMBER)
            key = f"{Partition(SOURCES[0], day).audio}{one.recording_id}.wav"
            stored = StoredAudio(store.bucket, key, facts, now)
            self.ledger.discovered(one)
            self.ledger.stored(one, stored)
            store._write(key, wav, None, facts.sha256)
            made.append(one)
            audio.append(stored)
        self.recordings[day] = made
        inbox.put_rows(store, [row_of(one, stored) for one, stored in zip(made, audio, strict=True)], CALLS)
        self.compactor()
        self.rows[day] = [
            TableRow(one.recording_id, day, stored.uri, facts.sha256) for one, stored in zip(made, audio, strict=True)
        ]

    def _shared_body(self, day: date) -> bytes:
        place = self.partition_of(day)
        assert len(read_partition(self.world.store, place)) == self.calls
        (body,) = self.world.store.bodies(place.data).values()
        assert pq.ParquetFile(BytesIO(body)).metadata.num_rows == self.calls
        return body

    def _appear(self, place: TablePartition, body: bytes) -> None:
        store = self.world.store
        key = data_key(place, hashlib.sha256(str(place).encode()).hexdigest()[:32])
        store.appear(key, body)
        store.appear(place.manifest, f"s3://{store.bucket}/{key}\n".encode())
