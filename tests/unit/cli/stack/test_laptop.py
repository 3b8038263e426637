"""``.call-lake/local.json``: written when the laptop's stack runs, and only then left there."""

import json
from pathlib import Path

import pytest

from call_lake.settings import SourceSettings
from call_lake_cli.stack import laptop
from call_lake_cli.stack.handle import LOCAL_FILE, Stack, read_local
from call_lake_local import stack as local_stack
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import LocalError
from call_lake_local.processes import Process
from call_lake_local.stack import LocalSource, LocalStack, Plan

OUTPUTS = {
    "BucketName": "lake",
    "LedgerTable": "ledger",
    "SourcesPath": "/sources",
    "DeadLettersUrl": "http://dead",
    "BusName": "bus",
    "DatabaseName": "database",
    "WorkgroupName": "workgroup",
    "RecordingIdKeySecret": "key",
    "PollerName": "poller",
    "CopierName": "copier",
    "CompactorName": "compactor",
}
RUNNING = LocalStack(
    "call-lake",
    Endpoint("http://127.0.0.1:1", "eu-central-1", "test", "test"),
    OUTPUTS,
    (LocalSource("thulium", "thulium", "http://127.0.0.1:2/api", {}),),
    {"emulator": 1},
)


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / LOCAL_FILE).parent.mkdir()
    (tmp_path / LOCAL_FILE).write_text("{}")
    return tmp_path


def test_what_runs_is_described_for_every_other_command(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SourceSettings("thulium", "thulium", "http://127.0.0.1:2/api", queue_url="http://queue")
    monkeypatch.setattr(Stack, "sources", {"thulium": source})
    monkeypatch.setattr(local_stack, "up", lambda *_: RUNNING)

    made = laptop.start(Plan(), root, quiet)

    assert read_local(root / LOCAL_FILE) == made
    facts = json.loads((root / LOCAL_FILE).read_text())
    assert (facts["queues"], facts["pids"]) == ({"thulium": "http://queue"}, {"emulator": 1})
    assert facts["urls"] == {"thulium": "http://127.0.0.1:2/api"}


@pytest.mark.parametrize("runs", [True, False], ids=["another stack runs", "nothing runs"])
def test_a_start_that_fails_leaves_the_description_of_what_runs_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    def refuse(*_: object) -> LocalStack:
        raise LocalError("the local stack runs already")

    monkeypatch.setattr(local_stack, "up", refuse)
    monkeypatch.setattr(local_stack, "running", lambda _: [Process("emulator", 1, root)] if runs else [])

    with pytest.raises(LocalError):
        laptop.start(Plan(), root, quiet)
    assert (root / LOCAL_FILE).exists() == runs
