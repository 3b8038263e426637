"""The compactor dies at every call, meets another one at every call, is read at every call: the rows are the same."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache, partial

import pyarrow.parquet as pq
import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.errors import Transient
from call_lake.lake import merge
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX, Partition
from call_lake.ports import PartialFailure
from tests.support.fakes.calls import Call, Died, Fault, FaultAt, says_more
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, Before, compacted, files_of, ids_in, lake_of, row_of, rows_in, table_from
from tests.support.parquet_memory import RememberingWriter

OPEN = CALLS.at(Partition("thulium", TODAY))
CLOSED = CALLS.at(Partition("thulium", TODAY - timedelta(days=3)))
OLDER = row_of(101, day=CLOSED.call_date)
NEWER = OLDER | {"agent": "A", "stored_at": f"{TODAY}T10:00:00.000Z"}
FILES_OF_A_TIER = 4
"""Instead of 16: merged in the same steps, of which more would be alike."""


@pytest.fixture(autouse=True, scope="module")
def _few_files_written_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "FILES_OF_A_TIER", FILES_OF_A_TIER)
        patch.setattr(pq, "ParquetWriter", RememberingWriter)
        yield


@cache
def _standing() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """A closed day in two files, of the day before, and a day that fills, in files of one tier."""
    world = World.make()
    for row in (row_of(100, day=CLOSED.call_date), OLDER):
        lake_of(world).commit(CLOSED, table_from([row], CLOSED), more_to_come=True)
    closed = world.store.bodies()
    for number in range(1, FILES_OF_A_TIER + 1):
        lake_of(world).commit(OPEN, table_from([row_of(number)], OPEN))
    return closed, {key: body for key, body in world.store.bodies().items() if key not in closed}


def world_to_work_on() -> World:
    """Rows wait for both days: new ones, one delivered twice, a newer version."""
    world = World.make()
    closed, filling = _standing()
    world.clock.advance(timedelta(days=-1))
    for key, body in closed.items():
        world.store.put(key, body)
    world.clock.advance(timedelta(days=1))
    for key, body in filling.items():
        world.store.put(key, body)
    put_rows(world.store, [row_of(2), row_of(50)], CALLS)
    put_rows(world.store, [row_of(51), row_of(102, day=CLOSED.call_date), NEWER], CALLS)
    return world


EXPECTED = sorted(
    row_of(n, day=day)["recording_id"]
    for numbers, day in (((*range(1, FILES_OF_A_TIER + 1), 50, 51), TODAY), ((100, 101, 102), CLOSED.call_date))
    for n in numbers
)


@cache
def calls_of_a_run() -> Sequence[Call]:
    world = world_to_work_on()
    before = len(world.calls.log)
    compacted(world)
    return world.calls.log[before:]


def assert_as_undisturbed(world: World) -> None:
    assert ids_in(world) == EXPECTED
    assert NEWER in read_partition(world.store, CALLS.at(Partition("thulium", CLOSED.call_date)))
    assert world.store.bodies(INBOX) == {}
    assert world.catalog.seen("calls") == {OPEN.partition, CLOSED.partition}


def assert_nothing_is_left_but_what_is_named(world: World) -> None:
    """After a commit to each partition, a day to close them and two graces."""
    world.clock.advance(timedelta(days=4))
    for partition, number in ((OPEN, 900), (CLOSED, 901)):
        put_rows(world.store, [row_of(number, day=partition.call_date)], CALLS)
    for _ in range(3):
        compacted(world)
        world.clock.advance(timedelta(days=1))
    assert sorted(world.store.bodies(CALLS.data)) == sorted(files_of(world, OPEN) + files_of(world, CLOSED))
    assert world.store.bodies(CALLS.garbage) == {}


# Dying behind a call is dying before the next one, and behind the last one all is done.
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.DIE_AFTER])
def test_a_run_broken_at_any_call_and_run_again_ends_as_if_nothing_had_happened(fault):
    for number in (n for n, call in enumerate(calls_of_a_run(), 1) if says_more(fault, call)):
        world = world_to_work_on()
        stop = world.calls.on_call(FaultAt(number, fault))
        with contextlib.suppress(Died, Transient, PartialFailure):
            compacted(world)
        stop()
        compacted(world)
        assert_as_undisturbed(world)
        if number % 7 == 0:
            assert_nothing_is_left_but_what_is_named(world)


def test_another_compactor_at_any_call_changes_nothing_about_the_rows():
    for number in range(1, len(calls_of_a_run()) + 1):
        world = world_to_work_on()
        Before(world, number, partial(compacted, world))
        compacted(world)
        assert_as_undisturbed(world)


def test_a_reader_that_plans_from_the_manifests_at_any_call_has_every_committed_row_once():
    world = world_to_work_on()
    seen: list[list[str]] = []

    def read(call, proceed):
        seen.append(ids_in(world))
        answer = proceed()
        seen.append(ids_in(world))
        return answer

    world.calls.on_call(read)
    before = ids_in(world)
    compacted(world)
    for ids in seen:
        assert len(ids) == len(set(ids))
        assert set(before) <= set(ids) <= set(EXPECTED)


def test_the_world_of_these_tests_holds_every_kind_of_work():
    """So that a run with less to do does not pass unseen."""
    world = world_to_work_on()
    result = compacted(world)
    assert (result.rows, result.partitions) == (4, 2)
    assert len(files_of(world, OPEN)) == 1
    assert len(files_of(world, CLOSED)) == 1
    assert len(rows_in(world)) == len(EXPECTED)
    assert OLDER not in read_partition(world.store, CALLS.at(Partition("thulium", CLOSED.call_date)))
