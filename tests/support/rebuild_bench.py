"""A lake that is rebuilt, as the tests of rebuilding and of schema versions share it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from call_lake.model.layout import DATA, Partition
from call_lake.model.table import Row
from call_lake.operations.rebuild import RebuildAttempt, Rebuilder
from tests.support.fakes.provider import make_recording
from tests.support.lake_samples import rows_in
from tests.support.operator_bench import Bench
from tests.support.pipeline import COMPACTOR

SOURCES = ("thulium", "conpeek")


def rows(bench: Bench) -> list[Row]:
    return sorted(rows_in(bench.world), key=lambda row: str(row["recording_id"]))


def rebuilt(
    bench: Bench,
    sources: Sequence[str] = SOURCES,
    first: date = date.min,
    last: date = date.max,
    threads: int = 1,
) -> dict[Partition, RebuildAttempt]:
    world = bench.world
    rebuilder = Rebuilder(bench.ledger, world.store, world.clock, COMPACTOR, threads=threads)
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
    for key in bench.world.store.bodies(DATA):
        bench.world.store.put(key, b"this is no Parquet file, and longer than eight bytes")
