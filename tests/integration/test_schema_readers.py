"""One partition whose files have different columns, as after a column was added: every documented reader reads both."""

import io
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from uuid import uuid4

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from call_lake.lake.arrow_rows import table_of
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import call
from tests.integration.tools import peers_python
from tests.support.view import view_table

READING = Path(__file__).parents[2] / "docs/reading"
PARTITION = Partition("thulium", date(2026, 10, 19))
COLUMN = ("queue", "string")


def older(number: int) -> pa.Table:
    row = call("2026-10-19 08:00", talk_s=30.0) | {"recording_id": f"thulium-{number:032x}"}
    table, rejected = table_of([json.dumps({name: v for name, v in row.items() if v is not None})], PARTITION)
    assert not rejected
    return table


def newer(number: int) -> pa.Table:
    return older(number).append_column(COLUMN[0], pa.array([f"queue {number}"]))


@pytest.fixture(scope="module", params=["the older file first", "the newer file first"])
def lake(aws: boto3.Session, emulator: Emulator, request: pytest.FixtureRequest) -> Lake:
    lake = Lake(aws, emulator)
    lake.create_calls(columns=(*COLUMNS.items(), COLUMN))
    lake.glue.create_table(DatabaseName=lake.name, TableInput=view_table(lake.name))
    tables = [older(1), newer(2)]
    uris = []
    for table in tables if request.param.startswith("the older") else reversed(tables):
        body = io.BytesIO()
        pq.write_table(table, body)
        uris.append(lake.put(f"{PARTITION.data}{uuid4().hex}.parquet", body.getvalue()))
    lake.commit(PARTITION.source, PARTITION.call_date.isoformat(), *uris)
    return lake


@pytest.fixture
def environment(lake: Lake, emulator: Emulator, tmp_path: Path) -> Mapping[str, str]:
    names = {"CALL_LAKE_BUCKET": lake.bucket, "CALL_LAKE_DATABASE": lake.name, "CALL_LAKE_WORKGROUP": lake.workgroup}
    basics = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ALLOW_HTTP": "true"}
    return basics | emulator.environment() | names


def test_athena_shows_the_new_column_empty_where_a_file_lacks_it(lake: Lake) -> None:
    assert lake.rows("SELECT recording_id, queue, talk_s FROM calls ORDER BY 1") == [
        (f"thulium-{1:032x}", None, "30.0"),
        (f"thulium-{2:032x}", "queue 2", "30.0"),
    ]


@pytest.mark.parametrize("reader", ["read_awswrangler.py", "read_duckdb.py", "read_polars.py", "read_pyathena.py"])
def test_a_documented_reader_counts_the_rows_of_both(environment: Mapping[str, str], reader: str) -> None:
    ran = subprocess.run(
        [peers_python(), "-B", READING / reader, "2026-10-19", "2026-10-19"],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["thulium 2026-10-19 2 60.0"]
