"""``call-lake logs``: which events of CloudWatch Logs become lines, and which of them are shown."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest
from typer.testing import CliRunner, Result

import call_lake_cli.commands.logs as command
from call_lake_cli.main import app
from call_lake_cli.stack.log_lines import LogLevel, LogLine, parse
from tests.support.fakes import FakeClock

ID = f"thulium-{'0' * 32}"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def line(level: str, message: str, **facts: Any) -> str:
    frame = {
        "location": "handler:1",
        "timestamp": "2026-11-30 12:00:00,000+0000",
        "service": "poller",
        "cold_start": True,
    }
    return json.dumps({"level": level, "message": message, **frame, **facts})


class Logs:
    """A stack with two functions. ``events``: texts by function, a second apart, the last of them now."""

    def __init__(self, **events: list[str]) -> None:
        self.functions = {kind: f"s-{kind}" for kind in ("poller", "copier")}
        self.sources = {"thulium": SimpleNamespace(zone=UTC), "conpeek": SimpleNamespace(zone=UTC)}
        self.events = events
        self.asked: list[dict[str, Any]] = []

    def client(self, service: str) -> Any:
        assert service == "logs"
        return SimpleNamespace(get_paginator=lambda name: SimpleNamespace(paginate=self.paginate))

    def paginate(self, **asked: Any) -> Any:
        self.asked.append(asked)
        kind = asked["logGroupName"].removeprefix("/aws/lambda/s-")
        if kind not in self.events:
            raise botocore.exceptions.ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "FilterLogEvents")
        texts = self.events[kind]
        first = int(NOW.timestamp()) - len(texts)
        for number, text in enumerate(texts):  # one event a page
            yield {"events": [{"timestamp": (first + number) * 1000, "message": text}]}


def typed(stack: Logs, *words: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "find_stack", lambda name: stack)
        patch.setattr(command, "CLOCK", FakeClock(NOW))
        return CliRunner().invoke(app, ["logs", *words])


def messages(stack: Logs, *words: str) -> list[str]:
    done = typed(stack, *words, "--json")
    assert done.exit_code == 0, done.output
    return [one["message"] for one in json.loads(done.stdout)]


@pytest.mark.parametrize(
    ("text", "level", "message"),
    [
        (line("INFO", "polled"), LogLevel.INFO, "polled"),
        (line("CRITICAL", "it ends"), LogLevel.ERROR, "it ends"),
        (line("NOTICE", "odd"), LogLevel.INFO, "odd"),
        ("[ERROR] KeyError: 'a'\rTraceback", LogLevel.ERROR, "[ERROR] KeyError: 'a'"),
        ("2026-11-30T12:00:00Z 5f Task timed out after 240.00 seconds\n\n", LogLevel.ERROR, None),
        ("RequestId: 5f Error: Runtime exited with error: signal: killed", LogLevel.ERROR, None),
        ('{"errorMessage": "no memory", "errorType": "X"}', LogLevel.ERROR, None),
        ("REPORT RequestId: 5f\tDuration: 1 ms\tStatus: timeout", LogLevel.ERROR, None),
        ("printed by a library", LogLevel.INFO, "printed by a library"),
    ],
)
def test_a_line_has_its_level_however_the_run_ended(text: str, level: LogLevel, message: str | None) -> None:
    found = parse("poller", "2026-11-30T12:00:00.000Z", text)
    assert found
    assert found.level is level
    assert message is None or found.message == message


@pytest.mark.parametrize(
    "text", ["START RequestId: 5f Version: 1", "END RequestId: 5f", "REPORT RequestId: 5f", '{"_aws": {}}', " \n"]
)
def test_metrics_and_what_lambda_says_of_a_good_run_are_left_out(text: str) -> None:
    assert parse("poller", "", text) is None


def test_what_powertools_adds_to_each_line_is_left_out_and_an_exception_is_its_last_line() -> None:
    found = parse(
        "poller", "", line("ERROR", "it failed", source="thulium", exception="Traceback:\n  a\nKeyError: 1\n")
    )
    assert found == LogLine(
        "", "poller", LogLevel.ERROR, "it failed", {"source": "thulium", "exception": "KeyError: 1"}
    )


def test_the_functions_lines_are_in_one_order_and_a_function_that_never_ran_has_none() -> None:
    stack = Logs(poller=[line("INFO", "first"), line("INFO", "third")])
    assert messages(stack) == ["first", "third"]
    stack.events["copier"] = [line("INFO", "second")]
    assert sorted(messages(stack)) == ["first", "second", "third"]
    assert messages(stack)[0] == "first"
    assert messages(stack, "copier") == ["second"]


def test_a_level_shows_what_is_more_serious_too() -> None:
    texts = [line("DEBUG", "d"), line("INFO", "i"), line("WARNING", "w"), line("ERROR", "e"), "[ERROR] x"]
    assert messages(Logs(poller=texts), "--level", "warning") == ["w", "e", "[ERROR] x"]


def test_a_source_is_told_by_its_name_or_by_its_recordings() -> None:
    texts = [
        line("INFO", "of it", source="thulium"),
        line("INFO", "its recording", recording_id=ID),
        line("INFO", "of another", source="conpeek", error="thulium"),
    ]
    stack = Logs(poller=texts)
    assert messages(stack, "--source", "thulium") == ["of it", "its recording"]
    assert {one["filterPattern"] for one in stack.asked} == {'"thulium"'}


def test_one_recording_is_asked_for_by_its_id() -> None:
    stack = Logs(poller=[])
    messages(stack, "--recording", ID)
    assert {one["filterPattern"] for one in stack.asked} == {f'"{ID}"'}


def test_a_text_is_looked_for_in_what_the_table_shows_so_not_in_zeros() -> None:
    texts = [line("INFO", "polled", collisions=0, listed=1), line("INFO", "polled", collisions=2, listed=2)]
    done = typed(Logs(poller=texts), "poller", "--text", "collisions=")
    assert "collisions=2" in done.stdout
    assert "listed=1" not in done.stdout


def test_the_newest_lines_count_and_it_says_that_there_are_more() -> None:
    texts = [line("INFO", str(number)) for number in range(5)]
    assert messages(Logs(poller=texts), "--limit", "2") == ["3", "4"]
    assert "--limit shows more" in typed(Logs(poller=texts), "--limit", "2").output
    assert "5 lines of the last 1h" in typed(Logs(poller=texts)).output


def test_it_looks_back_as_far_as_it_is_told() -> None:
    for text, back in (("90s", timedelta(seconds=90)), ("30m", timedelta(minutes=30)), ("7d", timedelta(days=7))):
        stack = Logs(poller=[])
        messages(stack, "--since", text)
        assert {one["startTime"] for one in stack.asked} == {int((NOW - back).timestamp() * 1000)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--since", "yesterday"], "write it like"),
        (["--since", "0h"], "write it like"),
        (["sweeper"], "there are: poller, copier"),
        (["--source", "nobody"], "there is no source"),
        (["--recording", "thulium-1"], "is no recording id"),
    ],
)
def test_what_is_mistyped_is_said_and_nothing_is_read(words: list[str], says: str) -> None:
    stack = Logs(poller=[])
    done = typed(stack, *words)
    assert done.exit_code == 2
    assert says in done.output
    assert stack.asked == []
