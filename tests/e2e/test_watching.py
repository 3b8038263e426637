"""What the deployed functions logged while the stack settled: the metrics of the alarms, and nothing personal. And what
came of the events: transcriptions."""

import json
import re
from typing import Any

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.test_operator_commands import Laptop
from tests.support.functions_in_memory import metrics_in

RARE = {
    "Collisions",
    "RecordsUnusable",
    "TranscriptionsFailed",
    "GapsOpen",
    "CeilingReached",
    "RowsInQuarantine",
}  # only where there are any


@pytest.fixture(scope="module")
def stack(laptop: Shell) -> Laptop:
    return Laptop(laptop)


@pytest.fixture(scope="module")
def written(stack: Laptop) -> str:
    """All that the functions have logged."""
    pages = stack.client("logs").get_paginator("filter_log_events")
    names = ("poller", "copier", "compactor", "transcriber", "reader")
    groups = [f"/aws/lambda/{stack.facts['stack']}-{name}" for name in names]
    events = [event for group in groups for page in pages.paginate(logGroupName=group) for event in page["events"]]
    return "\n".join(event["message"] for event in events)


def alarms_of(stack: Laptop) -> list[dict[str, Any]]:
    found = stack.client("cloudwatch").describe_alarms(MaxRecords=100)["MetricAlarms"]
    return [alarm for alarm in found if alarm["Namespace"].startswith("CallLake/")]


def test_the_deployed_functions_emit_what_the_deployed_alarms_watch(stack: Laptop, written: str) -> None:
    emitted = {(metric.namespace, metric.name, metric.dimensions) for metric in metrics_in(written)}
    watched = {
        (alarm["Namespace"], alarm["MetricName"], frozenset((one["Name"], one["Value"]) for one in alarm["Dimensions"]))
        for alarm in alarms_of(stack)
    }
    assert {name for _, name, _ in watched} > RARE
    assert {one for one in watched if one[1] not in RARE} - emitted == set()


def test_no_function_of_a_whole_run_was_refused_by_aws(written: str) -> None:
    """A poll that may not write its items ends in trouble, but its messages bring the calls all the same."""
    assert "AccessDenied" not in written


def test_the_logs_of_a_whole_run_hold_no_number_no_name_and_no_file_name(stack: Laptop, written: str) -> None:
    sql = "SELECT caller, callee, agent, provider_key FROM calls"
    columns = ("caller", "callee", "agent", "provider_key")
    rows = stack.shell.type("query", sql, "--json").out
    personal = {text for text in re.findall(rf'"(?:{"|".join(columns)})": "([^"]+)"', rows) if len(text) > 5}
    personal |= {text.rpartition("/")[2] for text in personal}
    assert len(personal) > 50
    assert len(written) > 5_000
    assert [text for text in personal if text in written] == []


def test_what_was_stored_is_transcribed_by_way_of_the_queue_under_names_of_stack_and_recording(stack: Laptop) -> None:
    jobs = stack.client("transcribe").list_transcription_jobs()["TranscriptionJobSummaries"]
    names = {job["TranscriptionJobName"] for job in jobs}
    assert names
    assert all(re.fullmatch(rf"{stack.facts['stack']}-(thulium|conpeek)-[0-9a-f]{{32}}", name) for name in names)
    dead = stack.client("sqs").get_queue_url(QueueName=f"{stack.facts['stack']}-transcription-dead-letters")["QueueUrl"]
    found = stack.client("sqs").get_queue_attributes(QueueUrl=dead, AttributeNames=["ApproximateNumberOfMessages"])
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "0"
    items = stack.client("dynamodb").scan(TableName=stack.facts["ledger_table"])["Items"]
    states = {item["id"]["S"]: item["transcript_state"]["S"] for item in items if "transcript_state" in item}
    known = {id: state for id, state in states.items() if state != "ERASED"}  # by a test before this one, job and all
    assert {f"{stack.facts['stack']}-{id.removeprefix('transcript#aws#')}" for id in known} == names
    assert set(known.values()) <= {"RUNNING", "READY"}
    swept = stack.client("lambda").invoke(
        FunctionName=f"{stack.facts['stack']}-transcriber", Payload=b'{"sweep": true}'
    )
    assert json.loads(swept["Payload"].read())["trouble"] == ""
