"""Commits and removals of one partition (design rules 16, 18, 20)."""

import contextlib
from datetime import timedelta
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import Transient
from call_lake.lake import merge
from call_lake.lake.errors import LakeDamaged, OutOfTime
from call_lake.lake.lake import Lake
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.table import Row
from tests.support.fakes.calls import Died, Fault, FaultAt
from tests.support.fakes.world import World
from tests.support.lake_samples import (
    TODAY,
    Before,
    erase_in_ledger,
    files_of,
    ids_in,
    lake_of,
    partitions_of,
    row_of,
    rows_in,
    table_from,
)

PARTITION = CALLS.at(Partition("thulium", TODAY))
CLOSED = CALLS.at(Partition("thulium", TODAY - timedelta(days=2)))
YESTERDAY = CALLS.at(Partition("thulium", TODAY - timedelta(days=1)))


def ids(*numbers: int) -> list[str]:
    return sorted(row_of(number)["recording_id"] for number in numbers)


def commit(world: World, rows: list[Row], partition: TablePartition = PARTITION) -> int:
    return lake_of(world).commit(partition, table_from(rows, partition)).rows


def commit_closed(world: World, *numbers: int) -> None:
    commit(world, [row_of(n, day=CLOSED.call_date) for n in numbers], CLOSED)


def test_rows_are_read_back_as_they_were_given(world):
    commit(world, [row_of(2), row_of(1)])
    assert read_partition(world.store, PARTITION) == [row_of(1), row_of(2)]
    assert partitions_of(world) == [PARTITION]


def test_the_manifest_names_each_file_by_its_uri_a_line(world):
    commit(world, [row_of(1)])
    (key,) = files_of(world, PARTITION)
    body = world.store.bodies()["lake/calls/manifest/source=thulium/call_date=2026-10-20/symlink.txt"]
    assert body == f"s3://call-lake-test/{key}\n".encode()


def test_a_commit_to_a_day_that_fills_adds_one_small_file(world):
    commit(world, [row_of(n) for n in range(100)])
    before = world.store.bodies(CALLS.data)
    commit(world, [row_of(200)])
    assert len(files_of(world, PARTITION)) == 2
    assert before.items() <= world.store.bodies(CALLS.data).items()


def test_rows_that_the_lake_has_already_change_nothing(world):
    commit(world, [row_of(1), row_of(2)])
    before = world.store.bodies()
    assert commit(world, [row_of(2)]) == 0
    assert world.store.bodies() == before


def test_a_newer_version_replaces_the_row_and_rewrites_its_file_alone(world):
    for numbers in ((1, 2), (3, 4)):
        commit(world, [row_of(n) for n in numbers])
    first, second = files_of(world, PARTITION)
    newer = row_of(1, agent="A", stored_at="2026-10-20T10:00:00.000Z")
    assert commit(world, [newer]) == 1
    assert first not in files_of(world, PARTITION)
    assert second in files_of(world, PARTITION)
    assert read_partition(world.store, PARTITION) == [
        newer,
        *(row_of(n) for n in (2, 3, 4)),
    ]


def test_a_large_file_loses_the_replaced_row_and_does_not_grow(monkeypatch):
    monkeypatch.setattr(merge, "SMALL_ROWS", 2)
    world = World.make()
    commit(world, [row_of(n) for n in (1, 2, 3)])
    (large,) = files_of(world, PARTITION)
    newer = row_of(1, agent="A", stored_at="2026-10-20T10:00:00.000Z")
    assert commit(world, [newer, row_of(4)]) == 2
    assert large not in files_of(world, PARTITION)
    assert sorted(rows_of_file(world, key) for key in files_of(world, PARTITION)) == [2, 2]
    assert read_partition(world.store, PARTITION) == [
        newer,
        *(row_of(n) for n in (2, 3, 4)),
    ]


def test_a_row_that_a_warm_compactor_has_written_is_known_again_by_one_look_at_the_manifest(world):
    lake = lake_of(world)
    lake.commit(PARTITION, table_from([row_of(1)], PARTITION))
    before = len(world.calls.log)
    assert lake.commit(PARTITION, table_from([row_of(1)], PARTITION)).rows == 0
    assert [call.method for call in world.calls.log[before:] if call.port == "store"] == ["get"]


VERSIONS = st.builds(
    lambda number, stored, uri: row_of(number, audio_uri=uri, stored_at=f"2026-10-20T09:00:0{stored}.000Z"),
    st.integers(0, 5),
    st.integers(0, 2),
    st.sampled_from(["s3://b/k", None]),
)


@given(rows=st.lists(VERSIONS, max_size=12), small_rows=st.sampled_from([0, 2, merge.SMALL_ROWS]), data=st.data())
def test_any_order_any_repetition_and_any_split_into_commits_end_in_the_same_rows(rows, small_rows, data):
    def end(batches: list[list[Row]]) -> list[Row]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(merge, "SMALL_ROWS", small_rows)
            return committed(batches)

    def committed(batches: list[list[Row]]) -> list[Row]:
        world = World.make()
        lake = lake_of(world)
        for batch in batches:
            lake.commit(PARTITION, table_from(batch, PARTITION))
        assert len(ids_in(world)) == len(set(ids_in(world)))
        return read_partition(world.store, PARTITION)

    other = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows or [row_of(0)]), max_size=3))))
    if not rows:
        other = []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(other)), max_size=4)))
    split = [other[a:b] for a, b in zip([0, *cuts], [*cuts, len(other)], strict=True)]
    assert end([rows]) == end([batch for batch in split if batch])


def test_the_seventeenth_commit_leaves_one_file(world):
    for number in range(16):
        commit(world, [row_of(number)])
    assert len(files_of(world, PARTITION)) == 16
    commit(world, [row_of(16)])
    assert len(files_of(world, PARTITION)) == 1
    assert ids_in(world) == ids(*range(17))


def rows_of_file(world: World, key: str) -> int:
    return int(pq.ParquetFile(pa.BufferReader(world.store.bodies()[key])).metadata.num_rows)


def test_yesterday_is_not_closed_for_it_may_still_be_yesterday_in_the_west(world):
    commit(world, [row_of(1, day=YESTERDAY.call_date)], YESTERDAY)
    commit(world, [row_of(2, day=YESTERDAY.call_date)], YESTERDAY)
    assert lake_of(world).to_close(CALLS) == []


def test_late_rows_of_a_closed_day_are_one_file_beside_it_and_merged_the_next_day(world):
    commit_closed(world, *range(100))
    for number in (100, 101, 102):
        commit_closed(world, number)
        assert len(files_of(world, CLOSED)) == 2
    assert lake_of(world).to_close(CALLS) == []
    world.clock.advance(timedelta(days=1))
    assert lake_of(world).to_close(CALLS) == [CLOSED]
    lake_of(world).close(CLOSED)
    assert len(files_of(world, CLOSED)) == 1
    assert ids_in(world) == ids(*range(103))


def test_a_day_that_is_one_file_is_not_closed_again(world):
    commit_closed(world, 1)
    world.clock.advance(timedelta(days=3))
    before = world.store.bodies()
    assert lake_of(world).to_close(CALLS) == []
    lake_of(world).close(CLOSED)
    assert world.store.bodies() == before


def test_a_row_whose_recording_was_erased_is_not_committed(world):
    erase_in_ledger(world, row_of(1)["recording_id"])
    assert commit(world, [row_of(1), row_of(2)]) == 1
    assert ids_in(world) == ids(2)


def test_a_row_that_comes_again_after_its_erasure_takes_the_one_that_stands_with_it(world):
    commit(world, [row_of(1), row_of(2)])
    erase_in_ledger(world, row_of(1)["recording_id"])
    commit(world, [row_of(1)])
    assert ids_in(world) == ids(2)


def test_removing_the_last_row_leaves_one_file_without_rows(world):
    commit(world, [row_of(1)])
    assert lake_of(world).remove(PARTITION, set(ids(1))) == 1
    assert len(files_of(world, PARTITION)) == 1
    assert rows_in(world) == []
    commit(world, [row_of(2)])
    assert len(files_of(world, PARTITION)) == 1
    assert ids_in(world) == ids(2)


def test_a_removal_changes_the_manifest_even_where_no_row_stands(world):
    commit(world, [row_of(1)])
    before = files_of(world, PARTITION)
    assert lake_of(world).remove(PARTITION, set(ids(9))) == 0
    assert files_of(world, PARTITION) != before
    assert ids_in(world) == ids(1)


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("standing", [[], [3], [1], [1, 3]])
def test_an_erasure_at_any_moment_of_a_commit_leaves_nothing_behind(standing, warm):
    """Even where the commit dies: so it must not lean on what it would do afterwards."""
    for number in range(1, 100):
        world = World.make()
        lake = lake_of(world)
        if standing:
            lake.commit(PARTITION, table_from([row_of(n) for n in standing], PARTITION))
        erasure = Before(world, number, partial(erase_and_kill_the_commit_after_its_swap, world))
        with contextlib.suppress(Died):
            (lake if warm else lake_of(world)).commit(PARTITION, table_from([row_of(1), row_of(2)], PARTITION))
        if not erasure.happened:
            break
        assert row_of(1)["recording_id"] not in ids_in(world), f"erased before call {number}"
    assert number > 4


@pytest.mark.parametrize("beside", [[2], [1], [1, 2], [3]])
def test_whatever_another_compactor_does_at_any_call_of_a_warm_one_each_row_is_there_once(beside):
    for number in range(1, 100):
        world = World.make()
        warm = lake_of(world)
        warm.commit(PARTITION, table_from([row_of(1)], PARTITION))
        other = Before(world, number, partial(commit, world, [row_of(n) for n in beside]))
        warm.commit(PARTITION, table_from([row_of(1), row_of(2)], PARTITION))
        warm.commit(PARTITION, table_from([row_of(2)], PARTITION))
        if not other.happened:
            break
        assert ids_in(world) == ids(*{1, 2, *beside}), f"beside call {number}"
    assert number > 4


def test_a_row_that_somebody_took_out_is_put_back_by_a_warm_compactor_that_has_written_it(world):
    warm = lake_of(world)
    warm.commit(PARTITION, table_from([row_of(1), row_of(2)], PARTITION))
    lake_of(world).remove(PARTITION, set(ids(1)))
    assert warm.commit(PARTITION, table_from([row_of(1)], PARTITION)).rows == 1
    assert ids_in(world) == ids(1, 2)


def test_a_manifest_never_comes_back_to_what_it_was_so_who_decided_before_loses_its_swap(world):
    """Or it would name a file that was erased meanwhile."""
    commit(world, [row_of(1)])
    before = world.store.bodies(CALLS.manifests)
    commit(world, [row_of(2)])
    lake_of(world).remove(PARTITION, set(ids(2)))
    assert ids_in(world) == ids(1)
    assert world.store.bodies(CALLS.manifests) != before


def test_a_manifest_that_names_a_deleted_file_is_said_to_be_damaged(world):
    commit(world, [row_of(1)])
    world.store.delete(files_of(world, PARTITION))
    with pytest.raises(LakeDamaged, match="call-lake rebuild"):
        commit(world, [row_of(2)])


def test_a_tombstone_written_during_the_swap_is_honoured_right_after_it(world):
    def erase_during_the_swap(call, proceed):
        answer = proceed()
        if world.store.bodies(CALLS.manifests):
            stop()
            erase_in_ledger(world, row_of(1)["recording_id"])
        return answer

    stop = world.calls.on_call(erase_during_the_swap)
    commit(world, [row_of(1), row_of(2)])
    assert ids_in(world) == ids(2)


def erase_and_kill_the_commit_after_its_swap(world: World) -> None:
    erase_in_ledger(world, row_of(1)["recording_id"])
    lake_of(world).remove(PARTITION, set(ids(1)))

    def die_after_swap(call, proceed):
        before = world.store.bodies(CALLS.manifests)
        answer = proceed()
        if world.store.bodies(CALLS.manifests) != before:
            raise Died
        return answer

    world.calls.on_call(die_after_swap)


def test_after_a_lost_race_nothing_is_deleted_and_both_commits_stand(world):
    commit(world, [row_of(1)])
    world.store.conflicts = 3
    outcome = lake_of(world).commit(PARTITION, table_from([row_of(2)], PARTITION))
    assert outcome.conflicts == 3
    assert ids_in(world) == ids(1, 2)


def test_a_race_that_is_never_won_ends(world):
    world.store.conflicts = 10**6
    with pytest.raises(Transient, match="the next run goes on"):
        commit(world, [row_of(1)])


def test_a_swap_that_the_sdk_sent_twice_is_recognised_as_its_own():
    def calls_of_a_commit() -> int:
        world = World.make()
        commit(world, [row_of(1)])
        return len(world.calls.log)

    for number in range(1, calls_of_a_commit() + 1):
        world = World.make()
        world.calls.on_call(FaultAt(number, Fault.REPEATED))
        assert commit(world, [row_of(1)]) == 1
        assert ids_in(world) == ids(1)


def test_a_commit_that_took_too_long_does_not_name_a_file_that_may_be_collected(world):
    lake = Lake(world.store, world.table, world.clock, grace_s=100)
    slow = iter([True])

    def sleep_after_the_file(call, proceed):
        answer = proceed()
        if call.method == "put" and next(slow, False):
            world.clock.advance(timedelta(seconds=51))
        return answer

    world.calls.on_call(sleep_after_the_file)
    assert lake.commit(PARTITION, table_from([row_of(1)], PARTITION)).conflicts == 1
    assert len(world.store.bodies(CALLS.data)) == 2
    assert ids_in(world) == ids(1)


def test_a_commit_whose_time_is_over_changes_nothing(world):
    lake = Lake(world.store, world.table, world.clock, 86_400, is_time_over=lambda: True)
    with pytest.raises(OutOfTime):
        lake.commit(PARTITION, table_from([row_of(1)], PARTITION))
    assert world.store.bodies() == {}
