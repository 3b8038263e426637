"""The libraries that people read Athena with get the same rows through the local endpoint."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake, Row
from tests.integration.tools import peers_python

READER = Path(__file__).parent / "readers" / "athena_clients.py"
COLUMNS = ("recording_id", "started_at", "agent", "talk_s", "audio_bytes", "source", "call_date")


@pytest.fixture(scope="module")
def found(aws: boto3.Session, emulator: Emulator) -> dict[str, Any]:
    lake = Lake(aws, emulator)
    lake.create_calls()
    first = Row("thulium-1", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 'Zażółć, "Ewa"', 12.5, 5_000_000_000)
    second = Row("thulium-2", datetime(2026, 10, 25, 2, 30, tzinfo=UTC), None, 0.25, 7)
    lake.commit("thulium", "2026-10-25", lake.write([second, first]))
    ran = subprocess.run(
        [peers_python(), READER, lake.name, lake.workgroup, lake.results],
        env={"PATH": os.environ["PATH"], **emulator.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "reader", ["pyathena", "pyathena pandas", "awswrangler ctas", "awswrangler unload", "awswrangler csv"]
)
def test_a_reader_gets_every_row_and_value(found: dict[str, Any], reader: str) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) if isinstance(row, list) else row for row in found[reader]]
    times = [datetime.fromisoformat(row["started_at"]).replace(tzinfo=None) for row in rows]
    assert times == [datetime(2026, 10, 25, 1, 30), datetime(2026, 10, 25, 2, 30)]  # noqa: DTZ001 - UTC, without saying
    assert [(row["recording_id"], row["talk_s"], row["audio_bytes"]) for row in rows] == [
        ("thulium-1", 12.5, 5_000_000_000),
        ("thulium-2", 0.25, 7),
    ]
    assert rows[0]["agent"] == 'Zażółć, "Ewa"'
    assert rows[1]["agent"] in (None, "None", "nan", "<NA>") or rows[1]["agent"] != rows[1]["agent"]
    assert {(row["source"], row["call_date"][:10]) for row in rows} == {("thulium", "2026-10-25")}


@pytest.mark.parametrize("reader", ["pyathena parameters", "awswrangler parameters"])
def test_parameters_of_a_reader_reach_the_query(found: dict[str, Any], reader: str) -> None:
    assert found[reader] == 2


def test_the_catalogue_tells_the_declared_types(found: dict[str, Any]) -> None:
    assert found["awswrangler columns"]["started_at"] == "timestamp"
