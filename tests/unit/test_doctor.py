"""``call-lake doctor``: each trouble is found, named, and says what to do; what breaks one check stops no other."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import botocore.exceptions
import pytest

from call_lake.config import SourceSettings
from call_lake.errors import ConfigError
from call_lake.recording import iso
from call_lake.sources import SourceBook
from cli import checks
from cli.checks import Check, Level, guarded, skew
from cli.doctor import examine, failed
from tests.fakes import FakeClock, World
from tests.unit.stub_thulium import BASE, SECRET, row
from tests.unit.stub_web import Reply, StubWeb, json_reply

SOURCE = SourceSettings("thulium", "thulium", BASE, secret="secret", queue_url="https://sqs/1/s-recordings-thulium")


def mapped(state: str) -> dict[str, Any]:
    arn = "arn:aws:sqs:r:1:s-recordings-thulium"
    return {"EventSourceMappings": [{"State": state, "EventSourceArn": arn}]}


def alarm(**changes: Any) -> dict[str, Any]:
    return {"MetricAlarms": [{"AlarmName": "s-silent", "AlarmActions": ["arn"], "StateValue": "OK"} | changes]}


def messages(number: int) -> dict[str, Any]:
    return {"Attributes": {"ApproximateNumberOfMessages": str(number)}}


def quota(limit: int) -> dict[str, Any]:
    return {"AccountLimit": {"UnreservedConcurrentExecutions": limit}}


FUNCTIONS = {kind: f"s-{kind}" for kind in ("poller", "copier", "compactor")}


def refused(operation: str, code: str = "AccessDeniedException") -> botocore.exceptions.ClientError:
    return botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class Cloud:
    """A healthy stack of one source; ``answers`` by operation may be replaced, an exception is raised."""

    name, bucket, dlq_url, workgroup, local = "s", "b", "dlq", "w", False

    def __init__(self) -> None:
        self.world = World.make(("thulium",))
        self.clock: FakeClock = self.world.clock
        self.table = self.world.table
        self.sources: dict[str, SourceSettings] = {"thulium": SOURCE}
        self.functions = FUNCTIONS
        self.web = StubWeb(lambda seen: json_reply({"count": 1, "result": [row()]}))
        self.note(last_poll_at=iso(self.clock.now()), last_ok_at=iso(self.clock.now()))
        self.answers: dict[str, Any] = {
            "get_caller_identity": {"Account": "111122223333"},
            "list_objects_v2": {},
            "get_work_group": {"WorkGroup": {"State": "ENABLED"}},
            "get_function_configuration": {"State": "Active", "LastUpdateStatus": "Successful"},
            "get_account_settings": quota(1000),
            "list_event_source_mappings": mapped("Enabled"),
            "get_schedule": {"State": "ENABLED"},
            "describe_alarms": alarm(),
            "get_queue_attributes": messages(0),
            "get_secret_value": {"SecretString": json.dumps(SECRET)},
        }

    def note(self, **facts: Any) -> None:
        SourceBook(self.table, self.clock, "thulium").note(**facts)

    def client(self, service: str) -> Any:
        return self

    def __getattr__(self, operation: str) -> Any:
        def answer(**asked: Any) -> Any:
            found = self.answers[operation]
            if isinstance(found, Exception):
                raise found
            return found

        return answer

    def troubles(self) -> dict[str, Check]:
        found = list(examine(self, self.clock, session=self.web.session))  # type: ignore[arg-type]
        return {check.name: check for check in found if check.level is not Level.OK}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_a_healthy_stack_has_no_trouble_and_every_part_was_looked_at(cloud: Cloud) -> None:
    found = list(examine(cloud, cloud.clock, session=cloud.web.session))  # type: ignore[arg-type]

    assert [check for check in found if check.level is not Level.OK] == []
    assert {check.name for check in found} >= {
        "credentials", "bucket", "ledger", "Athena", "poller", "copier", "compactor", "compactor: schedule",
        "thulium: secret", "thulium: listing", "thulium: polls", "thulium: poll", "thulium: sweep", "thulium: copies",
        "dead letters", "Lambda quota", "alarms",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "answer", "name", "level", "says"),
    [
        ("list_objects_v2", refused("ListObjectsV2"), "storage", "fail", "the right to call ListObjectsV2"),
        ("get_caller_identity", refused("GetCallerIdentity", "ExpiredToken"), "credentials", "fail", "ExpiredToken"),
        ("get_work_group", {"WorkGroup": {"State": "DISABLED"}}, "Athena", "fail", "enable workgroup"),
        ("get_function_configuration", {"State": "Failed", "StateReason": "no key"}, "copier", "fail", "no key"),
        ("get_account_settings", quota(6), "Lambda quota", "warn", "ask AWS"),
        ("list_event_source_mappings", {"EventSourceMappings": []}, "thulium: copies", "fail", "nothing leads from"),
        ("list_event_source_mappings", mapped("Disabled"), "thulium: copies", "fail", "enable"),
        ("list_event_source_mappings", mapped("Updating"), "thulium: copies", "warn", "in a minute"),
        ("get_schedule", {"State": "DISABLED"}, "thulium: poll", "fail", "enable schedule s-poll-thulium"),
        ("get_schedule", refused("GetSchedule", "ResourceNotFoundException"), "thulium: sweep", "fail", "no schedule"),
        ("describe_alarms", {"MetricAlarms": []}, "alarms", "warn", "there are none"),
        ("describe_alarms", alarm(AlarmActions=[]), "alarms", "warn", "AlarmTopicArn"),
        ("describe_alarms", alarm(StateValue="ALARM"), "alarms", "warn", "s-silent rings"),
        ("get_queue_attributes", messages(3), "dead letters", "warn", "call-lake failed"),
        ("get_secret_value", {"SecretString": "{}"}, "thulium: secret", "warn", "call-lake secrets set thulium"),
        ("get_secret_value", {"SecretString": '{"username": "a"}'}, "thulium: secret", "fail", "no 'password'"),
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


def test_what_breaks_one_check_stops_no_other(cloud: Cloud) -> None:
    cloud.answers["get_secret_value"] = refused("GetSecretValue")
    cloud.answers["get_caller_identity"] = refused("GetCallerIdentity")
    cloud.answers["describe_alarms"] = {"MetricAlarms": []}

    assert {"credentials", "thulium", "alarms"} <= cloud.troubles().keys()


def test_polls_that_stopped_are_found(cloud: Cloud) -> None:
    cloud.clock.advance(timedelta(minutes=31))

    assert "the last good one was at" in cloud.troubles()["thulium: polls"].found


def test_a_source_that_was_never_polled_is_told(cloud: Cloud) -> None:
    cloud.note(last_poll_at=None, last_ok_at=None)

    assert cloud.troubles()["thulium: polls"].level is Level.WARN


def test_trouble_of_the_last_poll_is_told(cloud: Cloud) -> None:
    cloud.note(trouble="cannot read [a, b]: 500")

    assert "cannot read [a, b]" in cloud.troubles()["thulium: polls"].found


def test_a_paused_source_is_a_warning_however_long_ago_it_was_polled(cloud: Cloud) -> None:
    SourceBook(cloud.table, cloud.clock, "thulium").pause()
    cloud.clock.advance(timedelta(days=3))

    trouble = cloud.troubles()["thulium: polls"]
    assert (trouble.level, trouble.to_do.split(",")[0]) == (Level.WARN, "call-lake resume thulium")


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (-59, "ok"), (61, "warn"), (-299, "warn"), (301, "fail")])
def test_a_clock_that_is_off_is_told_before_aws_refuses(seconds: int, level: str) -> None:
    clock = FakeClock(datetime(2026, 11, 1, tzinfo=UTC))
    header = format_datetime(clock.now() + timedelta(seconds=seconds), usegmt=True)

    assert [check.level for check in skew("clock", header, clock)] == [level]
    assert list(skew("clock", None, clock)) == []


def test_settings_that_are_wrong_are_one_line(cloud: Cloud) -> None:
    def look() -> Iterator[Check]:
        raise ConfigError("source 'thulium': unknown setting 'x'")
        yield

    (check,) = guarded("settings", look)
    assert (check.level, check.found) == (Level.FAIL, "source 'thulium': unknown setting 'x'")


def test_only_a_failure_is_one() -> None:
    assert not failed([checks.ok("a", ""), checks.warn("b", "", "do")])
    assert failed([checks.ok("a", ""), checks.fail("b", "", "do")])
