"""Collection (design rule 17): nothing that is or may yet be named, everything else in the end."""

from datetime import timedelta
from functools import partial

from call_lake.lake.garbage import Garbage
from call_lake.model.lake_tables import CALLS, data_key
from call_lake.model.layout import Partition
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, Before, files_of, ids_in, lake_of, row_of, table_from

PARTITION = CALLS.at(Partition("thulium", TODAY))
GRACE_S = 3600


def commit(world: World, *numbers: int, stored: int = 0) -> None:
    rows = [row_of(n, stored_at=f"{TODAY}T09:00:0{stored}.000Z") for n in numbers]
    lake_of(world, GRACE_S).commit(PARTITION, table_from(rows, PARTITION))


def collect(world: World) -> int:
    garbage = Garbage(world.store, world.clock, GRACE_S)
    return sum(map(garbage.collect, garbage.look(CALLS)))


def test_a_replaced_file_is_deleted_after_the_grace_and_not_before(world):
    commit(world, 1)
    commit(world, 1, stored=1)
    world.clock.advance(timedelta(seconds=GRACE_S - 1))
    assert collect(world) == 0
    assert len(world.store.bodies(CALLS.data)) == 2
    world.clock.advance(timedelta(seconds=1))
    assert collect(world) == 1
    assert list(world.store.bodies(CALLS.data)) == files_of(world, PARTITION)
    assert world.store.bodies(CALLS.garbage) == {}


def test_what_a_crashed_run_left_behind_is_marked_once_and_collected_after_the_grace_whatever_day_it_is_of(world):
    commit(world, 1)
    untouched = CALLS.at(Partition("conpeek", TODAY - timedelta(days=400)))
    orphans = [data_key(partition, "0" * 32) for partition in (PARTITION, untouched)]
    for key in orphans:
        world.store.put(key, b"left behind")
    assert collect(world) == 0
    world.clock.advance(timedelta(seconds=GRACE_S / 2))
    assert collect(world) == 0
    assert len(world.store.bodies(CALLS.garbage)) == 2
    world.clock.advance(timedelta(seconds=GRACE_S / 2))
    assert collect(world) == 2
    assert list(world.store.bodies(CALLS.data)) == files_of(world, PARTITION)
    assert world.store.bodies(CALLS.garbage) == {}
    assert ids_in(world) == [row_of(1)["recording_id"]]


def test_a_file_that_a_commit_is_about_to_name_is_not_lost_to_a_collector_beside_it():
    for number in range(1, 100):
        world = World.make()
        commit(world, 1)
        beside = Before(world, number, partial(collect, world))
        commit(world, 2)
        if not beside.happened:
            break
        for _ in range(2):
            world.clock.advance(timedelta(seconds=GRACE_S))
            collect(world)
        assert len(ids_in(world)) == 2, f"collected before call {number} of the commit"
        assert world.store.bodies(CALLS.garbage) == {}
    assert number > 4


def test_one_mark_tells_of_many_files_and_none_is_too_long_for_a_key(world):
    partition = CALLS.at(Partition("s" * 32, TODAY))
    keys = {data_key(partition, f"{n:032x}") for n in range(60)}
    Garbage(world.store, world.clock, GRACE_S).mark(partition, keys)
    marks = world.store.bodies(CALLS.garbage)
    assert len(marks) == 3
    assert max(map(len, marks)) <= 1024
    assert Garbage(world.store, world.clock, GRACE_S).replaced_at(partition).keys() == keys


def test_what_is_no_mark_is_left_alone(world):
    others = [f"{CALLS.garbage}{PARTITION.path}", f"{CALLS.garbage}{PARTITION.path}notes.txt", f"{CALLS.garbage}README"]
    for key in others:
        world.store.put(key, b"")
    assert collect(world) == 0
    assert list(world.store.bodies(CALLS.garbage)) == sorted(others)


def test_a_marked_file_that_is_named_after_all_is_kept_and_loses_its_mark(world):
    commit(world, 1)
    Garbage(world.store, world.clock, GRACE_S).mark(PARTITION, files_of(world, PARTITION))
    world.clock.advance(timedelta(seconds=GRACE_S))
    assert collect(world) == 0
    assert len(world.store.bodies(CALLS.data)) == 1
    assert world.store.bodies(CALLS.garbage) == {}


def test_an_old_mark_of_a_lost_race_does_not_shorten_the_grace_of_a_file_replaced_later(world):
    commit(world, 1)
    Garbage(world.store, world.clock, GRACE_S).mark(PARTITION, files_of(world, PARTITION))
    world.clock.advance(timedelta(seconds=GRACE_S))
    commit(world, 1, stored=1)
    assert collect(world) == 0
    world.clock.advance(timedelta(seconds=GRACE_S))
    assert collect(world) == 1


def test_a_file_replaced_while_the_collector_works_keeps_its_whole_grace():
    for number in range(1, 100):
        world = World.make()
        commit(world, 1)
        old = files_of(world, PARTITION)
        Garbage(world.store, world.clock, GRACE_S).mark(PARTITION, old)
        world.clock.advance(timedelta(seconds=GRACE_S))
        replacement = Before(world, number, partial(commit, world, 1, stored=1))
        collect(world)
        if not replacement.happened:
            break
        assert old[0] in world.store.bodies(), f"replaced before call {number} of the collector"
    assert number > 4
