"""The table ``calls_open``: the same rows without numbers and names, in separate files."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow.parquet as pq
from pyarrow import BufferReader

from call_lake.bucket.inbox import put_rows
from call_lake.lake.compactor import Compactor
from call_lake.lake.open_table import OpenTable
from call_lake.model.lake_tables import CALLS, CALLS_OPEN
from call_lake.model.layout import Partition
from call_lake.model.table import ABOUT_PEOPLE
from tests.support.erasing import eraser_of, recording_ids
from tests.support.fakes import World
from tests.support.lake_samples import IN_TIME_S, SETTINGS, TODAY, Before, lake_of, row_of, table_from

PARTITION = CALLS.at(Partition("thulium", TODAY))


def committed(world: World, *numbers: int) -> None:
    lake_of(world).commit(PARTITION, table_from([row_of(number) for number in numbers], PARTITION))


def open_of(world: World, *, create: bool = True) -> OpenTable:
    return OpenTable(world.store, create=create)


def files(world: World) -> Iterator[Any]:
    """What a reader of ``calls_open`` reads."""
    bodies = world.store.bodies("")
    for line in bodies.get(CALLS_OPEN.at(PARTITION.partition).manifest, b"").decode().splitlines():
        yield pq.read_table(BufferReader(bodies[line.removeprefix(f"s3://{world.store.bucket}/")]))


def ids(world: World) -> list[str]:
    return sorted(id for table in files(world) for id in table["recording_id"].to_pylist())


def expected(*numbers: int) -> list[str]:
    return sorted(row_of(number)["recording_id"] for number in numbers)


def test_it_has_every_row_and_no_personal_column(world: World) -> None:
    committed(world, 1, 2)

    assert open_of(world).follow(PARTITION)

    assert ids(world) == expected(1, 2)
    for table in files(world):
        assert not {*ABOUT_PEOPLE, "audio_uri"} & set(table.column_names)
        assert table["duration_s"].to_pylist() == [12.5, 12.5]


def test_no_number_and_no_file_name_is_in_its_bytes(world: World) -> None:
    committed(world, 7)
    open_of(world).follow(PARTITION)

    for body in world.store.bodies(CALLS_OPEN.prefix).values():
        assert b"000000007" not in body.replace(f"{7:032x}".encode(), b"")
        assert b"sales/" not in body


def test_it_follows_commits_and_does_nothing_where_it_is_right(world: World) -> None:
    committed(world, 1)
    open_of(world).follow(PARTITION)
    committed(world, 2)

    assert open_of(world).follow(PARTITION)
    assert not open_of(world).follow(PARTITION)
    assert ids(world) == expected(1, 2)


def test_twins_go_with_the_files_that_they_are_of_and_never_one_that_is_named(world: World) -> None:
    committed(world, 1)
    (old,) = world.store.bodies(PARTITION.data)
    open_of(world).follow(PARTITION)
    lake_of(world).remove(PARTITION, set(expected(1)))

    open_of(world).drop(PARTITION, [old])

    assert old.rpartition("/")[2] not in {key.rpartition("/")[2] for key in world.store.bodies(CALLS_OPEN.data)}
    assert [table.num_rows for table in files(world)] == [0]


def test_what_a_crash_left_behind_is_found_by_listing(world: World) -> None:
    committed(world, 1)
    assert open_of(world).behind(CALLS) == [PARTITION]
    open_of(world).follow(PARTITION)
    assert open_of(world).behind(CALLS) == []

    world.clock.sleep(60)
    committed(world, 2)

    assert open_of(world).behind(CALLS) == [PARTITION]


def test_without_the_setting_only_partitions_that_have_it_are_kept_right(world: World) -> None:
    committed(world, 1)
    assert open_of(world, create=False).behind(CALLS) == []
    assert not open_of(world, create=False).follow(PARTITION)
    assert world.store.bodies(CALLS_OPEN.manifests) == {}

    open_of(world).follow(PARTITION)
    committed(world, 2)
    open_of(world, create=False).follow(PARTITION)

    assert ids(world) == expected(1, 2)


def test_a_slow_follower_never_brings_back_what_a_faster_one_has_replaced(world: World) -> None:
    """It looked at the lake before a row was removed; by then its own manifest has changed, and it looks again."""
    committed(world, 1, 2)
    open_of(world).follow(PARTITION)
    committed(world, 3)
    overtaken: list[Any] = []

    def overtake(call: Any, proceed: Any) -> Any:
        answer = proceed()
        if call.method == "get" and not overtaken:  # the open manifest is read, the lake's is not yet
            overtaken.append(call)
            lake_of(world).remove(PARTITION, set(expected(1)))
            open_of(world).follow(PARTITION)
        return answer

    world.calls.on_call(overtake)
    open_of(world).follow(PARTITION)

    assert overtaken
    assert ids(world) == expected(2, 3)


def compacted(world: World, *, open_table: bool = True) -> None:
    settings = replace(SETTINGS, open_table=open_table)
    Compactor(world.store, world.table, world.catalog, world.clock, settings, threads=1).run(IN_TIME_S)


def test_a_compaction_keeps_it_where_the_stack_asks_for_it(world: World) -> None:
    put_rows(world.store, [row_of(1), row_of(2)], CALLS)

    compacted(world)

    assert ids(world) == expected(1, 2)


def test_a_compaction_makes_none_where_nobody_asks_for_it(world: World) -> None:
    put_rows(world.store, [row_of(1)], CALLS)

    compacted(world, open_table=False)

    assert world.store.bodies(CALLS_OPEN.prefix) == {}


def test_the_next_compaction_mends_what_a_dead_one_left(world: World) -> None:
    committed(world, 1)

    compacted(world)

    assert ids(world) == expected(1)


def test_collection_takes_the_twins_with_it(world: World) -> None:
    for number in range(1, 20):
        put_rows(world.store, [row_of(number)], CALLS)
        compacted(world)
    world.clock.sleep(2 * 86_400)
    compacted(world)
    world.clock.sleep(2 * 86_400)
    compacted(world)

    stems = {key.rpartition("/")[2] for key in world.store.bodies(PARTITION.data)}
    assert {key.rpartition("/")[2] for key in world.store.bodies(CALLS_OPEN.data)} == stems
    assert ids(world) == expected(*range(1, 20))


def test_an_erasure_leaves_nothing_in_it_and_proves_it(world: World) -> None:
    put_rows(world.store, [row_of(1), row_of(2)], CALLS)
    compacted(world)
    erased = row_of(1)["recording_id"]

    report = eraser_of(world).erase(recording_ids(erased), None)

    assert report.places["open_table"].hits == 0
    assert report.places["open_table"].searched > 0
    assert ids(world) == expected(2)
    bodies = world.store.bodies(CALLS_OPEN.data).values()
    assert erased not in {id for body in bodies for id in pq.read_table(BufferReader(body))["recording_id"].to_pylist()}


def test_a_commit_that_nobody_followed_beside_a_follower_at_any_call_is_followed() -> None:
    """As that of a rebuild, or of a compactor that died: the open manifest would look newer than the other."""
    for number in range(1, 100):
        world = World.make()
        committed(world, 1)
        beside = Before(world, number, partial(committed, world, 2))
        open_of(world).follow(PARTITION)
        if not beside.happened:
            break
        assert ids(world) == expected(1, 2), f"committed before call {number}"
    assert number > 4
