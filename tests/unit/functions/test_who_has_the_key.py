"""Only the poller loads what computes recording ids: no function that handles hostile bytes does."""

import subprocess
import sys

import pytest

from tests.support.functions_in_memory import ENVIRONMENT
from tests.support.template import ROOT

MAKES_IDS = {"call_lake.model.recording_ids", "call_lake.ledger.id_key"}


@pytest.mark.parametrize(
    ("function", "loads"), [("poller", MAKES_IDS), ("copier", set()), ("compactor", set()), ("transcriber", set())]
)
def test_only_the_poller_can_make_recording_ids(function: str, loads: set[str]) -> None:
    environment = ENVIRONMENT | {"AWS_DEFAULT_REGION": "eu-central-1", "TRANSCRIPTION_LANGUAGE": "pl-PL"}
    run = subprocess.run(
        [sys.executable, "-c", f"import sys, functions.{function}.handler; print(*sys.modules)"],
        env=environment | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert MAKES_IDS & set(run.stdout.split()) == loads
