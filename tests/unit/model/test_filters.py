"""Rules that leave recordings out: what fits them, and what no rule ever lets through."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import ConfigError
from call_lake.model.recording import Recording
from call_lake.model.rules import Rule, Rules
from call_lake.settings import SourceSettings
from tests.support.fakes.provider import make_recording

CALL = replace(make_recording(1), agent="Żaneta Probna", talk_s=50.0, raw='{"project_id": 7, "tags": ["opt-out"]}')


def rule(**conditions: object) -> Rule:
    return Rule.from_json(conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        {"agent": "Żaneta Probna"},
        {"agent": "żaneta probna"},
        {"agent": "Z\u0307aneta Probna"},  # the same letters, written as two characters
        {"agent": "* Probna"},
        {"direction": "inbound"},
        {"disposition": "ANSWERED"},
        {"provider_key": "sales/*"},
        {"shorter_than_s": 51},
        {"longer_than_s": 49.5},
        {"record": "project_id == `7`"},
        {"record": "contains(tags, 'opt-out')"},
        {"agent": "* probna", "direction": "inbound", "longer_than_s": 1},
    ],
)
def test_a_rule_fits_where_every_condition_holds(conditions: dict[str, object]) -> None:
    assert rule(**conditions).fits(CALL)


@pytest.mark.parametrize(
    "conditions",
    [
        {"agent": "Żaneta"},
        {"direction": "outbound"},
        {"shorter_than_s": 50},
        {"longer_than_s": 50},
        {"record": "project_id == `8`"},
        {"record": "length(project_id)"},  # refuses a number
        {"agent": "Żaneta Probna", "direction": "outbound"},
    ],
)
def test_a_rule_does_not_fit_where_one_condition_fails(conditions: dict[str, object]) -> None:
    assert not rule(**conditions).fits(CALL)


@pytest.mark.parametrize("conditions", [{"agent": "*"}, {"shorter_than_s": 1e9}, {"longer_than_s": 0.1}])
def test_what_is_not_listed_fits_no_condition(conditions: dict[str, object]) -> None:
    assert not rule(**conditions).fits(replace(CALL, agent=None, talk_s=None, duration_s=None))


def test_the_length_is_that_of_the_call_where_the_talk_is_not_listed() -> None:
    assert rule(longer_than_s=60).fits(replace(CALL, talk_s=None, duration_s=61.0))


def test_exclude_has_the_last_word() -> None:
    rules = Rules(include=(rule(direction="inbound"),), exclude=(rule(agent="żaneta*"),))
    other = replace(CALL, agent="Adam Probny")

    assert rules.wanted([CALL, other, replace(other, direction="outbound")]) == [other]


def test_several_rules_are_alternatives() -> None:
    calls = [replace(CALL, agent=name) for name in ("A", "B", "C")]

    assert Rules(exclude=(rule(agent="A"), rule(agent="B"))).wanted(calls) == calls[2:]
    assert Rules(include=(rule(agent="A"), rule(agent="B"))).wanted(calls) == calls[:2]


@given(
    st.lists(st.builds(lambda n, talk: replace(make_recording(n), talk_s=talk), st.integers(0, 59), st.floats(0, 99)))
)
def test_a_rule_and_its_complement_part_all_that_have_the_field(calls: list[Recording]) -> None:
    short = rule(shorter_than_s=30)

    kept, left = Rules(exclude=(short,)).wanted(calls), Rules(include=(short,)).wanted(calls)

    assert sorted(map(id, [*kept, *left])) == sorted(map(id, calls))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"exclude": {"agent": "A"}}, "it must be a JSON list of rules"),
        ({"exclude": [{}]}, "each rule is a JSON object"),
        ({"exclude": ["A"]}, "each rule is a JSON object"),
        ({"exclude": [{"agnet": "A"}]}, "a rule knows no 'agnet'; it knows agent, direction"),
        ({"exclude": [{"agent": " "}]}, "agent must be a text that is not empty"),
        ({"exclude": [{"agent": 7}]}, "agent must be a text"),
        ({"include": [{"direction": "INBOUND"}]}, "direction must be inbound or outbound"),
        ({"include": [{"shorter_than_s": "5"}]}, "shorter_than_s must be a number of seconds above 0"),
        ({"include": [{"longer_than_s": 0}]}, "longer_than_s must be a number"),
        ({"include": [{"longer_than_s": True}]}, "longer_than_s must be a number"),
        ({"include": [{"record": "project_id =="}]}, "record is no JMESPath"),
        ({"include": "no json"}, "setting include: "),
    ],
)
def test_a_rule_that_cannot_work_is_named_when_the_settings_are_read(more: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=r"source 'thulium': setting (in|ex)clude: ") as caught:
        settings(more)

    assert says in str(caught.value)


def test_an_error_repeats_no_name() -> None:
    with pytest.raises(ConfigError) as caught:
        settings({"exclude": [{"agent": "Secret Name", "direction": "up"}]})

    assert "Secret" not in str(caught.value)


def test_rules_are_read_from_the_settings_document() -> None:
    read = settings({"exclude": [{"agent": "A"}], "include": json.dumps([{"direction": "inbound"}])})

    assert read.rules == Rules(include=(rule(direction="inbound"),), exclude=(rule(agent="A"),))


def settings(more: dict[str, object]) -> SourceSettings:
    document = {"provider": "thulium", "base_url": "https://example.thulium.com/api", "more": more}
    return SourceSettings.from_json("thulium", json.dumps(document))
