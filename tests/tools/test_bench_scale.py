"""The bench of ten years has the history that it claims, and sees what grows."""

from datetime import timedelta

import pytest

from bench.cloud.cloud import Times
from bench.scale.history import SOURCES, History
from bench.scale.operations import OPERATIONS, Used, measure
from bench.scale.scan import PAGE_BYTES, Pages
from call_lake.lake.manifest import list_partitions
from call_lake.model.lake_tables import CALLS
from tests.support.fakes import World

CALLS_A_DAY = 5


@pytest.fixture(scope="module")
def histories() -> list[History]:
    return [History(years, CALLS_A_DAY) for years in (1, 2)]


def used(history: History, name: str) -> Used:
    (found,) = (operation for known, operation in OPERATIONS.items() if known.startswith(name))
    return measure(history, found, Times())


def test_each_source_has_a_partition_for_each_day(histories):
    for history in histories:
        listed = [one.partition.partition for one in list_partitions(history.world.store, CALLS)]

        assert len(listed) == len(set(listed)) == history.partitions == history.years * 365 * len(SOURCES)
        assert set(listed) == history.world.catalog.seen("calls")


@pytest.mark.parametrize("name", ["poll", "`status`", "`show`"])
def test_it_shows_that_nothing_grows_with_history(histories, name):
    short, long = (used(history, name) for history in histories)

    assert short.requests == long.requests
    assert short.requests


def test_it_shows_that_an_erasure_by_number_reads_every_day(histories):
    short, long = (used(history, "`erase`") for history in histories)

    assert long.requests["store.get"] - short.requests["store.get"] >= 365 * len(SOURCES)


def test_a_list_is_a_request_for_each_thousand_keys(histories):
    world = histories[0].world
    before = len(world.calls.log)

    for count in (1, 1000, 1001):
        listed = world.store.list("lake/")
        for _ in range(count):
            next(listed)

    assert len(world.calls.log) - before == 1 + 1 + 2


def test_every_page_of_a_scan_is_taken_once():
    items = [{"id": f"thulium-{number:032x}", "record": "x" * 100_000} for number in range(40)]
    pages = Pages(items, 3)

    found = [item["id"] for item in pages.table().scan(["id", "record"])]

    assert pages.per_page == 10
    assert len(found) == pages.items == 120
    assert all(found.count(item["id"]) == 3 for item in items)
    assert pages.units >= 12 * PAGE_BYTES / 4096 / 2


def test_the_days_that_are_whole_have_their_items(histories):
    world: World = histories[0].world
    day = histories[0].whole_days[-1]

    assert len(histories[0].recordings[day]) == CALLS_A_DAY
    assert histories[0].days[-1] == day == world.clock.now().date() - timedelta(days=3)
    assert {item["state"] for item in histories[0].some_items(10**6)} == {"STORED"}
