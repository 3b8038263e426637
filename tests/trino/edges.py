"""What a lake holds rarely: a day whose rows are all gone, a day without a manifest, files of an older schema."""

from collections.abc import Iterator
from datetime import date

import pyarrow as pa

from call_lake.lake.arrow_rows import arrow_schema
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from tests.integration.call_rows import call, commit_files, rows_table
from tests.trino.laboratory import Laboratory
from tests.trino.report import Check, compared
from tests.trino.world import World

ALL_ERASED, NO_LINES, NO_MANIFEST, UPGRADED = (Partition("conpeek", date(2026, 9, day)) for day in (1, 2, 3, 4))
NEWEST = "audio_note"  # the column that schema version 2 added
LATER = arrow_schema(CALLS).names[arrow_schema(CALLS).get_field_index(NEWEST) :]  # than version 1
ERASED, OLD, NEW = (f"conpeek-{number:032x}" for number in range(3))
VERSION_1 = {"call_lake.schema_version": "1", "call_lake.tier": "0", "call_lake.since": "2026-09-04T00:00:00.000Z"}


def check(world: World) -> Iterator[Check]:
    laboratory = world.laboratory
    _make_empty_days(laboratory)
    for what, day in (
        ("a day whose rows are all erased", ALL_ERASED),
        ("a day whose manifest has no line", NO_LINES),
        ("a day without a manifest", NO_MANIFEST),
    ):
        yield _expected(what, "recording_id", day, [], world)
    _make_upgraded_day(laboratory)
    rows = [(OLD, "1", None), (NEW, "2", "cut")]
    yield _expected("files of two schema versions", f"recording_id, schema_version, {NEWEST}", UPGRADED, rows, world)
    laboratory.call_lake.close(CALLS.at(UPGRADED))
    yield _expected("these two merged into one", f"recording_id, schema_version, {NEWEST}", UPGRADED, rows, world)


def _expected(what: str, columns: str, day: Partition, rows: list, world: World) -> Check:
    where = f"source = '{day.source}' AND call_date = DATE '{day.call_date}'"
    sql = f"SELECT {columns} FROM calls WHERE {where} ORDER BY recording_id"
    theirs = world.trino.of(world.laboratory.name).rows(sql)
    if theirs != rows:
        return Check(what, f"Trino {theirs}, not {rows}", ok=False)
    return compared(what, world.laboratory.rows(sql), theirs)


def _make_empty_days(laboratory: Laboratory) -> None:
    """The first as an erasure leaves it: its manifest names a file without rows. No writer leaves the others."""
    laboratory.add(ALL_ERASED, rows_table(_row(ALL_ERASED, ERASED)))
    laboratory.table.update(ERASED, {"state": "ERASED"})
    laboratory.call_lake.remove(CALLS.at(ALL_ERASED), {ERASED})
    laboratory.put(CALLS.at(NO_LINES).manifest, b"")
    laboratory.catalog.register("calls", [NO_LINES, NO_MANIFEST])


def _make_upgraded_day(laboratory: Laboratory) -> None:
    """One file as version 1 wrote it, and one of today's beside it."""
    schema = pa.schema([field for field in arrow_schema(CALLS) if field.name not in LATER], metadata=VERSION_1)
    old = rows_table(_row(UPGRADED, OLD)).drop_columns(LATER).cast(schema)
    commit_files(laboratory, UPGRADED, old)
    laboratory.add(UPGRADED, rows_table(_row(UPGRADED, NEW, schema_version=2, **{NEWEST: "cut"})))


def _row(day: Partition, recording_id: str, **fields: object) -> dict:
    return call(f"{day.call_date} 09:00", day.source, recording_id=recording_id, **fields)
