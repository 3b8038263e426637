"""The canary of ``call-lake doctor``: it tells a torn answer from a whole one, and leaves nothing behind."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from call_lake.lake.compactor import Compactor
from call_lake.lake.search import read_partition
from call_lake.model.layout import DATA, GARBAGE, MANIFEST, Partition
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.canary import (
    COMMITS,
    FREE_DAYS,
    Counted,
    canary_row,
    commit_and_ask,
    free_day,
    remove_canary,
    verdict,
)
from call_lake_cli.doctor.checks import Level
from tests.support.fakes import World
from tests.support.lake_samples import IN_TIME_S, SETTINGS, lake_of, row_of, table_from

FIRST = date(2015, 1, 1)


def levels(*seen: Counted) -> list[Level]:
    return [check.level for check in verdict(list(seen))]


def test_answers_of_one_commit_each_are_right() -> None:
    assert levels(Counted(1, 1, 1, 1, 1), Counted(1, 3, 3, 3, 4), Counted(20, 20, 20, 20, 20)) == [Level.OK]


@pytest.mark.parametrize(
    "torn",
    [
        Counted(2, 1, 1, 1, 3),  # a row that was committed before the question
        Counted(2, 4, 4, 4, 3),  # one that was not committed yet
        Counted(2, 3, 2, 2, 3),  # a file and the one that replaced it
        Counted(2, 2, 2, 3, 3),  # the newest row without one before it
        Counted(2, 0, 0, 0, 3),  # between two manifests
    ],
)
def test_an_answer_that_no_commit_made_is_a_failure(torn: Counted) -> None:
    assert levels(Counted(1, 1, 1, 1, 1), torn) == [Level.FAIL]


def test_a_first_commit_that_is_not_seen_is_a_failure_of_its_own() -> None:
    (check,) = verdict([Counted(1, 0, 0, 0, 1), Counted(20, 0, 0, 0, 20)])

    assert "does not see a committed row" in check.found


def test_the_real_lake_is_whole_at_every_question(world: World) -> None:
    partition, lake = Partition("thulium", FIRST), lake_of(world)

    def commit(number: int) -> None:
        lake.commit(partition, table_from([canary_row(partition, number, world.clock)], partition))

    def count() -> tuple[int, int, float]:
        rows = read_partition(world.store, "thulium", FIRST)
        return len(rows), len({row["recording_id"] for row in rows}), max(row["talk_s"] for row in rows)

    seen = commit_and_ask(commit, count)

    assert levels(*seen) == [Level.OK]
    assert (seen[0].rows, seen[-1].rows) == (1, COMMITS)


def test_a_commit_that_fails_is_raised_and_not_passed_over() -> None:
    def commit(number: int) -> None:
        if number == 5:
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        commit_and_ask(commit, lambda: (1, 1, 1))


def test_a_day_of_which_the_lake_has_anything_is_not_used(world: World) -> None:
    taken = Partition("thulium", FIRST)
    lake_of(world).commit(taken, table_from([row_of(1, day=FIRST)], taken))

    assert free_day(world.store, "thulium", FIRST) == Partition("thulium", date(2015, 1, 2))
    assert free_day(world.store, "conpeek", FIRST) == Partition("conpeek", FIRST)


def test_a_lake_without_a_free_day_gets_no_canary(world: World) -> None:
    for number in range(FREE_DAYS):
        partition = Partition("thulium", date(2015, 1, 1 + number))
        world.store.put(f"{partition.inbox}waiting.json", json.dumps({}).encode())

    with pytest.raises(UserError, match="no day is free"):
        free_day(world.store, "thulium", FIRST)


def test_nothing_of_it_is_left(world: World) -> None:
    partition, lake = Partition("thulium", FIRST), lake_of(world)
    rows = [canary_row(partition, number, world.clock) for number in (1, 2, 3)]
    for one in rows:
        lake.commit(partition, table_from([one], partition))

    remove_canary(lake, world.store, world.catalog, partition, {one["recording_id"] for one in rows})

    assert [key for place in (DATA, MANIFEST, GARBAGE) for key in world.store.bodies(place)] == []


def test_nothing_of_it_is_left_in_the_open_table_that_a_compaction_made_meanwhile(world: World) -> None:
    partition, lake = Partition("thulium", FIRST), lake_of(world)
    canary = canary_row(partition, 1, world.clock)
    lake.commit(partition, table_from([canary], partition))
    with_open_table = replace(SETTINGS, open_table=True)
    Compactor(world.store, world.table, world.catalog, world.clock, with_open_table, threads=1).run(IN_TIME_S)
    assert world.store.bodies("lake/open/")
    assert world.catalog.seen("calls") == world.catalog.seen("calls_open") == {partition}

    remove_canary(lake, world.store, world.catalog, partition, {canary["recording_id"]})
    world.clock.advance(timedelta(days=2))
    Compactor(world.store, world.table, world.catalog, world.clock, with_open_table, threads=1).run(IN_TIME_S)

    assert world.store.bodies("lake/") == {}
    assert world.catalog.seen("calls") == world.catalog.seen("calls_open") == set()


def test_a_call_that_came_to_its_day_meanwhile_stays(world: World) -> None:
    partition, lake = Partition("thulium", FIRST), lake_of(world)
    canary, call = canary_row(partition, 1, world.clock), row_of(7, day=FIRST)
    for one in (canary, call):
        lake.commit(partition, table_from([one], partition))

    remove_canary(lake, world.store, world.catalog, partition, {canary["recording_id"]})

    (left,) = read_partition(world.store, "thulium", FIRST)
    assert left["recording_id"] == call["recording_id"]
