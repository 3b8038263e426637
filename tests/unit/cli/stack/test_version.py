"""A command of another version than the stack warns, and changes nothing that it might not understand."""

import shlex
import sys
import tomllib
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake_cli.console.errors import UserError
from call_lake_cli.main import app
from call_lake_cli.stack import version
from call_lake_cli.stack.handle import Stack, stack_from_outputs
from call_lake_cli.stack.version import refuse_other_version, this_version, warn_of_other_version
from tests.support.template import ROOT, parse
from tests.unit.cli.stack.test_laptop import OUTPUTS

LAKE = stack_from_outputs("lake", OUTPUTS, {}, local=False)
DAYS = "--from 2026-10-20 --to 2026-10-20"


def test_the_project_the_template_and_the_command_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert parse()["Outputs"]["Version"]["Value"] == project == this_version()
    assert f"| Version {project}. " in (ROOT / "README.md").read_text()


def test_a_stack_has_the_version_that_its_outputs_tell() -> None:
    assert LAKE.version == "0.0.9"
    older = {key: value for key, value in OUTPUTS.items() if key != "Version"}
    assert stack_from_outputs("lake", older, {}, local=False).version == ""


def test_another_version_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_other_version(replace(LAKE, version=this_version()))
    assert capsys.readouterr() == ("", "")
    warn_of_other_version(LAKE)
    said = f"warning: stack lake is of version 0.0.9 of Call Lake, this command of version {this_version()}\n"
    assert capsys.readouterr() == ("", said)
    warn_of_other_version(replace(LAKE, version=""))
    assert "of an unknown version" in capsys.readouterr().err


@pytest.mark.parametrize(
    "typed",
    [
        *("erase --number 48800000003 --yes", "erase --number 48800000003 --dry-run", "rebuild", "quarantine retry"),
        f"verify {DAYS} --repair",
    ],
)
def test_what_could_miss_something_is_refused_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    done = _typed(monkeypatch, typed)
    assert done.exit_code == 1
    assert "could miss what another version stores in lake, so it did nothing: " in done.stderr


@pytest.mark.parametrize("typed", ["quarantine list", f"verify {DAYS}"])
def test_what_only_reads_is_not_refused(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    assert "asked for" in str(_typed(monkeypatch, typed).stderr)


@pytest.mark.parametrize(
    ("theirs", "ours", "says"),
    [
        ("0.9.1", "0.10.0", "git checkout v0.9.1, then uvx --from . call-lake …, or upgrade the stack"),
        ("", "0.10.0", ": upgrade the stack: call-lake deploy --stack lake"),
    ],
)
def test_an_older_stack_is_upgraded_or_gets_its_own_command(
    monkeypatch: pytest.MonkeyPatch, theirs: str, ours: str, says: str
) -> None:
    assert says in _refusal(monkeypatch, replace(LAKE, version=theirs), ours)


def test_a_newer_stack_is_never_to_be_deployed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _refusal(monkeypatch, replace(LAKE, version="0.10.0"), "0.9.1")
    assert said.endswith("git checkout v0.10.0, then uvx --from . call-lake …")


def test_the_laptops_stack_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _refusal(monkeypatch, replace(LAKE, local=True), "0.1.0")
    assert said.endswith("type call-lake local down, then call-lake local up")


def _refusal(monkeypatch: pytest.MonkeyPatch, stack: Stack, ours: str) -> str:
    monkeypatch.setattr(version, "this_version", lambda: ours)
    with pytest.raises(UserError) as caught:
        refuse_other_version(stack, "erase")
    return str(caught.value)


class Untouched(Stack):
    """A stack of another version that has nothing to ask."""

    def client(self, service: str) -> None:
        raise UserError(f"asked for {service}")


def _typed(monkeypatch: pytest.MonkeyPatch, typed: str) -> Any:
    stack = Untouched(*("lake", "lake", "ledger", "/sources", "dlq", "bus", "lake", "lake"), {}, version="0.0.9")
    for name, module in list(sys.modules.items()):
        if name.startswith("call_lake_cli.") and hasattr(module, "find_stack"):
            monkeypatch.setattr(module, "find_stack", lambda name=None: stack)
    return CliRunner().invoke(app, shlex.split(typed))
