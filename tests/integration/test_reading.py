"""The files of docs/reading, run as a reader of the documentation would, all read the same calls: those that the
manifests name, whatever columns their files have."""

import os
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from uuid import uuid4

import boto3
import pyarrow as pa
import pytest

from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import call, commit_files, rows_table, write_calls
from tests.integration.tools import peers_python
from tests.support.view import view_table

READING = Path(__file__).parents[2] / "docs/reading"
READERS = ["read_awswrangler.py", "read_duckdb.py", "read_polars.py", "read_pyathena.py"]
SPARK_PYTHON = "CALL_LAKE_SPARK_PYTHON"
COLUMN = ("mood", "string")
EXPECTED = ["conpeek 2026-10-20 1 7.5", "thulium 2026-10-19 2 60.5", "thulium 2026-10-20 2 4.0"]


@pytest.fixture(scope="module")
def environment(aws: boto3.Session, emulator: Emulator) -> Mapping[str, str]:
    """Of a lake in which each day has a superseded file that a listing of the data would count, too. Thulium's days are
    a file from before a column was added and one from after it, once in either order."""
    lake = Lake(aws, emulator)
    lake.create_calls(columns=(*COLUMNS.items(), COLUMN))
    lake.glue.create_table(DatabaseName=lake.name, TableInput=view_table(lake.name))
    write_calls(lake, call("2026-10-19 08:00", talk_s=60.0), call("2026-10-20 08:00", talk_s=1.0))
    write_calls(
        lake,
        call("2026-10-18 08:00", talk_s=9.0),
        call("2026-10-20 08:00", source="conpeek", talk_s=7.5),
        call("2026-10-21 08:00", talk_s=9.0),
    )
    commit_files(lake, Partition("thulium", date(2026, 10, 19)), older("19", 60.0), newer("19", 0.5))
    commit_files(lake, Partition("thulium", date(2026, 10, 20)), newer("20", 3.0), older("20", 1.0))
    names = {"CALL_LAKE_BUCKET": lake.bucket, "CALL_LAKE_DATABASE": lake.name, "CALL_LAKE_WORKGROUP": lake.workgroup}
    return {"PATH": os.environ["PATH"], "AWS_ALLOW_HTTP": "true"} | emulator.environment() | names


def older(day: str, talk_s: float) -> pa.Table:
    return rows_table(call(f"2026-10-{day} 08:00", talk_s=talk_s) | {"recording_id": f"thulium-{uuid4().hex}"})


def newer(day: str, talk_s: float) -> pa.Table:
    return older(day, talk_s).append_column(COLUMN[0], pa.array(["a mood"]))


def run(environment: Mapping[str, str], tmp_path: Path, *command: Path | str) -> list[str]:
    ran = subprocess.run(
        command,
        env={**environment, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_counts_what_the_manifests_of_the_asked_days_name(
    environment: Mapping[str, str], reader: str, tmp_path: Path
) -> None:
    printed = run(environment, tmp_path, peers_python(), "-B", READING / reader, "2026-10-19", "2026-10-20")
    assert printed == EXPECTED


@pytest.mark.skipif(SPARK_PYTHON not in os.environ, reason=f"{SPARK_PYTHON} names no Python with pyspark and boto3")
def test_spark_counts_the_same(environment: Mapping[str, str], tmp_path: Path) -> None:
    """Over local copies of the files: Spark's own S3 client comes from elsewhere."""
    driver = Path(__file__).parent / "readers/spark_files.py"
    arguments = [driver, READING, tmp_path / "copies", "2026-10-19", "2026-10-20"]
    assert run(environment, tmp_path, os.environ[SPARK_PYTHON], "-B", *map(str, arguments)) == EXPECTED


def test_every_reader_is_tested() -> None:
    assert sorted(file.name for file in READING.glob("read_*.py")) == sorted([*READERS, "read_spark.py"])
