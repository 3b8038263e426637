"""Both sources in memory, settled, then broken, looked at and mended as the operator's commands do."""

import io
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow.parquet as pq

from call_lake.lake.lake import Lake
from call_lake.ledger.entry import State, state_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.model.table import Row
from call_lake.operations.days import Days
from call_lake.operations.rebuild import RebuildAttempt, Rebuilder
from call_lake.operations.verify.findings import Finding, Kind, TableRow
from call_lake.operations.verify.redownload import Redownloader
from call_lake.operations.verify.repair import Repairer
from call_lake.operations.verify.verifier import StackData, Verifier, VerifyReport
from call_lake.ports import Item, Provider
from call_lake.settings import SourceSettings
from tests.support.fakes import World
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.lake_samples import rows_in
from tests.support.pipeline import COMPACTOR, URLS, Pipeline

DAY = date(2026, 10, 20)
DAYS = Days(DAY, DAY)


class Bench:
    """A world that runs; ``recordings`` of Thulium are added before the first poll."""

    def __init__(self, recordings: int = 3) -> None:
        self.world = World.make()
        self.thulium, self.conpeek = FakeProvider(self.world.calls), FakeProvider(self.world.calls)
        self.pipeline = Pipeline(self.world, {"thulium": self.thulium, "conpeek": self.conpeek})
        self.recordings = [make_recording(number) for number in range(recordings)]
        self.thulium.add(*self.recordings)

    @property
    def ledger(self) -> Ledger:
        return self.pipeline.ledger

    def settle(self) -> None:
        """Let some minutes pass with polls, copies and compactions."""
        self.pipeline.run_for(timedelta(minutes=15))

    def restart(self) -> None:
        self.pipeline.restart()

    # -- what the operator does

    def verify(
        self,
        days: Days = DAYS,
        *,
        source: str = "thulium",
        provider: Provider | None = None,
        audio_kept: timedelta | None = None,
    ) -> VerifyReport:
        in_ledger = {id: day for id, name, day in self.ledger.days(days.first, days.last) if name == source}
        verifier = Verifier(
            SourceSettings(source, source, URLS[source]),
            provider or self.pipeline.providers[source],
            StackData(self.ledger, self.world.store, self.world.catalog, self.rows, audio_kept),
            self.world.clock,
            IDS,
            threads=1,
        )
        return verifier.verify(days, in_ledger, lambda step, done, total: None)

    def redownload(self, count: int = 100, *, seed: int = 0, **more: Any) -> VerifyReport:
        """As ``call-lake verify --redownload`` does for Thulium. ``more``: further settings of the source."""
        report = self.verify()
        settings = SourceSettings("thulium", "thulium", URLS["thulium"], **more)
        again = Redownloader(settings, self.thulium, self.ledger, self.world.clock, random.Random(seed))
        again.ask_again(report, lambda step, done, total: None)
        if count:
            again.compare(report, count, lambda step, done, total: None)
        return report

    def repair(self, report: VerifyReport) -> dict[str, str]:
        queue = self.world.queues[report.source]
        return Repairer(self.ledger, self.world.store, self.world.catalog, queue, self.world.clock).repair(report)

    # -- what stands

    def rows(self, source: str, days: Sequence[date]) -> list[TableRow]:
        """The rows that the manifests of registered partitions name."""
        found = []
        for partition in self.world.catalog.seen("calls").intersection(Partition(source, day) for day in days):
            manifests = self.world.store.bodies(f"{CALLS.manifests}{partition.path}").values()
            for line in (line for body in manifests for line in body.decode().splitlines()):
                key = line.removeprefix(f"s3://{self.world.store.bucket}/")
                for row in pq.read_table(io.BytesIO(self.world.store.bodies(CALLS.data)[key])).to_pylist():
                    found.append(
                        TableRow(row["recording_id"], partition.call_date, row["audio_uri"], row["audio_sha256"])
                    )
        return found

    def item(self, recording: Recording) -> Item:
        return self.world.table.items()[recording.recording_id]

    def audio_key(self, recording: Recording) -> str:
        return str(self.item(recording)["audio"]["key"])

    def states(self) -> list[State]:
        return [state_of(self.item(recording)) for recording in self.recordings]

    # -- what breaks

    def lose_item(self, recording: Recording) -> None:
        """No call of Call Lake's can do this."""
        self.world.table._items.pop(recording.recording_id)
        self.world.table._index.pop(recording.recording_id, None)
        self.pipeline.known.clear()

    def lose_row(self, recording: Recording) -> None:
        lake = Lake(self.world.store, self.world.table, self.world.clock, 86_400)
        assert lake.remove(CALLS.at(Partition.of_recording(recording)), {recording.recording_id}) == 1


def kinds(findings: Sequence[Finding]) -> list[Kind]:
    return sorted(finding.kind for finding in findings)


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


# -- benches to begin with, and the lake's rebuild


def settled() -> Bench:
    """Three recordings, all of them stored."""
    bench = Bench(3)
    bench.settle()
    assert bench.states() == [State.STORED] * 3
    return bench


def rows(bench: Bench) -> list[Row]:
    return sorted(rows_in(bench.world), key=lambda row: str(row["recording_id"]))


def rebuilt(
    bench: Bench,
    sources: Sequence[str] = ("thulium", "conpeek"),
    first: date = date.min,
    last: date = date.max,
    threads: int = 1,
) -> dict[Partition, RebuildAttempt]:
    world = bench.world
    rebuilder = Rebuilder(bench.ledger, world.store, world.catalog, world.clock, COMPACTOR.grace_s, threads=threads)
    found = rebuilder.find(sources, first, last)
    return {done.partition: done for done in rebuilder.rebuild(found, lambda so_far, of: None)}


def lose(bench: Bench, *prefixes: str) -> None:
    for prefix in prefixes:
        bench.world.store.delete(list(bench.world.store.bodies(prefix)))


def lose_all(bench: Bench) -> None:
    lose(bench, "lake/", "inbox/")


def five_rows() -> Bench:
    """Three stored recordings of Thulium's on one day, one on the day before, one of Conpeek's."""
    bench = Bench(3)
    yesterday = make_recording(9).started_at - timedelta(days=1)
    bench.thulium.add(replace(make_recording(9), started_at=yesterday, call_date=yesterday.date()))
    bench.conpeek.add(make_recording(10, "conpeek"))
    bench.settle()
    assert len(rows(bench)) == 5
    return bench


def overwrite_files(bench: Bench) -> None:
    for key in bench.world.store.bodies(CALLS.data):
        bench.world.store.put(key, b"this is no Parquet file, and longer than eight bytes")
