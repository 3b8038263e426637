"""Rule 35: today's template upgrades a stack of every kept version, and destroys nothing of it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.template import parse
from tests.upgrade.kept import HERE, VERSIONS
from tests.upgrade.template_changes import losses


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgrade_replaces_and_removes_nothing_that_holds_data(version: str) -> None:
    assert losses(parse((HERE / version / "template.yaml").read_text("utf-8")), parse()) == []


def _drop(kind: str, name: str) -> Callable[[Any], None]:
    return lambda template: template[kind].pop(name)


def _name_the_bucket(template: Any) -> None:
    template["Resources"]["Bucket"]["Properties"]["BucketName"] = "another"


def _change_the_key(template: Any) -> None:
    template["Resources"]["Ledger"]["Properties"]["KeySchema"][0]["AttributeName"] = "another"


def _narrow_the_index(template: Any) -> None:
    template["Resources"]["Ledger"]["Properties"]["GlobalSecondaryIndexes"][0]["Projection"] = {
        "ProjectionType": "ALL!"
    }


def _let_the_bucket_go(template: Any) -> None:
    template["Resources"]["Bucket"]["DeletionPolicy"] = "Delete"


def _ask_for_more(template: Any) -> None:
    template["Parameters"]["Another"] = {"Type": "String"}


def _narrow(template: Any) -> None:
    template["Parameters"]["SweepDays"]["MinValue"] = 7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_drop("Resources", "Bucket"), "Bucket"),
        (_drop("Resources", "RecordingIdKey"), "RecordingIdKey"),
        (_drop("Parameters", "SweepDays"), "SweepDays"),
        (_drop("Outputs", "BusName"), "BusName"),
        (_name_the_bucket, "BucketName"),
        (_change_the_key, "KeySchema"),
        (_narrow_the_index, "index"),
        (_let_the_bucket_go, "not kept"),
        (_ask_for_more, "no default"),
        (_narrow, "refuses values"),
    ],
)
def test_it_finds_what_an_upgrade_would_destroy(change: Callable[[Any], None], said: str) -> None:
    changed = copy.deepcopy(parse())
    change(changed)

    (found,) = losses(parse(), changed)

    assert said in found


def test_an_upgrade_may_take_more_and_have_more() -> None:
    changed = copy.deepcopy(parse())
    changed["Parameters"]["SweepDays"]["MinValue"] = 0
    changed["Parameters"]["Another"] = {"Type": "String", "Default": ""}
    changed["Resources"]["Another"] = copy.deepcopy(changed["Resources"]["Bucket"])

    assert losses(parse(), changed) == []
