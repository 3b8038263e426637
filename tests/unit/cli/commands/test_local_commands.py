"""``call-lake local up``: what is refused before anything is started or asked for."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake_cli.commands import local
from call_lake_cli.commands.local import _queues_to_serve, _simulated
from call_lake_cli.main import app
from call_lake_cli.stack.census import SourceCensus
from call_lake_cli.stack.laptop import days_of
from call_lake_local.engine import LocalEngine
from call_lake_local.stack import LocalSource, Plan
from tests.support.screens import KnownStack


def refused(*arguments: str, code: int = 2, **environment: str) -> str:
    done = CliRunner().invoke(app, ["local", "up", *arguments], env=environment)
    assert done.exit_code == code
    return done.stderr


@pytest.mark.parametrize("url", ["http://acme.thulium.com/api", "HTTP://127.0.0.1.example/api"])
def test_credentials_go_nowhere_unencrypted(url: str) -> None:
    said = refused("--thulium-url", url, "--thulium-user", "api")
    assert f"error: --thulium-url {url}: it has to begin with https://" in said
    assert "--conpeek-url" in refused("--conpeek-url", url)


def test_an_address_that_is_none_is_one_line() -> None:
    assert refused("--conpeek-url", "http://[acme").startswith("error: --conpeek-url http://[acme: ")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api", "http://[::1]:1/api", "http://localhost:1/api"])
def test_this_machine_itself_may_be_asked_without_tls(url: str) -> None:
    assert "THULIUM_PASSWORD" in refused("--thulium-url", url, "--thulium-user", "api", THULIUM_PASSWORD="")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--faults", "late"), ("--recordings", "3"), ("--days", "3"), ("--until", "2026-10-01"), ("--seed", "7")],
)
def test_what_a_real_provider_would_ignore_is_refused(option: str, value: str) -> None:
    said = refused("--conpeek-url", "https://acme.conpeek.com", option, value)
    assert f"error: {option} is for the simulated providers" in said


def test_a_fault_that_nobody_knows_is_refused_with_all_that_there_are() -> None:
    assert refused("--faults", "late,bogus", code=1).startswith("error: unknown fault 'bogus'; known: rate_limited, ")


def test_engines_and_models_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    said = refused("--transcribe", "--set", "TranscriptEngines=mine", code=1)
    assert said.startswith("error: --transcribe sets TranscriptEngines to local")
    assert "it has no file model.bin" in refused("--speech-model", str(tmp_path), code=1)
    assert "a is there twice" in refused("--set", "TranscriptEngines=a,a", code=1)


def test_what_is_not_given_has_its_default() -> None:
    calls = _simulated({"until": "2026-10-01", "count": 3, "faults": "late"})
    assert calls.arguments() == ["--until=2026-10-01", "--count=3", "--days=30", "--seed=7", "--faults=late"]


def test_settle_reports_where_no_bar_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(
        stack: Any, days: Any, timeout_s: float, show: Callable[[str, Sequence[SourceCensus]], None]
    ) -> tuple[bool, list[SourceCensus]]:
        for stored in (0, 1, 60, 100):
            show("copying", [SourceCensus("thulium", listed=100, stored=stored)])
        return True, [SourceCensus("thulium", listed=100)]

    monkeypatch.setattr(local, "find_stack", KnownStack)
    monkeypatch.setattr(local, "settle_stack", settle)

    said = CliRunner().invoke(app, ["local", "settle"]).stderr
    assert re.findall(r"copying: .*", said) == [
        f"copying: 100 listed, {stored} stored, 0 rows" for stored in (0, 60, 100)
    ]
    assert "copying" not in CliRunner().invoke(app, ["local", "settle", "--quiet"]).stderr


def test_the_days_that_bring_the_past_are_those_of_the_simulated_calls_or_the_last_week() -> None:
    calls = _simulated({"until": "2026-10-31", "days": 31})
    assert days_of(Plan(simulated=calls)) == (date(2026, 10, 1), date(2026, 10, 31))
    first, last = days_of(Plan(sources=(LocalSource("conpeek", "conpeek", "https://acme.conpeek.com", {}),)))
    assert last - first == timedelta(days=6)
    assert last <= datetime.now(UTC).date()


def test_a_settle_that_lists_nothing_says_which_days_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [SourceCensus("thulium")]
    monkeypatch.setattr(local, "find_stack", KnownStack)
    monkeypatch.setattr(local, "settle_stack", lambda *_: (True, found))

    done = CliRunner().invoke(app, ["local", "settle"])
    assert done.exit_code == 3
    assert "call-lake local settle --from 2026-10-02 --to 2026-10-31" in done.stderr
    assert CliRunner().invoke(app, ["local", "settle", "--from", "2026-10-02", "--to", "2026-10-31"]).exit_code == 0

    found[0].listed = 1
    assert CliRunner().invoke(app, ["local", "settle"]).exit_code == 0


def test_the_queue_of_each_engine_that_you_start_yourself_is_told() -> None:
    stack: Any = KnownStack()
    stack.engines = {"aws": "http://aws", "hello": "http://hello", "local": "http://local"}
    assert _queues_to_serve(stack, Plan(engine=LocalEngine())) == ["engine hello: queue http://hello"]
    assert _queues_to_serve(stack, Plan())[1:] == ["engine local: queue http://local"]
