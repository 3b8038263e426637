"""``make demo``, as a newcomer types it."""

import subprocess

from local import processes
from local.demo import ROOT
from tests.e2e.conftest import REPO


def test_the_demo_ends_well_and_leaves_no_process() -> None:
    done = subprocess.run(
        ["make", "demo"], cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
    )

    assert done.returncode == 0, done.stderr
    for title in ("What became of the recordings", "Calls per day", "Talk time per agent", "The ten longest calls"):
        assert title in done.stdout
    assert "400 Recording Stored" in done.stderr or "Recording Stored, of 400 recordings" in done.stderr
    state = REPO / ROOT / ".call-lake"
    assert [name for name in ("emulator", "simulators") if processes.find(name, state)] == []
