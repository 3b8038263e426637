"""Bytes that Trino reads of files of real size: statistics and Bloom filters have to spare it most of them."""

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa

from bench.compact import dataset
from call_lake.lake.arrow_rows import arrow_schema
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from tests.trino.client import Answer, Trino
from tests.trino.laboratory import Laboratory
from tests.trino.report import Check
from tests.trino.world import World

ROWS_A_FILE = 100_000
DAYS = [Partition("thulium", date(2026, 8, day)) for day in (1, 2, 3)]
WITHOUT = {"parquet_use_bloom_filter": "false", "parquet_use_column_index": "false"}
WHERE = "call_date BETWEEN DATE '2026-08-01' AND DATE '2026-08-03'"
COLUMNS = "count(*), max(recording_id), max(started_at), max(caller), max(audio_uri), max(raw), max(talk_s)"
MOST = 0.5  # of a scan, that a search may read


def check(world: World) -> Iterator[Check]:
    recording_id, caller, started_at = _fill(world.laboratory)
    trino = world.trino.of(world.laboratory.name)
    scan = _ask(trino, "true")
    yield Check(
        f"bytes of a scan of {len(DAYS)} files of {ROWS_A_FILE:,} rows",
        f"{scan.read_bytes:,}",
        scan.rows[0][0] == str(len(DAYS) * ROWS_A_FILE),
    )
    for what, where in {
        "of a recording by its id": f"recording_id = '{recording_id}'",
        "of the calls of a number": f"caller = '{caller}'",
        "of an hour": f"started_at BETWEEN TIMESTAMP '{started_at}' AND TIMESTAMP '{started_at}' + INTERVAL '1' HOUR",
    }.items():
        with_, without = _ask(trino, where), _ask(trino, where, WITHOUT)
        share = with_.read_bytes / scan.read_bytes
        result = f"{with_.read_bytes:,} ({share:.0%} of the scan), without filters and index {without.read_bytes:,}"
        is_less = with_.read_bytes < without.read_bytes and share <= MOST
        yield Check(f"bytes {what}, {with_.rows[0][0]} rows", result, is_less and with_.rows == without.rows)


def _ask(trino: Trino, where: str, settings: dict[str, str] | None = None) -> Answer:
    return trino.ask(f"SELECT {COLUMNS} FROM calls WHERE {WHERE} AND {where}", settings)


def _fill(laboratory: Laboratory) -> tuple[str, str, str]:
    """One file a day, as the compactor writes it. Returns the id, the caller and the start of a row of the second one;
    the caller is in that file alone."""
    with tempfile.TemporaryDirectory(prefix="trino-rows-") as folder:
        dataset.make(Path(folder), len(DAYS) * ROWS_A_FILE, 0, 0)
        with pa.memory_map(str(Path(folder) / "load.arrow")) as file:
            rows = pa.ipc.open_file(file).read_all().select(arrow_schema(CALLS).names).sort_by("started_at")
            parts = [rows.slice(number * ROWS_A_FILE, ROWS_A_FILE) for number in range(len(DAYS))]
            for day, part in zip(DAYS, parts, strict=True):
                laboratory.add(day, part)
            elsewhere = {name for part in (parts[0], parts[2]) for name in part["caller"].to_pylist()}
            row = next(row for row in parts[1].to_pylist() if row["caller"] not in elsewhere)
    return row["recording_id"], row["caller"], f"{row['started_at']:%Y-%m-%d %H:%M:%S}"
