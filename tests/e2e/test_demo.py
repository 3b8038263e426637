"""``make demo``, as a newcomer types it."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from call_lake_cli.demo import INTERRUPTED, OVERVIEW, ROOT
from call_lake_local import stack
from tests.e2e.conftest import REPO


def test_the_demo_ends_well_and_leaves_no_process() -> None:
    done = subprocess.run(
        ["make", "demo"], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
    )

    assert done.returncode == 0, done.stderr
    for title in (
        "What became of the recordings",
        "Calls per day",
        "Talk time per agent",
        "The ten longest calls",
        "Who said",
    ):
        assert title in done.stdout
    assert "400 Recording Stored" in done.stderr or "Recording Stored, of 400 recordings" in done.stderr
    assert re.search(r"transcribed on this machine: (\d+) of \1 chosen", done.stderr)
    assert running() == []
    page = (REPO / ROOT / OVERVIEW).read_text(encoding="utf-8")
    counted = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])  # type: ignore[index]
    assert sum(day["calls"] for day in counted["days"]) == 400
    for said in (str(ROOT / OVERVIEW), "KEEP=1 make demo", "Try it on your own calls"):
        assert said in done.stderr


@pytest.mark.parametrize("until", ["emulator: ", "sam deploy", "waiting for the schedules"])
def test_ctrl_c_ends_the_demo_with_one_line_and_leaves_no_process(until: str) -> None:
    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "call_lake_cli.demo"],
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"KEEP": "1"},
        start_new_session=True,
    ) as demo:
        assert demo.stderr is not None
        pressed = False
        for line in demo.stderr:  # one that is broken off while it is printed comes twice
            said.append(line)
            if until in line and not pressed:
                pressed = True
                os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
        assert demo.wait(timeout=60) == INTERRUPTED, said

    assert "ending …" in said[-1]
    assert "Traceback" not in "".join(said)
    assert running() == []


def running() -> list[str]:
    return [process.name for process in stack.running(REPO / ROOT / ".call-lake")]
