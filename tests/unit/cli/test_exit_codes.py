"""What each command's exit code says. A script can tell a mistake from a provider that is down."""

import sys
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest
import requests
import typer
from typer.testing import CliRunner

from call_lake.errors import CallLakeError, ConfigError, Reason, Terminal, Transient
from call_lake_cli.commands import deploy, source
from call_lake_cli.console import errors
from call_lake_cli.console.errors import ExitCode, Found, NothingMatched, Unreachable, UsageError, UserError
from call_lake_cli.main import app
from call_lake_cli.stack import laptop
from call_lake_local.errors import LocalError
from tests.support.commands import Words, every_command, shortest

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = "docs/command-line.md"


def aws(code: str, status: int) -> botocore.exceptions.ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(answer, "GetItem")


def caused(cause: Exception) -> Transient:
    error = Transient(Reason.AWS, "GetItem")
    error.__cause__ = cause
    return error


ERRORS: list[tuple[Exception, ExitCode]] = [
    (UserError("no"), ExitCode.FAILED),
    (UsageError("no"), ExitCode.USAGE),
    (Found("3 differences"), ExitCode.FOUND),
    (Unreachable("no answer"), ExitCode.UNREACHABLE),
    (NothingMatched("none"), ExitCode.NOTHING_MATCHED),
    (LocalError("sam failed"), ExitCode.FAILED),
    (ConfigError("no"), ExitCode.FAILED),
    (Terminal(Reason.FORBIDDEN, "no"), ExitCode.FAILED),
    (Transient(Reason.TIMEOUT, "no answer in 30 s"), ExitCode.UNREACHABLE),
    (caused(aws("AccessDenied", 403)), ExitCode.FAILED),
    (caused(aws("InternalError", 500)), ExitCode.UNREACHABLE),
    (aws("AccessDenied", 403), ExitCode.FAILED),
    (aws("ThrottlingException", 400), ExitCode.UNREACHABLE),
    (aws("ServiceUnavailable", 503), ExitCode.UNREACHABLE),
    (botocore.exceptions.NoCredentialsError(), ExitCode.FAILED),
    (botocore.exceptions.EndpointConnectionError(endpoint_url="https://sts.example"), ExitCode.UNREACHABLE),
    (requests.ConnectionError("refused"), ExitCode.UNREACHABLE),
    (ValueError("a fault"), ExitCode.FAILED),
]


def ends_with(error: Exception) -> int:
    with pytest.raises(typer.Exit) as ended, errors.explained():
        raise error
    return ended.value.exit_code


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda one: repr(one)[:60])
def test_each_error_has_its_code(error: Exception, code: ExitCode) -> None:
    assert ends_with(error) == code


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_each_command_ends_with_the_code_of_its_error(words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (UsageError("no"), Found("3"), NothingMatched("none"), Transient(Reason.TIMEOUT, "no answer")):
        with monkeypatch.context() as patch:
            fails_with(error, patch)
            done = CliRunner(env={"THULIUM_PASSWORD": "invented"}).invoke(app, shortest(words))

        assert done.exit_code == ends_with(error), done.output
        assert done.stderr == f"error: {error}\n"


def fails_with(error: CallLakeError, patch: pytest.MonkeyPatch) -> None:
    """Each command looks first for its stack, or for what it has in its place."""

    def refuse(*_: object, **__: object) -> None:
        raise error

    for name, module in list(sys.modules.items()):
        if name.startswith("call_lake_cli.") and hasattr(module, "find_stack"):
            patch.setattr(module, "find_stack", refuse)
    patch.setattr(deploy, "_place", refuse)
    patch.setattr(source, "_read", refuse)
    patch.setattr(laptop, "start", refuse)
    patch.setattr(laptop, "end", refuse)


def test_what_typer_refuses_has_the_code_of_a_mistake() -> None:
    for words in (["verify"], ["allow", "thulium", "--more", "many"], ["nothing"], ["status", "--nothing"]):
        assert CliRunner().invoke(app, words).exit_code == ExitCode.USAGE


def test_the_page_and_the_help_name_every_code() -> None:
    said = (ROOT / DOCUMENT).read_text(encoding="utf-8")
    assert [int(line[2]) for line in said.splitlines() if line[:2] == "| " and line[2].isdigit()] == list(ExitCode)
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"]).stdout
    assert [str(int(code)) for code in ExitCode if f"{int(code)} " not in shown.partition("Exit codes")[2]] == []
    assert DOCUMENT in shown
