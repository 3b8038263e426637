"""The roles' rights to the ledger are exactly what the functions use: every test in memory runs with them, so more
would be refused there, and less is found here."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import CALL, TOMBSTONE
from call_lake.model.windows import Window
from tests.crash.harness import settle
from tests.crash.scenes import Crooked, Pair, Passing, Past
from tests.support.pipeline import FUNCTIONS, Pipeline
from tests.support.roles import TableOfRole, role_of
from tests.support.template import properties

OF_A_RECORDING_BUT_NOT_THE_POLLERS = {"state"} | {*CALL, *TOMBSTONE} - {
    *("id", "version", "source", "call_date", "connection_id", "record", "first_published_at", "published_at"),
    *("due_list", "due_at"),
}


@pytest.fixture(scope="module")
def pipelines() -> list[Pipeline]:
    """Worlds that came to rest, which between them take every way through the pipeline."""
    worlds = [Past(), Crooked(), Passing()]
    for world in worlds:
        settle(world)
    return [*(world._pipeline for world in worlds), polled(with_a_hole), polled(limited)]


def polled(on_list: Callable[[datetime, Window], None]) -> Pipeline:
    """A poll in which the provider does what ``on_list`` does with each window."""
    world = Pair()
    world.providers["thulium"].on_list = partial(on_list, world.start)
    world._pipeline.poll("thulium")
    return world._pipeline


def with_a_hole(start: datetime, window: Window) -> None:
    if window.start <= start - timedelta(hours=1) <= window.end:
        raise Transient(Reason.HTTP_ERROR, "500")


def limited(start: datetime, window: Window) -> None:
    raise Transient(Reason.RATE_LIMITED, "429", retry_after_s=3600.0)


@pytest.mark.parametrize("action", ["PartiQLInsert", "UpdateItem"])
def test_the_poller_may_write_no_attribute_that_no_poll_writes(pipelines: list[Pipeline], action: str) -> None:
    named = frozenset(name for pipeline in pipelines for name in pipeline.roles["Poller"].named.get(action, ()))
    assert named == role_of("Poller").attributes[action]


def test_what_became_of_a_recording_is_none_of_the_pollers_attributes() -> None:
    assert {"state", "audio", "stored_at", "record_sha256", "erased_at"} <= OF_A_RECORDING_BUT_NOT_THE_POLLERS
    for attributes in role_of("Poller").attributes.values():
        assert attributes.isdisjoint(OF_A_RECORDING_BUT_NOT_THE_POLLERS)


def test_the_poller_may_not_change_what_the_first_write_froze() -> None:
    """Rule 6: it inserts a record, and an INSERT replaces nothing."""
    frozen = {"record", "call_date", "connection_id", "first_published_at"}
    assert frozen <= role_of("Poller").attributes["PartiQLInsert"]
    assert frozen.isdisjoint(role_of("Poller").attributes["UpdateItem"])


def test_the_keys_of_table_and_index_are_among_the_attributes() -> None:
    """DynamoDB asks for them: developerguide/specifying-conditions.html."""
    keys = {one["AttributeName"] for one in properties("Ledger")["AttributeDefinitions"]}
    assert set(role_of("Poller").attributes) == {"PartiQLInsert", "UpdateItem"}
    assert all(keys <= attributes for attributes in role_of("Poller").attributes.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_may_replace_or_delete_an_item(function: str) -> None:
    """PutItem and DeleteItem take away what the role may not name."""
    assert role_of(function).actions.isdisjoint({"PutItem", "DeleteItem", "BatchWriteItem", "Scan"})


def test_the_table_of_a_role_refuses_what_the_role_does_not_allow() -> None:
    assert {name for name in dir(TableOfRole) if not name.startswith("_")} == {
        *("created_at", "get", "get_many", "insert", "query_due", "scan", "update")
    }


@pytest.mark.parametrize("role", ["PollerRole", "CopierRole", "PollerOnEmulator"])
def test_a_queue_is_named_whole(role: str) -> None:
    """Stack "a" would else reach the queues of a stack "a-recordings-b"."""
    text = str(properties(role))
    assert "-recordings-thulium'" in text
    assert "-recordings-*" not in text
