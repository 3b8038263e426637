"""The day of a canary: it is free, its rows go whatever came to it meanwhile, and its note outlives them."""

import json
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from call_lake.lake.compactor import Compactor
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.canary.day import FREE_DAYS, CanaryDay, CanaryLake, free_day
from call_lake_cli.doctor.canary.notes import LONGEST, leave_note, leftovers, notes
from call_lake_cli.doctor.canary.rows import CanaryRows
from call_lake_cli.doctor.canary.run import begin, remove_leftovers
from call_lake_cli.doctor.checks import Level
from tests.support.fakes import World
from tests.support.fakes.calls import Call, Died, Proceed
from tests.support.lake_samples import IN_TIME_S, SETTINGS, lake_of, row_of, table_from

FIRST = date(2015, 1, 1)
DAY = Partition("thulium", FIRST)
WITH_OPEN_TABLE = replace(SETTINGS, open_table=True)


def canary_lake_of(world: World, *, open_table: bool = False) -> CanaryLake:
    settings = WITH_OPEN_TABLE if open_table else SETTINGS
    return CanaryLake(world.store, world.table, world.catalog, world.clock, settings)


def day_of(world: World, *, open_table: bool = False) -> CanaryDay:
    return CanaryDay(world.store, canary_lake_of(world, open_table=open_table), DAY)


def registered(world: World) -> set[Partition]:
    return world.catalog.seen("calls") | world.catalog.seen("calls_open")


def rows_of(world: World) -> CanaryRows:
    return CanaryRows(DAY, "run", world.clock.now())


def test_a_day_of_which_the_lake_has_anything_is_not_used(world: World) -> None:
    lake_of(world).commit(CALLS.at(DAY), table_from([row_of(1, day=FIRST)], CALLS.at(DAY)))

    assert free_day(world.store, "thulium", FIRST) == Partition("thulium", date(2015, 1, 2))
    assert free_day(world.store, "conpeek", FIRST) == Partition("conpeek", FIRST)


def test_a_lake_without_a_free_day_gets_no_canary(world: World) -> None:
    for number in range(FREE_DAYS):
        partition = Partition("thulium", date(2015, 1, 1 + number))
        world.store.put(f"{CALLS.at(partition).inbox}waiting.json", json.dumps({}).encode())

    with pytest.raises(UserError, match="no day is free"):
        free_day(world.store, "thulium", FIRST)


def test_nothing_of_it_is_left(world: World) -> None:
    day, rows = begin(world.store, canary_lake_of(world), "thulium", FIRST), rows_of(world)
    for number in (1, 2, 3):
        day.commit([rows.row(number)])
    assert registered(world) == {DAY}

    day.remove()

    assert world.store.bodies() == {}
    assert day.left() == []
    assert registered(world) == set()


@pytest.mark.parametrize("compacted_meanwhile", [False, True])
def test_its_rows_reach_the_open_table_and_nothing_is_left_there(world: World, compacted_meanwhile: bool) -> None:
    day = day_of(world, open_table=not compacted_meanwhile)
    day.commit([rows_of(world).row(1)])
    if compacted_meanwhile:
        Compactor(world.store, world.table, world.catalog, world.clock, WITH_OPEN_TABLE, threads=1).run(IN_TIME_S)
    assert world.store.bodies("lake/calls_open/manifest/")
    assert world.catalog.seen("calls") == world.catalog.seen("calls_open") == {DAY}

    day.remove()
    world.clock.advance(timedelta(days=2))
    Compactor(world.store, world.table, world.catalog, world.clock, WITH_OPEN_TABLE, threads=1).run(IN_TIME_S)

    assert world.store.bodies("lake/") == {}
    assert registered(world) == set()


def test_a_compactor_that_compares_while_the_rows_are_removed_leaves_no_partition(world: World) -> None:
    day = day_of(world)
    day.commit([rows_of(world).row(1)])

    def compare_before(call: Call, proceed: Proceed) -> Any:
        if (call.port, call.method) == ("store", "delete"):
            stop()
            Compactor(world.store, world.table, world.catalog, world.clock, WITH_OPEN_TABLE, threads=1).run(IN_TIME_S)
        return proceed()

    stop = world.calls.on_call(compare_before)
    day.remove()

    assert registered(world) == set()


def test_a_call_that_came_to_its_day_meanwhile_stays(world: World) -> None:
    day, call = day_of(world), row_of(7, day=FIRST)
    day.commit([rows_of(world).row(1)])
    lake_of(world).commit(CALLS.at(DAY), table_from([call], CALLS.at(DAY)))

    day.remove()

    (left,) = read_partition(world.store, CALLS.at(Partition("thulium", FIRST)))
    assert left["recording_id"] == call["recording_id"]
    assert registered(world) == {DAY}


def test_nothing_comes_to_the_day_once_its_rows_are_being_removed(world: World) -> None:
    day = day_of(world)
    day.remove()

    with pytest.raises(UserError, match="broken off"):
        day.commit([rows_of(world).row(1)])
    assert world.store.bodies() == {}


def test_what_a_machine_that_went_down_at_any_call_has_left_is_removed_by_the_next_canary() -> None:
    def run(world: World) -> None:
        day, rows = begin(world.store, canary_lake_of(world, open_table=True), "thulium", FIRST), rows_of(world)
        day.commit([rows.row(1), rows.row(2)])
        day.commit([rows.row(3)])
        day.remove()

    whole = World.make()
    run(whole)

    for number in range(1, len(whole.calls.log) + 1):
        world = World.make()
        up_again = world.calls.on_call(partial(down_from, number))
        with pytest.raises(Died):
            run(world)
        up_again()
        world.clock.advance(LONGEST)
        list(remove_leftovers(world.store, canary_lake_of(world), world.clock))

        assert world.store.bodies() == {}, f"it went down at {whole.calls.log[number - 1]}"
        assert registered(world) == set()


def down_from(number: int, call: Call, proceed: Proceed) -> Any:
    if call.number >= number:
        raise Died
    return proceed()


def test_a_killed_canary_is_told_after_an_hour_and_removed_by_the_next_one(world: World) -> None:
    lake = canary_lake_of(world)
    begin(world.store, lake, "thulium", FIRST).commit([rows_of(world).row(1)])
    world.clock.advance(LONGEST)

    (found,) = leftovers(world.store, world.clock)
    assert (found.level, "call-lake doctor --canary" in found.to_do) == (Level.WARN, True)
    assert "killed" in found.found

    (removed,) = remove_leftovers(world.store, lake, world.clock)
    assert removed.level is Level.OK
    assert list(leftovers(world.store, world.clock)) == []
    assert world.store.bodies() == {}


def test_what_may_still_run_is_left_alone(world: World) -> None:
    lake = canary_lake_of(world)
    begin(world.store, lake, "thulium", FIRST).commit([rows_of(world).row(1)])
    world.clock.advance(LONGEST - timedelta(seconds=1))
    before = world.store.bodies()

    (found,) = leftovers(world.store, world.clock)
    assert "has not ended" in found.found
    with pytest.raises(UserError, match="wait until it ends"):
        list(remove_leftovers(world.store, lake, world.clock))
    assert world.store.bodies() == before


def test_two_canaries_never_share_a_day(world: World) -> None:
    leave_note(world.store, DAY)

    with pytest.raises(UserError, match="another canary"):
        begin(world.store, canary_lake_of(world), "thulium", FIRST)


def test_the_note_is_there_before_the_first_row(world: World) -> None:
    begin(world.store, canary_lake_of(world), "thulium", FIRST)

    assert [partition for partition, _ in notes(world.store, world.clock)] == [DAY]
    assert list(world.store.bodies()) == [f"{CALLS.canary}{DAY.path}note.json"]
