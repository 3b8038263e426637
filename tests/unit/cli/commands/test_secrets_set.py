"""``call-lake secrets set``: what is asked, what is refused, what is written."""

import json
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner

from call_lake.errors import ConfigError, Reason, SecretEmpty, Terminal, TooWide, Transient
from call_lake.model.windows import Window
from call_lake.ports import Clock, Provider
from call_lake.settings import SourceSettings
from call_lake_cli.commands import secrets
from call_lake_cli.console.errors import UserError
from call_lake_cli.main import app
from call_lake_cli.stack.handle import Stack
from tests.support.fakes import FakeClock
from tests.support.fakes.provider import FakeProvider

THULIUM = SourceSettings("thulium", "thulium", "https://example.thulium.com/api", secret="call-lake/s/sources/thulium")


class Asked:
    """A provider that remembers with which secret it was asked, and answers as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.secret: dict[str, str] | None = None
        self.error = error
        self.windows: list[Window] = []

    def make(self, settings: SourceSettings, secret: Callable[[bool], dict[str, str]], clock: Clock) -> Provider:
        def on_list(window: Window) -> None:
            self.windows.append(window)
            if self.error:
                raise self.error

        self.secret = secret(False)
        return FakeProvider(on_list=on_list)


def check(error: Exception | None = None) -> Asked:
    asked = Asked(error)
    secrets.check(THULIUM, {"username": "api", "password": "invented"}, FakeClock(), asked.make)
    return asked


def test_the_credentials_are_tried_with_one_short_listing() -> None:
    asked = check()

    assert asked.secret == {"username": "api", "password": "invented"}
    assert [window.width <= secrets.CHECKED_WINDOW for window in asked.windows] == [True]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Transient(Reason.UNAUTHORIZED, "401"), "refuses these credentials; type them again"),
        (Terminal(Reason.FORBIDDEN, "403"), "give it that right"),
        (Transient(Reason.CONNECTION, "refused"), "--no-check"),
        (ConfigError("the 'key' of its secret has characters that no key has"), "characters that no key has"),
    ],
)
def test_what_the_provider_refuses_is_not_written_and_says_what_to_do(error: Exception, says: str) -> None:
    with pytest.raises(UserError, match=r"^nothing was written: ") as caught:
        check(error)

    assert says in str(caught.value)
    assert "invented" not in str(caught.value)


def test_a_provider_with_many_rows_listed_well() -> None:
    check(TooWide(1000))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        '"key"',
        '{"username": "a"}',
        '{"username": "a", "password": 7}',
        '{"user": "a", "password": "b"}',
        '{"username": "a", "password": "b", "more": "c"}',
    ],
)
def test_a_pipe_has_to_give_exactly_the_fields(text: str) -> None:
    with pytest.raises(UserError, match="exactly username and password"):
        secrets.from_json(text, ["username", "password"])


def test_spaces_around_what_was_pasted_are_dropped_and_nothing_is_no_secret() -> None:
    assert secrets.from_json('{"key": " abc\\n"}', ["key"]) == {"key": "abc"}
    with pytest.raises(UserError, match="key is empty"):
        secrets.from_json('{"key": " "}', ["key"])


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A deployed stack as far as the command needs one; gives its secrets."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        manager = boto3.client("secretsmanager")
        manager.create_secret(Name=THULIUM.secret)
        document = {"provider": "thulium", "base_url": THULIUM.base_url, "secret": THULIUM.secret}
        boto3.client("ssm").put_parameter(
            Name="/call-lake/s/sources/thulium", Value=json.dumps(document), Type="String"
        )
        made = Stack("s", "b", "t", "/call-lake/s/sources", "", "", "", "", {})
        monkeypatch.setattr(secrets, "find_stack", lambda name: made)
        yield manager


def test_the_secret_is_written_as_the_functions_read_it(stack: Any) -> None:
    typed = '{"username": "api", "password": "invented"}'

    done = CliRunner().invoke(app, ["secrets", "set", "thulium", "--stdin", "--no-check"], input=typed)

    assert done.exit_code == 0, done.output
    assert json.loads(stack.get_secret_value(SecretId=THULIUM.secret)["SecretString"]) == json.loads(typed)
    assert "invented" not in done.output


def test_what_the_provider_refuses_does_not_reach_secrets_manager(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> None:
        raise UserError("nothing was written: refused")

    monkeypatch.setattr(secrets, "check", refuses)
    typed = '{"username": "api", "password": "wrong"}'

    done = CliRunner().invoke(app, ["secrets", "set", "thulium", "--stdin"], input=typed)

    assert done.exit_code == 1
    with pytest.raises(stack.exceptions.ResourceNotFoundException):
        stack.get_secret_value(SecretId=THULIUM.secret)


def test_what_is_secret_is_hidden_while_it_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, bool] = {}

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        asked[text] = hide_input
        return " invented "

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))

    secret = secrets.read_secret("thulium", "thulium", from_pipe=False)

    assert secret == {"username": "invented", "password": "invented"}
    assert asked == {"thulium: username": False, "thulium: password": True}


def test_nothing_is_read_from_a_pipe_unless_it_is_said(stack: Any) -> None:
    done = CliRunner().invoke(app, ["secrets", "set", "thulium", "--no-check"], input='{"key": "invented"}')

    assert done.exit_code == 2
    assert "no terminal to ask at" in done.output
    with pytest.raises(stack.exceptions.ResourceNotFoundException):
        stack.get_secret_value(SecretId=THULIUM.secret)


def test_an_unknown_source_is_named(stack: Any) -> None:
    done = CliRunner().invoke(app, ["secrets", "set", "tulium", "--stdin"], input="{}")

    assert done.exit_code == 2
    assert "there is no source 'tulium'; there are: thulium" in done.output


def test_an_empty_secret_names_the_command_that_fills_it() -> None:
    from call_lake.aws.parameters import SecretsManagerSecrets

    with mock_aws():
        client = boto3.client("secretsmanager", region_name="eu-central-1")
        client.create_secret(Name="empty")
        with pytest.raises(SecretEmpty, match="call-lake secrets set"):
            SecretsManagerSecrets(client).get("empty")
