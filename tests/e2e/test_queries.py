"""The deployed view, the queries' files and the reading examples, as somebody with a laptop's stack uses them."""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

from tests.e2e.conftest import CALL_LAKE, DAYS, REPO, Shell
from tests.integration.tools import peers_python

READING = REPO / "docs/reading"
DAILY = "SELECT source, call_date, calls, inbound, outbound, talk_s FROM calls_daily ORDER BY source, call_date"


def test_the_deployed_view_counts_the_tables_rows(laptop: Shell) -> None:
    days = json.loads(laptop.type("query", DAILY, "--json").out)
    rows = json.loads(laptop.type("query", "SELECT source, call_date, direction FROM calls", "--json").out)

    counted = Counter((row["source"], row["call_date"]) for row in rows)
    assert {(day["source"], day["call_date"]): day["calls"] for day in days} == counted
    directions = Counter(row["direction"] for row in rows)
    assert sum(day["inbound"] for day in days) == directions["inbound"] > 0
    assert sum(day["outbound"] for day in days) == directions["outbound"] > 0


def test_a_reader_finds_the_laptops_lake_by_what_env_prints(laptop: Shell, tmp_path: Path) -> None:
    script = f'eval "$({CALL_LAKE} env)"; exec "$1" -B {READING}/read_polars.py {DAYS[1]} {DAYS[3]}'
    ran = subprocess.run(
        ["sh", "-euc", script, "sh", peers_python()],
        cwd=laptop.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    days = json.loads(laptop.type("query", DAILY, "--json").out)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        f"{day['source']} {day['call_date']} {day['calls']} {day['talk_s']}" for day in days
    ]


def test_call_lake_read_gives_the_laptops_calls_by_what_env_prints(laptop: Shell, tmp_path: Path) -> None:
    program = "import call_lake, sys; print(call_lake.read(*sys.argv[1:]).num_rows)"
    script = f'eval "$({CALL_LAKE} env)"; exec "$@"'
    ran = subprocess.run(
        ["sh", "-euc", script, "sh", CALL_LAKE.with_name("python"), "-c", program, DAYS[1], DAYS[3]],
        cwd=laptop.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    days = json.loads(laptop.type("query", DAILY, "--json").out)

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) == sum(day["calls"] for day in days) > 0
