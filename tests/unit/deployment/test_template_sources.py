"""A source is a marked block of the template that another can copy."""

import json
import re
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from call_lake.settings import SourceSettings
from call_lake_cli.commands.deploy import NAMES_TOGETHER
from tests.support.template import TEXT, default, parse, properties

SOURCES = ("thulium", "conpeek")
NAMED = {
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
}


def blocks(source: str) -> list[str]:
    return re.findall(rf"^ *# >>> source {source}\n(.*?)^ *# <<< source {source}\n", TEXT, re.MULTILINE | re.DOTALL)


def references(value: Any) -> set[str]:
    """Logical names that this part of the template mentions."""
    if isinstance(value, dict):
        own = {
            "Ref": lambda v: {v},
            "Fn::GetAtt": lambda v: {v[0] if isinstance(v, list) else v.split(".")[0]},
            "Fn::Sub": lambda v: set(re.findall(r"\$\{([A-Za-z0-9]+)[.}]", v if isinstance(v, str) else v[0])),
        }
        return set().union(*(own.get(key, references)(item) for key, item in value.items()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("source", SOURCES)
def test_a_sources_settings_document_is_what_the_functions_read(source):
    text = properties(f"{source.capitalize()}Source")["Value"]["Fn::Sub"]
    values = {
        "BaseUrl": "https://a.example/api",
        "TimeZone": "Europe/Warsaw",
        "Settings": '{"requests_per_second": 2}',
        "Secret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s",
        "Queue": "https://sqs.eu-central-1.amazonaws.com/123456789012/q",
    }
    for name, value in values.items():
        text = text.replace(f"${{{source.capitalize()}{name}}}", value)
    settings = SourceSettings.from_json(source, text)
    assert (settings.provider, settings.base_url) == (source, values["BaseUrl"])
    assert (settings.secret, settings.queue_url) == (values["Secret"], values["Queue"])
    assert (settings.time_zone, settings.requests_per_second) == ("Europe/Warsaw", 2.0)


@pytest.mark.parametrize("source", SOURCES)
def test_a_secret_is_made_without_a_value(source):
    assert not {"SecretString", "GenerateSecretString"} & set(properties(f"{source.capitalize()}Secret"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_block_mentions_no_other_source(source):
    own = "\n".join(blocks(source))
    for other in set(SOURCES) - {source}:
        assert other not in own.lower()


def test_outside_the_blocks_a_source_is_named_only_in_the_list_of_names():
    rest = TEXT
    for source in SOURCES:
        for block in blocks(source):
            rest = rest.replace(block, "")
    lines = [line for line in rest.splitlines() if re.search("|".join(SOURCES), line, re.IGNORECASE)]
    assert [line for line in lines if not line.lstrip().startswith("#")] == ["    Default: thulium,conpeek"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_without_an_address_is_not_made(source):
    name = source.capitalize()
    assert default(f"{name}BaseUrl") == ""
    assert parse()["Conditions"][name] == {"Fn::Not": [{"Fn::Equals": [{"Ref": f"{name}BaseUrl"}, ""]}]}
    own = {key: body for key, body in parse()["Resources"].items() if key.startswith(name)}
    assert {body.get("Condition") for body in own.values()} == {name, f"{name}InCloud"}


def test_names_of_stack_and_source_leave_room_in_every_name_that_holds_both():
    limits = {"AWS::Scheduler::Schedule": 64, "AWS::SQS::Queue": 80, "AWS::CloudWatch::Alarm": 255}
    for name, body in parse()["Resources"].items():
        if name.startswith("Thulium") and body["Type"] in limits:
            made = body["Properties"][NAMED[body["Type"]]]["Fn::Sub"]
            fixed = made.replace("${AWS::StackName}", "").replace("thulium", "")
            assert len(fixed) + NAMES_TOGETHER <= limits[body["Type"]], name


def test_nothing_outside_the_blocks_needs_what_a_source_may_not_have():
    for name, body in parse()["Resources"].items():
        if not name.startswith(tuple(map(str.capitalize, SOURCES))):
            needed = references({key: value for key, value in body.items() if key != "Condition"})
            assert not [other for other in needed if other.startswith(("Thulium", "Conpeek"))], name


def with_second_tenant() -> str:
    """The template after what its head tells to do for a second Thulium tenant."""
    text = TEXT.replace("Default: thulium,conpeek", "Default: thulium,conpeek,north")
    for block in blocks("thulium"):
        copy = re.sub(r'(?<!"provider": ")thulium', "north", block.replace("Thulium", "North"))
        text = text.replace(block, block + copy)
    return text


def test_a_second_tenant_is_a_copy_of_the_block_and_the_template_has_no_lint():
    text = with_second_tenant()
    template = parse(text)
    assert [str(match) for match in lint(text, config=ManualArgs(regions=["eu-central-1"]))] == []
    added = {name: body for name, body in template["Resources"].items() if name not in parse()["Resources"]}
    assert {body["Type"] for body in added.values()} == {
        *NAMED,
        "AWS::Lambda::EventSourceMapping",
        "AWS::SQS::QueuePolicy",
    }
    assert '"provider": "thulium"' in added["NorthSource"]["Properties"]["Value"]["Fn::Sub"]
    assert json.loads(added["NorthPoll"]["Properties"]["Target"]["Input"]) == {"source": "north"}
    assert added["NorthSilentAlarm"]["Properties"]["Dimensions"] == [{"Name": "Source", "Value": "north"}]


def test_a_second_tenant_shares_nothing_with_the_first():
    template = parse(with_second_tenant())
    for name, body in template["Resources"].items():
        if name.startswith("North"):
            assert not [other for other in references(body) if other.startswith("Thulium")], name
    names = [
        body["Type"] + json.dumps(body["Properties"][NAMED[body["Type"]]])
        for body in template["Resources"].values()
        if body["Type"] in NAMED
    ]
    assert len(names) == len(set(names))
