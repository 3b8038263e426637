"""``.call-lake/local.json``: written when the laptop's stack runs, and only then left there."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from call_lake.settings import SourceSettings
from call_lake_cli.console.errors import UserError
from call_lake_cli.main import app
from call_lake_cli.stack import laptop
from call_lake_cli.stack.handle import LOCAL_FILE, Stack, find_stack, read_local
from call_lake_cli.stack.version import this_version
from call_lake_local import private_folder, processes
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
    "Version": "0.0.9",
}
RUNNING = LocalStack(
    "call-lake",
    Endpoint("http://127.0.0.1:1", "eu-central-1", "test", "test"),
    OUTPUTS,
    (LocalSource("thulium", "thulium", "http://127.0.0.1:2/api", {}),),
    {"emulator": 1},
)


FACTS = {
    "stack": "call-lake",
    "endpoint_url": "http://127.0.0.1:4566",
    "region": "eu-central-1",
    "access_key_id": "key",
    "secret_access_key": "secret",
    "bucket": "lake",
    "ledger_table": "ledger",
    "sources_path": "/sources",
    "dlq_url": "http://dead",
    "bus": "bus",
    "database": "database",
    "workgroup": "workgroup",
    "recording_id_key": "key",
    "functions": {},
    "engines": {},
    "documents_url": "",
    "sound_url": "",
    "tap_url": "",
    "days": [],
    "version": this_version(),
}


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


def test_what_the_file_says_is_believed_only_of_this_machine(root: Path) -> None:
    file = root / LOCAL_FILE
    private_folder.write(file, json.dumps(FACTS))
    assert read_local(file).connection["endpoint_url"] == "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example:4566",
        "https://127.0.0.1:4566",
        "http://127.0.0.1.evil.example:4566",
        "http://127.0.0.1@evil.example:4566",
        "http://evil.example:4566/127.0.0.1",
        "http://10.0.0.1:4566",
        "http://0.0.0.0:4566",
        "http://localhost:4566",
        "//127.0.0.1:4566",
        "127.0.0.1:4566",
        "",
    ],
)
def test_an_address_that_is_not_this_machine_is_refused_with_advice(root: Path, url: str) -> None:
    file = root / LOCAL_FILE
    private_folder.write(file, json.dumps(FACTS | {"endpoint_url": url}))
    with pytest.raises(UserError, match=r"not this machine, so it is not used: remove it, then call-lake local up"):
        read_local(file)


@contextmanager
def emulator_in(root: Path) -> Iterator[None]:
    """A process in the place of the emulator."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    folder = (root / LOCAL_FILE).parent
    process = processes.start("emulator", command, state_dir=folder, environment={}, attached=True)
    try:
        yield
    finally:
        processes.end(process)


def test_an_address_is_not_used_once_the_emulator_has_ended_and_another_user_may_have_its_port(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folder.write(root / LOCAL_FILE, json.dumps(FACTS))
    monkeypatch.chdir(root)
    with emulator_in(root):
        assert find_stack().local
    with pytest.raises(UserError, match="does not run any more: call-lake local up starts a new one"):
        find_stack()


def test_a_file_that_others_can_change_is_not_believed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = root / LOCAL_FILE
    private_folder.write(file, json.dumps(FACTS))
    file.chmod(0o622)
    monkeypatch.chdir(root)
    with pytest.raises(LocalError, match="can be changed by other users"):
        find_stack()


def test_the_file_of_a_folder_above_is_judged_alike(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_folder.write(root / LOCAL_FILE, json.dumps(FACTS))
    (below := root / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(below)
    with emulator_in(root):
        assert find_stack().bucket == "lake"
    (root / LOCAL_FILE).parent.chmod(0o777)
    with pytest.raises(LocalError, match="can be changed by other users"):
        find_stack()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a command is typed, which has no stack."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (folder := tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(folder)
    return folder


def started_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / LOCAL_FILE).parent.mkdir(parents=True)
    monkeypatch.setattr(Stack, "sources", {})
    monkeypatch.setattr(local_stack, "up", lambda *_: RUNNING)
    laptop.start(Plan(), folder, quiet)
    return folder


def test_a_command_typed_in_another_folder_names_those_where_stacks_run(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started_in(tmp_path / "first lake", monkeypatch)
    second = started_in(tmp_path / "second", monkeypatch)
    with emulator_in(first), emulator_in(second):
        with pytest.raises(
            UserError, match=r"no stack here, but a local one runs in '.*/first lake' and in .*/second "
        ):
            find_stack()
        laptop.end(second)
        with pytest.raises(UserError, match=r"but a local one runs in '.*/first lake' \(cd there\): start"):
            find_stack()
        said = CliRunner().invoke(app, ["local", "down"]).stderr
        assert said.startswith("nothing was running here, but a local one runs in")


def test_a_stack_that_ended_otherwise_is_forgotten(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_in(tmp_path / "first", monkeypatch)
    noted = tmp_path / "state/call-lake/local-stacks"
    assert len(list(noted.iterdir())) == 1
    assert noted.stat().st_mode & 0o777 == 0o700
    with pytest.raises(UserError, match="no stack here: start one"):
        find_stack()
    assert list(noted.iterdir()) == []


def test_a_stack_starts_though_nothing_can_be_noted(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("no folder")
    started_in(tmp_path / "first", monkeypatch)
    with pytest.raises(UserError, match="no stack here: start one"):
        find_stack()


def test_what_another_user_could_have_noted_is_not_believed(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started_in(tmp_path / "first", monkeypatch)
    (tmp_path / "state/call-lake/local-stacks").chmod(0o777)
    with emulator_in(first), pytest.raises(UserError, match="no stack here: start one"):
        find_stack()
