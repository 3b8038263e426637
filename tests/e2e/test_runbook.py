"""The runbook's lines that look, typed on the local stack: those of call-lake, and those of the AWS CLI."""

import json
import re
from typing import Any

import botocore.exceptions
import pytest

from tests.e2e.conftest import Shell
from tests.e2e.test_operator_commands import Laptop
from tests.support.aws_cli import ROOT, AwsCommand, call_of, commands_in

READING = re.compile(r"(describe|filter|get|list|receive)-.*")
NOT_HERE = {
    ("iam", "list-entities-for-policy"): "the stack has no policy for analysts here",
    ("events", "list-targets-by-rule"): "no rule `foreign` exists",
    ("dynamodb", "list-backups"): "the emulator has no backups of deleted tables",
    ("dynamodb", "describe-table", "restored"): "nothing was restored",
    ("sqs", "get-queue-url"): "its name is an argument of a function of the shell",
    ("sqs", "get-queue-attributes"): "as get-queue-url",
    ("sqs", "receive-message", "Messages[].Body"): "of an engine's dead letters; its queue is as get-queue-url's",
}
"""Lines that look and do not run on the laptop, with why."""


@pytest.fixture(scope="module")
def stack(laptop: Shell) -> Laptop:
    return Laptop(laptop)


def readings(stack: Laptop) -> list[AwsCommand]:
    """The runbook's lines of the AWS CLI that only read, as a shell of this stack would make them."""
    name = stack.facts["stack"]
    outputs = stack.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    values = {one["OutputKey"]: one["OutputValue"] for one in outputs}
    text = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    text = re.sub(r"\$\(output (\w+)\)", lambda found: values.get(found[1], "NONE"), text)
    for variable, value in (("STACK", name), ("LEDGER", values["LedgerTable"]), ("DLQ", values["DeadLettersUrl"])):
        text = re.sub(rf"\${variable}\b", value, text)
    return [
        one for one in commands_in("docs/runbook.md", text) if READING.fullmatch(one.words[2]) and not one.is_mention
    ]


def is_elsewhere(command: AwsCommand) -> bool:
    return any(
        command.words[1:3] == key[:2] and all(word in " ".join(command.words) for word in key[2:]) for key in NOT_HERE
    )


def test_the_runbooks_lines_that_look_run_on_the_laptop(stack: Laptop) -> None:
    run = []
    for command in readings(stack):
        if is_elsewhere(command):
            continue
        service, method, arguments = call_of(command)
        try:
            getattr(stack.client(service), method)(**arguments)
        except botocore.exceptions.ClientError as error:
            raise AssertionError(str(command)) from error
        run.append(command.words[2])
    assert {"describe-stacks", "receive-message", "describe-table", "list-rules", "get-secret-value"} <= set(run)


@pytest.mark.parametrize(
    "words",
    [
        ("logs", "poller", "--level", "error", "--since", "2h"),
        ("failed", "--waiting"),
        ("doctor",),
        ("status",),
    ],
    ids=lambda words: words[0],
)
def test_the_runbooks_commands_that_look_run_on_the_laptop(stack: Laptop, words: tuple[str, ...]) -> None:
    typed = stack.shell.type(*words)
    assert typed.code == 0, typed.err


def test_the_log_of_one_source_names_it_alone(stack: Laptop) -> None:
    lines = json.loads(stack.shell.type("logs", "poller", "--source", "thulium", "--json").out)
    assert lines
    assert {line["facts"]["source"] for line in lines if "source" in line["facts"]} == {"thulium"}
    assert {line["level"] for line in lines} <= {"info", "warning", "error"}


def test_the_backfill_that_settle_began_is_a_job(stack: Laptop) -> None:
    jobs = json.loads(stack.shell.type("jobs", "--json").out)
    found: list[dict[str, Any]] = [one for one in jobs if one["job"] == "backfill"]
    assert {one["source"] for one in found} == {"conpeek", "thulium"}
    assert all(one["state"] == "second reading" and one["since"] for one in found)


def test_an_alarm_that_is_tried_out_fires_and_ends(stack: Laptop) -> None:
    """As the runbook tries the mail."""
    cloudwatch, name = stack.client("cloudwatch"), f"{stack.facts['stack']}-collision"
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test of the mail")
    try:
        first, *others = json.loads(stack.shell.type("alarms", "--json").out)
    finally:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="it ended")
    assert (first["alarm"], first["state"], first["why"]) == ("collision", "fires", "a test of the mail")
    assert first["runbook"] == "docs/runbook.md#the-alarm-collision"
    assert {one["state"] for one in others} == {"no data"}
