"""``call-lake doctor``: each trouble is found, named, and says what to do; what breaks one check stops no other."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest

from call_lake.errors import ConfigError, Reason, Transient
from call_lake.ledger.entry import NEVER, State
from call_lake.ledger.id_key import ITEM
from call_lake.ledger.source_state import SourceState
from call_lake.model.lake_tables import CALLS, data_key
from call_lake.model.layout import Partition
from call_lake.model.times import iso
from call_lake.settings import SourceSettings
from call_lake_cli.doctor import alarms, checks
from call_lake_cli.doctor.canary.notes import LONGEST, leave_note
from call_lake_cli.doctor.checks import Check, Level, guarded, skew
from call_lake_cli.doctor.command import any_failed, run_checks
from tests.support.fakes import FakeClock, World
from tests.support.fakes.ids import ID_KEY, IDS
from tests.support.stub_thulium import BASE, SECRET, row
from tests.support.stub_web import Reply, StubWeb, json_reply

SOURCE = SourceSettings("thulium", "thulium", BASE, secret="secret", queue_url="https://sqs/1/s-recordings-thulium")


def mapped(state: str) -> dict[str, Any]:
    arn = "arn:aws:sqs:r:1:s-recordings-thulium"
    return {"EventSourceMappings": [{"State": state, "EventSourceArn": arn}]}


def alarm(**changes: Any) -> dict[str, Any]:
    return {
        "MetricAlarms": [
            {"AlarmName": "s-silent", "AlarmActions": ["arn:aws:sns:r:1:ring"], "StateValue": "OK"} | changes
        ]
    }


def subscribed(*arns: str) -> dict[str, Any]:
    return {"Subscriptions": [{"SubscriptionArn": arn} for arn in arns]}


ALARM_OF_STACK = {
    "StackResourceSummaries": [
        {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": "s-silent"},
        {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": "s-dead-letters"},
    ]
}


def messages(number: int) -> dict[str, Any]:
    return {"Attributes": {"ApproximateNumberOfMessages": str(number)}}


def quota(limit: int) -> dict[str, Any]:
    return {"AccountLimit": {"UnreservedConcurrentExecutions": limit}}


COUNTED = {
    "ResultSet": {
        "ResultSetMetadata": {"ColumnInfo": [{"Name": "calls", "Type": "bigint"}]},
        "Rows": [{"Data": [{"VarCharValue": text}]} for text in ("calls", "3")],
    }
}


def given(**parameters: str) -> dict[str, Any]:
    found = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    return {"Stacks": [{"Parameters": found}]}


def topic(key: str) -> dict[str, Any]:
    return {"Attributes": {"KmsMasterKeyId": key} if key else {}}


def key(manager: str) -> dict[str, Any]:
    return {"KeyMetadata": {"KeyManager": manager, "Arn": "arn:aws:kms:eu-central-1:111122223333:key/1"}}


def failed(reason: str) -> dict[str, Any]:
    return {"QueryExecution": {"Status": {"State": "FAILED", "StateChangeReason": reason}}}


def said(operation: str, code: str, message: str) -> botocore.exceptions.ClientError:
    return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": message}}, operation)


FUNCTIONS = {kind: f"s-{kind}" for kind in ("poller", "copier", "compactor")}
COMPACTOR = {"Variables": {"LEDGER_TABLE": "l", "BUCKET": "b", "DATABASE": "s", "OPEN_TABLE": "false"}}
HEALTHY = {"State": "Active", "LastUpdateStatus": "Successful"}
TABLE = {
    "Name": "calls",
    "StorageDescriptor": {"Location": "s3://b/lake/calls/manifest/", "InputFormat": "invented", "Columns": []},
}


def refused(operation: str, code: str = "AccessDeniedException") -> botocore.exceptions.ClientError:
    return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class Cloud:
    """A healthy stack of one source; ``answers`` by operation may be replaced, an exception is raised."""

    name, bucket, dlq_url, database, workgroup, local = "s", "b", "dlq", "s", "w", False
    recording_id_key = "id-key"

    def __init__(self) -> None:
        self.world = World.make(("thulium",))
        self.clock: FakeClock = self.world.clock
        self.table = self.world.table
        self.store = self.world.store
        self.meta = SimpleNamespace(region_name="eu-central-1")
        self.sources: dict[str, SourceSettings] = {"thulium": SOURCE}
        self.functions = FUNCTIONS
        self.web = StubWeb(lambda seen: json_reply({"count": 1, "result": [row()]}))
        self.note(last_poll_at=iso(self.clock.now()), last_ok_at=iso(self.clock.now()))
        self.answers: dict[str, Any] = {
            "get_caller_identity": {"Account": "111122223333"},
            "list_objects_v2": {},
            "get_table": {"Table": TABLE},
            "get_partitions": {"Partitions": []},
            "get_work_group": {"WorkGroup": {"State": "ENABLED"}},
            "get_function_configuration": {
                "State": "Active",
                "LastUpdateStatus": "Successful",
                "Environment": COMPACTOR,
            },
            "get_account_settings": quota(1000),
            "list_event_source_mappings": mapped("Enabled"),
            "get_schedule": {"State": "ENABLED"},
            "list_stack_resources": ALARM_OF_STACK,
            "describe_alarms": alarm(),
            "describe_stacks": given(),
            "head_bucket": {"BucketRegion": "eu-central-1"},
            "start_query_execution": {"QueryExecutionId": "1"},
            "get_query_execution": {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}},
            "get_query_results": COUNTED,
            "get_topic_attributes": topic(""),
            "describe_key": key("CUSTOMER"),
            "get_key_policy": {"Policy": '{"Service": "cloudwatch.amazonaws.com"}'},
            "list_subscriptions_by_topic": subscribed("arn:aws:sns:r:1:ring:1"),
            "get_queue_attributes": messages(0),
            "get_secret_value": {"SecretString": json.dumps(SECRET)},
            "id_key": {"SecretString": json.dumps({"key": ID_KEY})},
        }

    def note(self, **facts: Any) -> None:
        SourceState(self.table, self.clock, "thulium").note(**facts)

    def client(self, service: str) -> Any:
        return self

    def __getattr__(self, operation: str) -> Any:
        def answer(**asked: Any) -> Any:
            found = self.answers["id_key" if asked.get("SecretId") == "id-key" else operation]
            if isinstance(found, Exception):
                raise found
            return found

        return answer

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **asked: [getattr(self, operation)(**asked)])

    def troubles(self) -> dict[str, Check]:
        found = list(run_checks(self, self.clock, session=self.web.session))  # type: ignore[arg-type]
        return {check.name: check for check in found if check.level is not Level.OK}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_a_healthy_stack_has_no_trouble_and_every_part_was_looked_at(cloud: Cloud) -> None:
    found = list(run_checks(cloud, cloud.clock, session=cloud.web.session))  # type: ignore[arg-type]

    assert [check for check in found if check.level is not Level.OK] == []
    assert {check.name for check in found} >= {
        "credentials", "region", "bucket", "ledger", "table", "Athena", "query",
        "poller", "copier", "compactor", "compactor: schedule",
        "recording ids",
        "thulium: secret", "thulium: listing", "thulium: polls", "thulium: poll", "thulium: sweep", "thulium: copies",
        "failed recordings", "dead letters", "Lambda quota", "alarms", "alarm topic",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "answer", "name", "level", "says"),
    [
        ("list_objects_v2", refused("ListObjectsV2"), "storage", "failed", "the right to call ListObjectsV2"),
        ("get_caller_identity", refused("GetCallerIdentity", "ExpiredToken"), "credentials", "failed", "ExpiredToken"),
        ("get_table", refused("GetTable", "EntityNotFoundException"), "table", "failed", "A dropped table"),
        ("get_table", refused("GetTable"), "storage", "failed", "the right to call GetTable"),
        ("get_work_group", {"WorkGroup": {"State": "DISABLED"}}, "Athena", "failed", "enable workgroup"),
        (
            "get_function_configuration",
            {"State": "Failed", "StateReason": "no key", "Environment": COMPACTOR},
            "copier",
            "failed",
            "no key",
        ),
        ("get_account_settings", quota(6), "Lambda quota", "warning", "ask AWS"),
        ("list_event_source_mappings", {"EventSourceMappings": []}, "thulium: copies", "failed", "nothing leads from"),
        ("list_event_source_mappings", mapped("Disabled"), "thulium: copies", "failed", "enable"),
        ("list_event_source_mappings", mapped("Updating"), "thulium: copies", "warning", "in a minute"),
        ("get_schedule", {"State": "DISABLED"}, "thulium: poll", "failed", "enable schedule s-poll-thulium"),
        (
            "get_schedule",
            refused("GetSchedule", "ResourceNotFoundException"),
            "thulium: sweep",
            "failed",
            "no schedule",
        ),
        ("describe_alarms", {"MetricAlarms": []}, "alarms", "warning", "there are none"),
        (
            "list_subscriptions_by_topic",
            subscribed("PendingConfirmation"),
            "alarm topic",
            "warning",
            "the link in AWS's mail",
        ),
        ("list_subscriptions_by_topic", subscribed(), "alarm topic", "warning", "ring has no subscription"),
        (
            "list_subscriptions_by_topic",
            subscribed("Deleted"),
            "alarm topic",
            "warning",
            "--topic-arn arn:aws:sns:r:1:ring ",
        ),
        ("describe_alarms", alarm(AlarmActions=[]), "alarms", "warning", "AlarmEmail"),
        ("describe_alarms", alarm(StateValue="ALARM"), "alarms", "warning", "s-silent fires"),
        ("get_queue_attributes", messages(3), "dead letters", "warning", "3 messages in the dead-letter queue"),
        ("get_secret_value", {"SecretString": "{}"}, "thulium: secret", "warning", "call-lake secrets set thulium"),
        ("get_secret_value", {"SecretString": '{"username": "a"}'}, "thulium: secret", "failed", "no 'password'"),
    ],
)
def test_each_trouble_of_aws_is_found(
    cloud: Cloud, operation: str, answer: Any, name: str, level: str, says: str
) -> None:
    cloud.answers[operation] = answer

    trouble = cloud.troubles()[name]

    assert trouble.level == level
    assert says in f"{trouble.found}; {trouble.to_do}"
    assert trouble.to_do


def test_failed_recordings_are_counted_as_call_lake_failed_counts_them(cloud: Cloud) -> None:
    failed = {"state": State.FAILED, "reason": "forbidden", "due_list": "thulium", "due_at": NEVER}
    for number in range(2):
        cloud.table.update(f"thulium-{number:032x}", failed)
    cloud.answers["get_queue_attributes"] = messages(9)

    troubles = cloud.troubles()

    assert troubles["failed recordings"].found == "2 recordings failed permanently: thulium forbidden 2"
    assert "call-lake failed" in troubles["failed recordings"].to_do
    assert troubles["dead letters"].found == "9 messages in the dead-letter queue"


def test_a_committed_partition_that_no_query_sees_is_a_failure(cloud: Cloud) -> None:
    day = Partition("thulium", date(2026, 10, 20))
    cloud.store.put(CALLS.at(day).manifest, f"s3://{cloud.store.bucket}/{data_key(CALLS.at(day), '0' * 32)}\n".encode())

    check = cloud.troubles()["partitions of calls"]

    assert (check.level, check.found.partition(" ")[0]) == (Level.FAIL, "1")
    assert "source=thulium/call_date=2026-10-20" in check.found


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Reply(401), "call-lake secrets set"),
        (Reply(403), "may not list"),
        (Reply(404), "check the base URL"),
        (Reply(200, b"<html>"), "no listing of this vendor"),
        (ConnectionResetError(), "check the base URL and the network between"),
    ],
)
def test_a_provider_that_does_not_list_is_found(cloud: Cloud, answer: Any, says: str) -> None:
    cloud.web.answer = lambda seen: answer

    assert cloud.troubles()["thulium: listing"].level is Level.FAIL
    assert says in cloud.troubles()["thulium: listing"].to_do


def test_a_subscription_that_waits_is_told_also_where_another_one_is_confirmed(cloud: Cloud) -> None:
    cloud.answers["list_subscriptions_by_topic"] = subscribed("PendingConfirmation", "arn:aws:sns:r:1:ring:1")
    checks = run_checks(cloud, cloud.clock, session=cloud.web.session)  # type: ignore[arg-type]
    found = [check for check in checks if check.name == "alarm topic"]
    assert [check.level for check in found] == [Level.OK, Level.WARN]
    assert found[1].found == "1 subscriptions of ring are not confirmed and receive nothing"


def test_what_breaks_one_check_stops_no_other(cloud: Cloud) -> None:
    cloud.answers["get_secret_value"] = refused("GetSecretValue")
    cloud.answers["get_caller_identity"] = refused("GetCallerIdentity")
    cloud.answers["describe_alarms"] = {"MetricAlarms": []}

    assert {"credentials", "thulium", "alarms"} <= cloud.troubles().keys()


def test_polls_that_stopped_are_found(cloud: Cloud) -> None:
    cloud.clock.advance(timedelta(minutes=26))

    assert "the last good one was at" in cloud.troubles()["thulium: polls"].found


def test_a_source_that_was_never_polled_is_told(cloud: Cloud) -> None:
    cloud.note(last_poll_at=None, last_ok_at=None)

    assert cloud.troubles()["thulium: polls"].level is Level.WARN


def test_trouble_of_the_last_poll_is_told(cloud: Cloud) -> None:
    cloud.note(trouble="cannot read [a, b]: 500")

    assert "cannot read [a, b]" in cloud.troubles()["thulium: polls"].found


def test_a_paused_source_is_a_warning_however_long_ago_it_was_polled(cloud: Cloud) -> None:
    SourceState(cloud.table, cloud.clock, "thulium").pause()
    cloud.clock.advance(timedelta(days=3))

    trouble = cloud.troubles()["thulium: polls"]
    assert (trouble.level, trouble.to_do.split(",")[0]) == (Level.WARN, "call-lake resume thulium")


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, "ok"), (-59, "ok"), (61, "warning"), (-299, "warning"), (301, "failed")]
)
def test_a_clock_that_is_off_is_told_before_aws_refuses(seconds: int, level: str) -> None:
    clock = FakeClock(datetime(2026, 11, 1, tzinfo=UTC))
    header = format_datetime(clock.now() + timedelta(seconds=seconds), usegmt=True)

    assert [check.level for check in skew("clock", header, clock)] == [level]
    assert list(skew("clock", None, clock)) == []


def test_a_clock_that_is_a_moment_off_is_off_by_no_second() -> None:
    clock = FakeClock(datetime(2026, 11, 1, 0, 0, 0, 300_000, tzinfo=UTC))
    (check,) = skew("clock", "Sun, 01 Nov 2026 00:00:00 GMT", clock)

    assert check.found == "+0 s from this machine's"


def test_the_clock_of_a_server_that_does_not_name_its_zone_is_read_as_utc() -> None:
    clock = FakeClock(datetime(2026, 11, 1, 0, 0, 5, tzinfo=UTC))
    (check,) = skew("clock", "Sun, 01 Nov 2026 00:00:00 -0000", clock)

    assert check.found == "-5 s from this machine's"


def test_settings_that_are_wrong_are_one_line(cloud: Cloud) -> None:
    def look() -> Iterator[Check]:
        raise ConfigError("source 'thulium': unknown setting 'x'")
        yield

    (check,) = guarded("settings", look)
    assert (check.level, check.found) == (Level.FAIL, "source 'thulium': unknown setting 'x'")


def test_only_a_failure_is_one() -> None:
    assert not any_failed([checks.ok("a", ""), checks.warn("b", "", "do")])
    assert any_failed([checks.ok("a", ""), checks.fail("b", "", "do")])


class Account:
    """As much of CloudFormation and CloudWatch as names alarms: more than fit into one answer, and another stack's."""

    name = "s"

    def __init__(self, number: int) -> None:
        self.own = [f"s-alarm-{n}" for n in range(number)]
        self.there = [*self.own, "s-2-silent"]
        self.asked: list[int] = []

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, operation))

    def list_stack_resources(self, **_: Any) -> Iterator[Any]:
        for name in self.own:
            yield {"StackResourceSummaries": [{"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": name}]}

    def describe_alarms(self, **asked: list[str]) -> Iterator[Any]:
        names = asked["AlarmNames"]
        self.asked.append(len(names))
        for name in set(self.there) & set(names):
            yield {"MetricAlarms": [{"AlarmName": name}]}


def test_all_alarms_in_the_stack_are_looked_at_and_none_of_one_whose_name_begins_alike() -> None:
    account = Account(150)
    found = alarms.alarms_in(account)  # type: ignore[arg-type]
    assert {alarm["AlarmName"] for alarm in found} == set(account.own)
    assert account.asked == [100, 50]


@pytest.mark.parametrize("kind", ["transcriber", "sound-analyzer"])
def test_what_an_optional_function_takes_at_once_counts_against_the_quota(cloud: Cloud, kind: str) -> None:
    cloud.answers["get_account_settings"] = quota(10)
    few = cloud.troubles().get("Lambda quota")
    cloud.functions = FUNCTIONS | {kind: f"s-{kind}"}
    assert few is None
    assert "uses up to 6" in cloud.troubles()["Lambda quota"].found


@pytest.mark.parametrize(
    ("state", "says"), [("Enabled", ""), ("Disabled", "the mapping of its queue is Disabled"), (None, "nothing leads")]
)
@pytest.mark.parametrize(
    ("kind", "queue", "check"),
    [("transcriber", "transcriptions", "transcriptions"), ("sound-analyzer", "sound", "sound")],
)
def test_a_function_that_is_optional_has_its_queue_looked_at(
    cloud: Cloud, kind: str, queue: str, check: str, state: str | None, says: str
) -> None:
    copies = mapped("Enabled")["EventSourceMappings"]
    own = [{"State": state, "EventSourceArn": f"arn:aws:sqs:r:1:s-{queue}"}] if state else []
    cloud.answers["list_event_source_mappings"] = {"EventSourceMappings": copies + own}
    assert check not in cloud.troubles()
    cloud.functions = FUNCTIONS | {kind: f"s-{kind}"}
    trouble = cloud.troubles().get(check)
    assert says in (trouble.found if trouble else "")
    assert bool(trouble) == bool(says)


def test_the_key_that_the_ledger_knows_is_no_trouble(cloud: Cloud) -> None:
    cloud.note(checkpoint=iso(cloud.clock.now()))
    cloud.table.update(ITEM, {"fingerprint": IDS.fingerprint})
    assert cloud.troubles() == {}


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ({"SecretString": '{"key": "another invented key, of another stack"}'}, "made under another key"),
        ({"SecretString": '{"key": "short"}'}, "is no key: the key has 5 characters"),
        ({"SecretString": "{}"}, "does not exist or has no"),
        (refused("GetSecretValue", "ResourceNotFoundException"), "does not exist or has no"),
        (refused("GetSecretValue", "InvalidRequestException"), "InvalidRequestException"),  # deleted, 7 to 30 days ago
    ],
)
def test_a_key_that_is_not_the_ledgers_is_a_failure(cloud: Cloud, secret: Any, says: str) -> None:
    cloud.table.update(ITEM, {"fingerprint": IDS.fingerprint})
    cloud.answers["id_key"] = secret
    check = cloud.troubles()["recording ids"]
    assert check.level is Level.FAIL
    assert says in check.found
    assert "\n" not in check.found


def test_a_ledger_with_ids_of_the_old_kind_is_a_failure(cloud: Cloud) -> None:
    cloud.note(checkpoint=iso(cloud.clock.now()))
    assert "ids of the old kind" in cloud.troubles()["recording ids"].found


def test_doctor_only_reads_the_ledgers_key(cloud: Cloud) -> None:
    assert cloud.troubles() == {}
    assert cloud.table.get(ITEM) is None


LAKE_FORMATION = "Insufficient Lake Formation permission(s): Required Describe on calls"


@pytest.mark.parametrize(
    ("reason", "found", "to_do"),
    [
        (LAKE_FORMATION, "Lake Formation governs", "runbook.md, Lake Formation"),
        ("COLUMN_NOT_FOUND: line 1:14: Relation contains no accessible columns", "Lake Formation", "DESCRIBE"),
        (
            "COLUMN_NOT_FOUND: line 1:14: Column 'recording_id' cannot be resolved or requester is not authorized to "
            "access requested resources",
            "Lake Formation",
            "SELECT",
        ),
        ("Access denied when writing output to url: s3://b/athena-results/1.csv", "cannot be kept", "s3:PutObject"),
        ("User: arn:x is not authorized to perform: glue:GetTable on resource: y", "glue:GetTable", "glue:GetTable"),
        ("Permission denied on S3 path: s3://b/lake/calls/manifest/", "a right is missing", "s3:GetObject"),
        ("TABLE_NOT_FOUND: line 1:8: Table 'awsdatacatalog.s.calls' does not exist", "not there", "A dropped table"),
        ("HIVE_CANNOT_OPEN_SPLIT: x", "HIVE_CANNOT_OPEN_SPLIT", "Athena's console"),
    ],
)
def test_a_query_that_athena_fails_has_its_cause_named(cloud: Cloud, reason: str, found: str, to_do: str) -> None:
    cloud.answers["get_query_execution"] = failed(reason)

    trouble = cloud.troubles()["query"]

    assert trouble.level is Level.FAIL
    assert found in trouble.found
    assert to_do in trouble.to_do


@pytest.mark.parametrize(
    ("code", "message", "to_do"),
    [
        ("InvalidRequestException", "No output location provided. You did not provide an output", "deploy the stack"),
        ("InvalidRequestException", "Unable to verify/create output bucket b", "s3:GetBucketLocation"),
        ("AccessDeniedException", "You are not authorized to perform: athena:StartQueryExecution", "StartQueryExec"),
        ("AccessDeniedException", LAKE_FORMATION, "Lake Formation"),
    ],
)
def test_a_query_that_athena_does_not_take_has_its_cause_named(
    cloud: Cloud, code: str, message: str, to_do: str
) -> None:
    cloud.answers["start_query_execution"] = said("StartQueryExecution", code, message)

    assert to_do in cloud.troubles()["query"].to_do


def test_lake_formation_is_named_where_it_hides_the_table_from_glue(cloud: Cloud) -> None:
    cloud.answers["get_table"] = said("GetTable", "AccessDeniedException", LAKE_FORMATION)

    assert "Lake Formation" in cloud.troubles()["storage"].to_do


def test_the_query_reads_no_more_than_the_calls_since_yesterday(cloud: Cloud) -> None:
    asked: list[str] = []

    def note(QueryString: str, WorkGroup: str, **_: Any) -> dict[str, str]:  # noqa: N803 - boto3's names
        asked.extend((QueryString, WorkGroup))
        return {"QueryExecutionId": "1"}

    cloud.start_query_execution = note  # type: ignore[attr-defined]
    assert cloud.troubles() == {}
    assert asked[0].endswith("WHERE call_date >= DATE '2026-10-19'")
    assert asked[1] == "w"


@pytest.mark.parametrize("name", ["AlarmTopicArn", "KmsKeyArn", "RecordingIdKeyArn"])
def test_what_the_stack_was_given_of_another_region_is_told(cloud: Cloud, name: str) -> None:
    cloud.answers["describe_stacks"] = given(**{name: "arn:aws:any:eu-west-1:111122223333:any"})
    trouble = cloud.troubles()["region"]
    assert trouble.level is Level.FAIL
    assert trouble.found == f"{name} is in eu-west-1, and the stack in eu-central-1"
    cloud.answers["describe_stacks"] = given(**{name: "arn:aws:any:eu-central-1:111122223333:any"})
    assert cloud.troubles() == {}


def test_a_bucket_in_another_region_is_told(cloud: Cloud) -> None:
    cloud.answers["head_bucket"] = {"BucketRegion": "eu-west-1"}
    assert "AWS_REGION to eu-west-1" in cloud.troubles()["region"].to_do


@pytest.mark.parametrize(
    ("key_id", "manager", "policy", "says"),
    [
        ("alias/aws/sns", "AWS", "", "AWS's own key (alias/aws/sns)"),
        ("arn:aws:kms:eu-central-1:111122223333:alias/aws/sns", "AWS", "", "AWS's own key"),
        ("1234abcd-12ab-34cd-56ef-1234567890ab", "AWS", "", "AWS's own key"),
        ("alias/ours", "CUSTOMER", '{"Service": "lambda.amazonaws.com"}', "does not name cloudwatch.amazonaws.com"),
    ],
)
def test_a_topic_under_a_key_that_alarms_may_not_use_is_a_failure(
    cloud: Cloud, key_id: str, manager: str, policy: str, says: str
) -> None:
    cloud.answers |= {"get_topic_attributes": topic(key_id), "describe_key": key(manager)}
    cloud.answers["get_key_policy"] = {"Policy": policy}

    trouble = cloud.troubles()["alarm topic"]

    assert trouble.level is Level.FAIL
    assert says in trouble.found
    assert "kms:GenerateDataKey*" in trouble.to_do


def test_a_topic_under_a_key_that_alarms_may_use_is_no_trouble(cloud: Cloud) -> None:
    cloud.answers["get_topic_attributes"] = topic("alias/ours")
    assert cloud.troubles() == {}


def test_a_topics_key_that_the_operator_may_not_see_is_a_warning(cloud: Cloud) -> None:
    cloud.answers |= {"get_topic_attributes": topic("alias/ours"), "describe_key": refused("DescribeKey")}

    trouble = cloud.troubles()["alarm topic"]

    assert (trouble.level, "may not call DescribeKey" in trouble.found) == (Level.WARN, True)


def test_an_unencrypted_topic_needs_no_right_to_look_at_keys(cloud: Cloud) -> None:
    cloud.answers |= {"describe_key": refused("DescribeKey"), "get_key_policy": refused("GetKeyPolicy")}
    assert cloud.troubles() == {}


def test_a_refusal_behind_an_error_of_ours_says_which_right_is_missing() -> None:
    def look() -> Iterator[Check]:
        raise Transient(Reason.AWS, "PutObject lake/x") from refused("PutObject", "AccessDenied")
        yield

    (check,) = guarded("canary: first commit", look)
    assert check.to_do == "ask for the right to call PutObject"


def test_a_killed_canary_is_told_by_the_next_doctor(cloud: Cloud) -> None:
    leave_note(cloud.world.store, Partition("thulium", date(2015, 1, 1)))
    cloud.clock.advance(LONGEST)
    cloud.note(last_poll_at=iso(cloud.clock.now()), last_ok_at=iso(cloud.clock.now()))

    trouble = cloud.troubles()["canary"]

    assert (trouble.level, trouble.to_do) == (Level.WARN, "call-lake doctor --canary removes them")


def test_a_topic_under_awss_own_key_fails_without_the_right_to_look_at_keys(cloud: Cloud) -> None:
    cloud.answers |= {"get_topic_attributes": topic("alias/aws/sns"), "describe_key": refused("DescribeKey")}
    assert cloud.troubles()["alarm topic"].level is Level.FAIL
