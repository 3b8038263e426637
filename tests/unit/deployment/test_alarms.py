"""The alarms and the dashboard look at metrics that are really emitted; each alarm has its page in the runbook."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from call_lake.errors import Reason, Transient
from call_lake.model.lake_tables import CALLS
from call_lake.model.transcribing import JobStatus
from call_lake.model.windows import Window
from call_lake.ports import BadRecord
from tests.support.cloudwatch import metric_of
from tests.support.fakes.provider import make_recording, raising
from tests.support.functions_in_memory import NAMESPACE, Functions
from tests.support.template import ROOT, default, of_type, parse, properties, resource

OF_AWS = {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({"QueueName"})),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", frozenset({"QueueName"})),
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Errors", frozenset({"FunctionName"})),
}
ALARMS = of_type("AWS::CloudWatch::Alarm")
OURS = [name for name, body in ALARMS.items() if isinstance(metric_of(body["Properties"])[0]["Namespace"], dict)]
SOURCES = ("Thulium", "Conpeek")
STACK = NAMESPACE.partition("/")[2]


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str, frozenset[tuple[str, str]]]]:
    """What a day on which everything goes wrong emits, of both sources."""
    functions = Functions(monkeypatch)
    now = functions.world.clock.now()
    for source, provider in functions.providers.items():
        listed_at = now - timedelta(minutes=30)
        row = make_recording(1, source, listed_at=listed_at)
        twin = make_recording(1, source, listed_at=listed_at, connection_id="1700000000.9", key=row.provider_key)
        provider.add(row, twin, make_recording(2, source, listed_at=listed_at))
        provider.bad.append((listed_at, BadRecord("it has no filename", "{}")))
        functions.poll(source)
        functions.copy(source)
        functions.world.queues[source].send(["{}"])
        provider.on_audio = raising(Transient(Reason.HTTP_ERROR, "500"))
        provider.add(make_recording(3, source, listed_at=listed_at))
        functions.poll(source)
        functions.copy(source)
    _open_gaps(functions)
    _reach_ceilings(functions)
    functions.world.store.put(f"{CALLS.inbox}source=thulium/call_date=2026-10-20/bad.json", b"no row\n")
    functions.compact()
    failing = functions.transcribing.start(1)
    functions.transcribing.jobs.end(failing.recording_id, JobStatus.FAILED, "no")
    functions.transcribe(functions.transcribing.ended(failing))
    functions.sweep_transcriptions()
    functions.read_documents(b"{")
    return {(metric.namespace, metric.name, metric.dimensions) for metric in functions.emitted}


def _open_gaps(functions: Functions) -> None:
    """A stretch of each list that cannot be read for longer than a hole may last."""
    poison = functions.world.clock.now() + timedelta(minutes=20)

    def poisoned(window: Window) -> None:
        if window.start - timedelta(minutes=1) <= poison <= window.end + timedelta(minutes=1):
            raise Transient(Reason.HTTP_ERROR, "500")

    for provider in functions.providers.values():
        provider.on_list = poisoned
    for _ in range(15):
        functions.world.clock.advance(timedelta(minutes=30))
        for source in functions.providers:
            functions.poll(source)


def _reach_ceilings(functions: Functions) -> None:
    functions.more = {"new_per_day": 1}
    for source, provider in functions.providers.items():
        provider.on_list = lambda window: None
        listed_at = functions.world.clock.now() - timedelta(minutes=10)
        provider.add(*(make_recording(number, source, listed_at=listed_at) for number in (4, 5)))
        functions.poll(source)


def watched_by(alarm: str) -> Any:
    return metric_of(properties(alarm))[0]


def namespace_of(alarm: str) -> str:
    given = watched_by(alarm)["Namespace"]
    return str(given["Fn::Sub"].replace("${AWS::StackName}", STACK) if isinstance(given, dict) else given)


def dimensions_of(alarm: str) -> dict[str, Any]:
    return {one["Name"]: one["Value"] for one in watched_by(alarm)["Dimensions"]}


def anchors_of_the_runbook() -> set[str]:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# -- what they look at


def test_every_metric_of_ours_that_an_alarm_watches_is_emitted_under_its_name_and_dimensions(emitted):
    watched = {(namespace_of(a), watched_by(a)["MetricName"], frozenset(dimensions_of(a).items())) for a in OURS}
    assert len(watched) >= 12
    assert watched - emitted == set()


@pytest.mark.parametrize("alarm", [name for name in ALARMS if name not in OURS])
def test_every_other_alarm_watches_a_metric_that_aws_documents(alarm):
    names = frozenset(dimensions_of(alarm))
    assert (namespace_of(alarm), watched_by(alarm)["MetricName"], names) in OF_AWS


def test_the_functions_emit_into_the_namespace_that_the_alarms_watch():
    variables = parse()["Globals"]["Function"]["Environment"]["Variables"]
    assert {json.dumps(watched_by(alarm)["Namespace"]) for alarm in OURS} == {
        json.dumps(variables["POWERTOOLS_METRICS_NAMESPACE"])
    }


def test_every_metric_of_the_dashboard_is_emitted_too(emitted):
    known = {(name, frozenset(key for key, _ in dimensions)) for _, name, dimensions in emitted}
    known |= {(name, dimensions) for _, name, dimensions in OF_AWS}
    assert len(shown := _shown()) >= 12
    assert [one for one in shown if one not in known] == []


def _shown() -> list[tuple[str, frozenset[str]]]:
    """Name and names of dimensions of every metric on the dashboard."""
    found = []
    for widget in _widgets():
        before: list[str] = []
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                schema, name = re.findall(r'\{([^}]+)\} MetricName="(\w+)"', metric[0]["expression"])[0]
                found.append((name, frozenset(schema.split(",")[1:])))
            else:
                before = [old if new == "." else new for new, old in zip(metric, before or metric, strict=True)]
                found.append((before[1], frozenset(before[2::2])))
    return found


def _widgets() -> Any:
    body = properties("Dashboard")["DashboardBody"]["Fn::Sub"][0]
    return json.loads(body.replace("${AWS::StackName}", STACK))["widgets"]


# -- what they mean


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_tells_a_mail_address_a_topic_or_both_when_it_begins_and_when_it_is_over(alarm):
    nobody = {"Ref": "AWS::NoValue"}
    told = [
        {"Fn::If": ["Mail", {"Ref": "AlarmTopic"}, nobody]},
        {"Fn::If": ["Topic", {"Ref": "AlarmTopicArn"}, nobody]},
    ]
    assert properties(alarm)["AlarmActions"] == properties(alarm)["OKActions"] == told


def test_a_mail_address_gets_a_topic_and_a_subscription_and_without_one_there_is_neither():
    conditions = parse()["Conditions"]
    assert conditions["Mail"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}
    assert conditions["Topic"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]}
    assert resource("AlarmTopic")["Condition"] == resource("AlarmSubscription")["Condition"] == "Mail"
    assert properties("AlarmSubscription") == {
        "TopicArn": {"Ref": "AlarmTopic"},
        "Protocol": "email",
        "Endpoint": {"Ref": "AlarmEmail"},
    }


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_names_its_section_of_the_runbook(alarm):
    text, _, anchor = properties(alarm)["AlarmDescription"].partition(": docs/runbook.md#")
    assert len(text) > 20
    assert anchor in anchors_of_the_runbook()
    name = properties(alarm)["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
    assert name.startswith(anchor.removeprefix("the-alarm-"))


@pytest.mark.parametrize("alarm", ["ThuliumSilentAlarm", "ConpeekSilentAlarm", "CompactorAlarm"])
def test_an_alarm_of_silence_counts_a_period_without_a_run_as_a_period_without_success(alarm):
    found = properties(alarm)
    watched, fill = metric_of(found)
    assert fill == 0
    assert found["TreatMissingData"] == "breaching"
    assert (watched["Period"] * found["EvaluationPeriods"], found["ComparisonOperator"]) == (1500, "LessThanThreshold")
    assert "25 minutes" in found["AlarmDescription"]


@pytest.mark.parametrize("schedule", ["PollEvery", "CompactEvery"])
def test_the_schedules_fire_often_enough_for_the_alarms_of_silence(schedule):
    """Twice in 25 minutes, so that one run may fail."""
    parameter = parse()["Parameters"][schedule]
    taken = [
        n
        for n in range(61)
        for unit in ("minute", "minutes")
        if re.search(parameter["AllowedPattern"], f"rate({n} {unit})")
    ]
    assert taken == list(range(1, 11))
    assert not re.search(parameter["AllowedPattern"], "cron(0 * * * ? *)")
    assert "every 1 to 10 minutes" in parameter["Description"]
    assert "25 minutes" in parameter["Description"]


@pytest.mark.parametrize("function", ["Poller", "Copier", "Compactor", "Transcriber", "TranscriptReader"])
def test_each_function_has_an_alarm_of_its_errors(function):
    watched = [watched_by(alarm) for alarm in ALARMS if watched_by(alarm)["MetricName"] == "Errors"]
    assert [{"Name": "FunctionName", "Value": {"Ref": function}}] in [one["Dimensions"] for one in watched]


@pytest.mark.parametrize("alarm", [name for name in ALARMS if properties(name)["TreatMissingData"] != "breaching"])
def test_an_alarm_that_waits_for_a_value_is_quiet_while_there_is_none(alarm):
    assert properties(alarm)["TreatMissingData"] in {"notBreaching", "ignore"}
    assert properties(alarm)["ComparisonOperator"] == "GreaterThanThreshold"


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_has_the_same_alarms_of_its_own(source):
    own = {name.removeprefix(source) for name in ALARMS if name.startswith(source)}
    assert own == {f"{kind}Alarm" for kind in ("Silent", "Lag", "OldestMessage", "Gap", "Ceiling", "Unusable")}


def test_the_alarm_of_old_messages_rings_before_the_queue_drops_them():
    for source in SOURCES:
        assert properties(f"{source}OldestMessageAlarm")["Threshold"] < default("RepublishAfterSeconds") / 2


# -- the dashboard


def test_the_widgets_of_the_dashboard_fill_its_grid_without_overlapping():
    cells = [
        (x, y)
        for w in _widgets()
        for x in range(w["x"], w["x"] + w["width"])
        for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_the_dashboard_finds_sources_in_the_stacks_own_metrics_and_queues_by_their_whole_names():
    body, variables = properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    assert not re.search("thulium|conpeek", body, re.IGNORECASE)
    between, names = variables["Queues"]["Fn::Join"]
    queues = [properties(f"{source}Queue")["QueueName"] for source in SOURCES]
    assert names == queues
    drawn = json.loads(body.replace("${Queues}", between.join(name["Fn::Sub"] for name in names)))["widgets"]
    of_queues = [w["properties"]["metrics"] for w in drawn if "recordings-" in json.dumps(w["properties"])]
    assert len(of_queues) == 2
    for (namespace, metric, dimension, first), second in of_queues:
        assert (namespace, dimension, first) == ("AWS/SQS", "QueueName", queues[0]["Fn::Sub"])
        assert metric in ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible")
        assert second == [".", ".", ".", queues[1]["Fn::Sub"]]


def test_a_message_that_breaks_the_copier_again_and_again_rings():
    comes_again_s = properties("ThuliumQueue")["VisibilityTimeout"] + properties("Copier")["Timeout"]
    alarm = properties("CopierAlarm")
    span_s = alarm["Period"] * alarm["EvaluationPeriods"]
    assert span_s // comes_again_s >= alarm["DatapointsToAlarm"]
