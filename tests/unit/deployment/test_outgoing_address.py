"""Poller and copier can be put into a network with one outgoing address (docs/outgoing-address.md)."""

import re

import pytest
from cfnlint.api import lint_all  # type: ignore[import-untyped]

from tests.rights.compared import allowed_to
from tests.rights.needs import INTERFACES
from tests.support.iam import is_allowed
from tests.support.resolved import ACCOUNT, REGION
from tests.support.template import ROOT, default, of_type, parse, properties

NETWORK = (ROOT / "docs/examples/outgoing-address.yaml").read_text()
PAGE = (ROOT / "docs/outgoing-address.md").read_text()
GIVEN = {name: {"Fn::Split": [",", {"Ref": name}]} for name in ("SubnetIds", "SecurityGroupIds")}


def test_no_function_is_in_a_network_by_default() -> None:
    assert default("SubnetIds") == default("SecurityGroupIds") == ""


def test_poller_and_copier_alone_are_put_into_the_network_that_is_given() -> None:
    placed = {
        name: body["Properties"]["VpcConfig"]
        for name, body in of_type("AWS::Serverless::Function").items()
        if "VpcConfig" in body["Properties"]
    }
    choice = {"Fn::If": ["InVpc", GIVEN, {"Ref": "AWS::NoValue"}]}
    assert placed == {"Poller": choice, "Copier": choice}


@pytest.mark.parametrize("function", ["Poller", "Copier"])
def test_the_right_to_keep_interfaces_is_made_with_the_role_itself(function: str) -> None:
    (policy,) = properties(f"{function}Role")["Policies"]  # a separate policy would be made beside the function
    assert "ec2:CreateNetworkInterface" in str(policy)


@pytest.mark.parametrize("action", INTERFACES.actions)
@pytest.mark.parametrize("role", ["PollerRole", "CopierRole"])
def test_lambda_may_keep_interfaces_and_the_code_of_no_function_may(role: str, action: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html"""
    interface = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/eni-0"
    assert is_allowed(allowed_to(role), action, interface)
    for name in ("stack-poller", "another"):
        code = {"lambda:SourceFunctionArn": (f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",)}
        assert not is_allowed(allowed_to(role), action, interface, code)


def test_no_other_role_has_a_right_in_ec2() -> None:
    with_ec2 = [name for name, body in of_type("AWS::IAM::Role").items() if "ec2:" in str(body)]
    assert with_ec2 == ["PollerRole", "CopierRole"]


def test_the_example_network_is_valid() -> None:
    assert [str(match) for match in lint_all(NETWORK) if match.rule.id[0] in "EW"] == []


@pytest.mark.parametrize("name", ["SubnetIds", "SecurityGroupIds"])
def test_the_example_gives_what_the_stack_asks_for(name: str) -> None:
    assert name in parse(NETWORK)["Outputs"]
    assert name in parse()["Parameters"]
    assert f"--set {name}=" in PAGE


def test_what_goes_to_s3_and_dynamodb_passes_no_nat_gateway() -> None:
    resources = parse(NETWORK)["Resources"].values()
    endpoints = [one["Properties"] for one in resources if one["Type"] == "AWS::EC2::VPCEndpoint"]
    services = {re.sub(r".*\.", "", one["ServiceName"]["Fn::Sub"]) for one in endpoints}
    assert services == {"s3", "dynamodb"}
    assert all(one["RouteTableIds"] == [{"Ref": "InsideRoutes"}] for one in endpoints)
