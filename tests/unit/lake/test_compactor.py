"""The compactor as the schedule runs it (design rules 19 to 21)."""

import json
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import list_quarantine
from call_lake.lake import compactor
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX, Partition
from call_lake.model.table import Row
from call_lake.ports import PartialFailure
from tests.support.fakes.world import World
from tests.support.lake_samples import (
    IN_TIME_S,
    SETTINGS,
    TODAY,
    compacted,
    erase_in_ledger,
    files_of,
    ids_in,
    partitions_of,
    row_of,
    rows_in,
)

PARTITION = CALLS.at(Partition("thulium", TODAY))
PLACE = f"inbox/calls/source=thulium/call_date={TODAY}/"


def reasons(world: World) -> list[str]:
    return [one.rejected.reason for one in list_quarantine(world.store)]


def test_waiting_rows_of_every_partition_go_into_the_lake_and_leave_the_inbox(world):
    rows = [
        row_of(1),
        row_of(2),
        row_of(3, source="conpeek"),
        row_of(4, day=TODAY - timedelta(days=40)),
    ]
    put_rows(world.store, rows[:2], CALLS)
    put_rows(world.store, rows[2:], CALLS)
    assert compacted(world) == CompactionResult(rows=4, partitions=3)
    read = [row for p in partitions_of(world) for row in read_partition(world.store, p)]
    assert sorted(read, key=json.dumps) == sorted(rows, key=json.dumps)
    assert world.store.bodies(INBOX) == {}


def test_a_run_with_nothing_to_do_writes_nothing(world):
    assert compacted(world) == CompactionResult()
    assert world.store.bodies() == {}


def test_many_objects_of_one_partition_are_one_commit(world):
    for number in range(20):
        put_rows(world.store, [row_of(number)], CALLS)
    assert compacted(world).rows == 20
    assert len(files_of(world, PARTITION)) == 1


def test_an_object_that_arrives_during_the_run_waits_for_the_next(world):
    put_rows(world.store, [row_of(1)], CALLS)

    def arrive(call, proceed):
        if call.method == "delete":
            stop()
            put_rows(world.store, [row_of(2)], CALLS)
        return proceed()

    stop = world.calls.on_call(arrive)
    compacted(world)
    assert ids_in(world) == [row_of(1)["recording_id"]]
    assert len(world.store.bodies(INBOX)) == 1
    compacted(world)
    assert ids_in(world) == [row_of(1)["recording_id"], row_of(2)["recording_id"]]


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        (f"{PLACE}x.json", b'{"recording_id": "\xff"}', "no JSON"),
        (f"{PLACE}x.json", json.dumps(row_of(1, audio_bytes="many")).encode(), "audio_bytes: str instead of bigint"),
        ("inbox/stray.json", json.dumps(row_of(1)).encode(), "the key names no partition"),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside_with_its_text_and_never_blocks_the_others(key, body, reason, world):
    world.store.put(key, body)
    put_rows(world.store, [row_of(2)], CALLS)
    result = compacted(world)
    assert (result.rows, result.quarantined, result.failed) == (1, 1, [])
    (rejected,) = [one.rejected for one in list_quarantine(world.store)]
    assert reason in rejected.reason
    assert rejected.text == body.decode("utf-8", "backslashreplace")
    assert rejected.key == key
    assert world.store.bodies(INBOX) == {}


def test_tomorrow_is_within_the_table_for_a_sources_day_may_begin_before_utcs(world):
    put_rows(world.store, [row_of(1, day=TODAY + timedelta(days=1))], CALLS)
    assert compacted(world).rows == 1


def test_a_partition_that_fails_stops_no_other(world):
    put_rows(world.store, [row_of(1)], CALLS)
    compacted(world)
    (file,) = files_of(world, PARTITION)
    world.store.put(file, b"this is no Parquet file, and longer than eight bytes")
    put_rows(world.store, [row_of(2), row_of(3, source="conpeek")], CALLS)
    result = compacted(world)
    assert result.rows == 1
    assert result.left_over == 1
    assert [text.split(":")[0] for text in result.failed] == [str(PARTITION)]


def test_days_that_are_over_are_closed_and_old_files_collected(world):
    for number in range(3):
        put_rows(world.store, [row_of(number)], CALLS)
        compacted(world)
    world.clock.advance(timedelta(days=2))
    assert compacted(world).closed == 1
    world.clock.advance(timedelta(days=1))
    assert compacted(world).collected == 3
    assert list(world.store.bodies(CALLS.data)) == files_of(world, PARTITION)


def test_the_newest_day_is_served_first(world):
    days = [TODAY - timedelta(days=n) for n in (3, 0, 9)]
    put_rows(world.store, [row_of(n, day=day) for n, day in enumerate(days)], CALLS)

    def run_out_of_time(call, proceed):
        if call.method == "delete":
            world.clock.advance(timedelta(seconds=10))
        return proceed()

    world.calls.on_call(run_out_of_time)
    result = compacted(world, until_s=10)
    assert [row["call_date"] for row in rows_in(world)] == [TODAY.isoformat()]
    assert (result.partitions, result.left_over) == (1, 2)


def backfill(monkeypatch) -> tuple[World, list[Row]]:
    monkeypatch.setattr(compactor, "OBJECTS_A_COMMIT", 4)
    world = World.make()
    rows = [row_of(n, day=TODAY - timedelta(days=n % 5)) for n in range(60)]
    for row in rows:
        put_rows(world.store, [row], CALLS)
    return world, rows


def test_what_does_not_fit_into_one_run_is_carried_on_by_the_next_until_the_inbox_is_empty(monkeypatch):
    world, rows = backfill(monkeypatch)

    def slow(call, proceed):
        world.clock.advance(timedelta(seconds=1))
        return proceed()

    world.calls.on_call(slow)
    runs = 0
    left = [60]
    while left[-1]:
        runs += 1
        left.append(compacted(world, until_s=world.clock.monotonic() + 60).left_over)
        assert left[-1] < left[-2]
    assert runs > 2
    assert ids_in(world) == sorted(row["recording_id"] for row in rows)


def test_a_run_takes_no_more_objects_than_its_memory_holds(monkeypatch):
    world, _ = backfill(monkeypatch)
    monkeypatch.setattr(compactor, "OBJECTS_A_RUN", 7)
    assert compacted(world).rows == 7
    assert len(world.store.bodies(INBOX)) == 53


def test_a_commit_takes_no_more_bytes_than_its_memory_holds(monkeypatch, world):
    monkeypatch.setattr(compactor, "BYTES_A_COMMIT", 1)
    for number in range(3):
        put_rows(world.store, [row_of(number)], CALLS)
    compacted(world)
    assert len(files_of(world, PARTITION)) == 3


def test_the_backfill_of_a_closed_day_writes_each_row_at_most_twice_over_all_commits_of_a_run(monkeypatch):
    monkeypatch.setattr(compactor, "BYTES_A_COMMIT", 1)
    world = World.make()
    for number in range(6):
        put_rows(world.store, [row_of(number, day=TODAY - timedelta(days=9))], CALLS)
    compacted(world)
    written = [
        pq.ParquetFile(pa.BufferReader(body)).metadata.num_rows for body in world.store.bodies(CALLS.data).values()
    ]
    assert sum(written) <= 2 * 6
    assert len(rows_in(world)) == 6


def test_partitions_are_worked_on_at_the_same_time(monkeypatch):
    world, rows = backfill(monkeypatch)
    assert compacted(world, threads=4).rows == 60
    assert ids_in(world) == sorted(row["recording_id"] for row in rows)
    assert world.store.bodies(INBOX) == {}


def test_a_warm_function_reads_no_data_file_that_it_knows(world):
    warm = Compactor(world.store, world.table, world.catalog, world.clock, SETTINGS, threads=1)
    for number in range(3):
        put_rows(world.store, [row_of(number)], CALLS)
        before = len(world.calls.log)
        warm.run(IN_TIME_S)
        assert not [call for call in world.calls.log[before:] if call.method in ("get_range", "head")]


def test_each_run_of_a_warm_function_has_its_own_time_and_counts():
    world = World.make()
    warm = Compactor(world.store, world.table, world.catalog, world.clock, SETTINGS, threads=1)
    put_rows(world.store, [row_of(1)], CALLS)
    assert warm.run(world.clock.monotonic()) == CompactionResult(left_over=1)
    assert warm.run(IN_TIME_S) == CompactionResult(rows=1, partitions=1)
    assert warm.run(IN_TIME_S) == CompactionResult()


UNFIT = row_of(1) | {"duration_s": "long"}


def test_a_row_that_does_not_fit_and_was_erased_is_not_set_aside(world):
    put_rows(world.store, [UNFIT, row_of(2) | {"duration_s": "long"}], CALLS)
    erase_in_ledger(world, UNFIT["recording_id"])
    assert compacted(world).quarantined == 1
    assert not any(UNFIT["recording_id"].encode() in body for body in world.store.bodies().values())


def test_a_row_that_is_erased_while_it_is_set_aside_is_taken_out_again(world):
    put_rows(world.store, [UNFIT], CALLS)

    def erase(call, proceed):
        if call.method == "put":
            stop()
            erase_in_ledger(world, UNFIT["recording_id"])
        return proceed()

    stop = world.calls.on_call(erase)
    compacted(world)
    assert reasons(world) == []


def test_setting_aside_ends_with_the_runs_time_and_the_next_run_goes_on(world):
    for number in range(250):
        put_rows(world.store, [row_of(number) | {"duration_s": "long"}], CALLS)

    def slow(call, proceed):
        world.clock.advance(timedelta(seconds=1))
        return proceed()

    stop = world.calls.on_call(slow)
    cut_short = compacted(world, until_s=world.clock.monotonic() + 400)
    stop()
    assert cut_short.quarantined in (100, 200)
    assert cut_short.left_over == 250
    assert compacted(world).left_over == 0
    assert len(reasons(world)) == 250


def test_a_partition_that_cannot_be_collected_stops_no_other_and_is_named(world):
    for day in (TODAY, TODAY - timedelta(days=1)):
        for stored in range(2):
            put_rows(world.store, [row_of(1, day=day, stored_at=f"{TODAY}T09:00:0{stored}.000Z")], CALLS)
            compacted(world)
    world.clock.advance(timedelta(seconds=SETTINGS.grace_s))

    def refuse(call, proceed):
        if call.method == "delete":
            stop()
            raise PartialFailure("DeleteObjects", [0], "AccessDenied")
        return proceed()

    stop = world.calls.on_call(refuse)
    result = compacted(world)
    assert result.failed == [f"calls source=thulium/call_date={TODAY - timedelta(days=1)}: PartialFailure"]
    assert result.collected == 1
    assert compacted(world).collected == 1
