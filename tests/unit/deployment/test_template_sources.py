"""What the template has of each source, and what `call-lake source` writes into it."""

import json
import re
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import ConfigError
from call_lake.settings import SourceSettings
from call_lake_local.template_sources import PARTS, part_of, read_sources, with_source, without_source, write_sources
from tests.support.cloudwatch import metric_of
from tests.support.template import TEXT, default, parse, properties

SOURCES = ("thulium", "conpeek")
REGIONS = ["eu-central-1", "eu-west-1", "eu-north-1", "us-east-1", "ap-southeast-2"]
NAMED = {
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
}


def parts(source: str) -> dict[str, str]:
    """What the template has of one source, by part."""
    listed = next(one for one in read_sources(TEXT) if one.name == source)
    return {part: part_of(part, listed) for part in PARTS}


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
    text, variables = properties(f"{source.capitalize()}Source")["Value"]["Fn::Sub"]
    assert variables == {"AudioHosts": {"Fn::If": ["InVpc", "listed", ""]}}
    text = text.replace("${AudioHosts}", "listed")
    values = {
        "BaseUrl": "https://a.example/api",
        "TimeZone": "Europe/Warsaw",
        "Country": "DE",
        "Settings": '{"requests_per_second": 2}',
        "Secret": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s",
        "Queue": "https://sqs.eu-central-1.amazonaws.com/123456789012/q",
    }
    for name, value in values.items():
        text = text.replace(f"${{{source.capitalize()}{name}}}", value)
    settings = SourceSettings.from_json(source, text)
    assert (settings.provider, settings.base_url) == (source, values["BaseUrl"])
    assert (settings.secret, settings.queue_url) == (values["Secret"], values["Queue"])
    assert (settings.time_zone, settings.country, settings.requests_per_second) == ("Europe/Warsaw", "DE", 2.0)
    assert not settings.any_public_host


@pytest.mark.parametrize("country", ["Poland", "pl", ""])
def test_a_country_is_two_letters(country):
    with pytest.raises(ConfigError, match="two letters of ISO 3166"):
        SourceSettings("thulium", "thulium", "https://a.example", country=country)


@pytest.mark.parametrize("source", SOURCES)
def test_a_secret_is_made_without_a_value(source):
    assert not {"SecretString", "GenerateSecretString"} & set(properties(f"{source.capitalize()}Secret"))


def test_the_template_is_what_make_sources_writes():
    assert write_sources(TEXT, read_sources(TEXT)) == TEXT


@pytest.mark.parametrize("source", SOURCES)
def test_the_parts_of_a_source_mention_no_other_source(source):
    own = "".join(parts(source).values())
    for other in set(SOURCES) - {source}:
        assert other not in own.lower()


def test_outside_its_parts_a_source_is_named_only_in_the_list_of_sources():
    rest = TEXT
    for source in SOURCES:
        for part in parts(source).values():
            assert part in rest
            rest = rest.replace(part, "")
    lines = [line.strip() for line in rest.splitlines() if re.search("|".join(SOURCES), line, re.IGNORECASE)]
    assert lines == [
        "- {name: thulium, provider: thulium}",
        "- {name: conpeek, provider: conpeek}",
    ]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_without_an_address_is_not_made(source):
    name = source.capitalize()
    assert default(f"{name}BaseUrl") == ""
    assert parse()["Conditions"][name] == {"Fn::Not": [{"Fn::Equals": [{"Ref": f"{name}BaseUrl"}, ""]}]}
    own = {key: body for key, body in parse()["Resources"].items() if key.startswith(name)}
    assert {body.get("Condition") for body in own.values()} == {name, f"{name}InCloud", f"{name}Listeners"}
    assert {"Condition": name} in parse()["Conditions"][f"{name}Listeners"]["Fn::And"]


def test_nothing_outside_the_blocks_needs_what_a_source_may_not_have():
    for name, body in parse()["Resources"].items():
        if not name.startswith(tuple(map(str.capitalize, SOURCES))):
            needed = references({key: value for key, value in body.items() if key != "Condition"})
            assert not [other for other in needed if other.startswith(("Thulium", "Conpeek"))], name


def test_a_second_tenant_has_resources_of_its_own_and_the_template_has_no_lint():
    text = with_source(TEXT, "north", "thulium")
    template = parse(text)
    assert [str(match) for match in lint(text, config=ManualArgs(regions=REGIONS))] == []
    added = {name: body for name, body in template["Resources"].items() if name not in parse()["Resources"]}
    assert {body["Type"] for body in added.values()} == {
        *NAMED,
        "AWS::IAM::ManagedPolicy",
        "AWS::Lambda::EventSourceMapping",
        "AWS::SQS::QueuePolicy",
    }
    assert '"provider": "thulium"' in added["NorthSource"]["Properties"]["Value"]["Fn::Sub"][0]
    assert json.loads(added["NorthPoll"]["Properties"]["Target"]["Input"]) == {"source": "north"}
    for alarm in ("NorthSilentAlarm", "NorthLagAlarm"):
        assert metric_of(added[alarm]["Properties"])[0]["Dimensions"] == [{"Name": "Source", "Value": "north"}]


def test_a_second_tenant_shares_nothing_with_the_first():
    template = parse(with_source(TEXT, "north", "thulium"))
    for name, body in template["Resources"].items():
        if name.startswith("North"):
            assert not [other for other in references(body) if other.startswith("Thulium")], name
    names = [
        body["Type"] + json.dumps(body["Properties"][NAMED[body["Type"]]])
        for body in template["Resources"].values()
        if NAMED.get(body["Type"]) in body["Properties"]
    ]
    assert len(names) == len(set(names))


def resources(text: str) -> dict[str, Any]:
    return {name: json.dumps(body) for name, body in parse(text)["Resources"].items()}


def test_adding_and_removing_a_source_leaves_the_resources_of_the_others_as_they_were():
    with_third = with_source(TEXT, "north-west", "conpeek")
    without = without_source(with_third, "north-west")

    # The dashboard, the compactor, the tables and the roles of those who use queues name every source.
    named = {"Dashboard", "Compactor", "CallsTable", "CallsOpenTable", "PollerRole", "CopierRole", "PollerOnEmulator"}
    before, with_it, after = (resources(text) for text in (TEXT, with_third, without))
    assert {name for name in before if before[name] != with_it[name]} <= named
    assert {name.removeprefix("NorthWest") for name in with_it.keys() - before.keys()} == {
        name.removeprefix("Thulium") for name in before if name.startswith("Thulium")
    }
    assert after.keys() == before.keys()


def test_a_removed_source_stays_in_the_list_so_that_its_name_stays_taken():
    text = without_source(with_source(TEXT, "north", "thulium"), "north")

    assert [(one.name, one.removed) for one in read_sources(text)][-1] == ("north", True)


def test_a_removed_source_comes_back_as_it_was():
    once = with_source(TEXT, "north", "thulium")

    assert with_source(without_source(once, "north"), "north", "thulium") == once


@pytest.mark.parametrize(
    ("name", "provider", "why"),
    [
        ("thulium", "thulium", "is in the template already"),
        ("North", "thulium", "cannot be a source's name"),
        ("", "thulium", "cannot be a source's name"),
        ("2nd", "thulium", "cannot be a source's name"),
        ("north-", "thulium", "cannot be a source's name"),
        ("n" * 33, "thulium", "cannot be a source's name"),
        ("cloud", "thulium", "the template has Cloud in Conditions already"),
        ("transcription", "thulium", "the template has Transcription in Conditions already"),
        ("north", "acme", "is not one of"),
    ],
)
def test_a_source_that_cannot_be_is_refused(name, provider, why):
    with pytest.raises(ConfigError, match=why):
        with_source(TEXT, name, provider)


def test_a_removed_source_cannot_come_back_as_another_vendors():
    with pytest.raises(ConfigError, match="choose another name"):
        with_source(without_source(with_source(TEXT, "north", "thulium"), "north"), "north", "conpeek")


def test_ids_that_would_be_one_are_refused():
    with pytest.raises(ConfigError, match="logical ids of 'north-west'"):
        with_source(with_source(TEXT, "north-west", "thulium"), "north--west", "thulium")


def test_a_source_that_is_not_there_cannot_be_removed():
    with pytest.raises(ConfigError, match="it has: thulium, conpeek"):
        without_source(TEXT, "north")


@settings(max_examples=25)  # each writes the whole template several times
@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?", fullmatch=True), max_size=4, unique=True))
def test_sources_are_read_as_they_were_written(names):
    text, expected = TEXT, ["thulium", "conpeek"]
    for name in names:
        try:
            text = with_source(text, name, "conpeek")
        except ConfigError:
            continue
        expected.append(name)
    assert [one.name for one in read_sources(text)] == expected
    assert write_sources(text, read_sources(text)) == text


def test_a_template_without_marks_is_refused():
    with pytest.raises(ConfigError, match="lacks the marks"):
        read_sources("Resources: {}")
