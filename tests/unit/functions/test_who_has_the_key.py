"""What a function loads: only the poller what computes recording ids, and none the check of its requests.

No function that handles hostile bytes can compute an id. The check is for tests and the local stack.
"""

import subprocess
import sys
from functools import cache

import pytest

from tests.support.functions_in_memory import ENVIRONMENT
from tests.support.template import ROOT

MAKES_IDS = {"call_lake.model.recording_ids", "call_lake.ledger.id_key"}


@cache
def modules_of(function: str) -> frozenset[str]:
    environment = ENVIRONMENT | {"AWS_DEFAULT_REGION": "eu-central-1"}
    run = subprocess.run(
        [sys.executable, "-c", f"import sys, functions.{function}.handler; print(*sys.modules)"],
        env=environment | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(run.stdout.split())


OTHERS = ("copier", "compactor", "transcriber", "transcript_reader", "sound_analyzer")


@pytest.mark.parametrize(
    ("function", "loads"),
    [("poller", MAKES_IDS), *((name, set()) for name in OTHERS)],
)
def test_only_the_poller_can_make_recording_ids(function: str, loads: set[str]) -> None:
    assert MAKES_IDS & modules_of(function) == loads


@pytest.mark.parametrize("function", ["poller", *OTHERS])
def test_no_function_loads_the_check_of_its_requests_unless_it_is_switched_on(function: str) -> None:
    assert "call_lake.aws.client" in modules_of(function)
    assert [name for name in modules_of(function) if name.startswith("call_lake.aws.strict")] == []
