"""Rows, ledger items and rows set aside of calls that are older than RowRetentionDays are removed (ADR 0039)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.ledger.entry import OUTLIVED, TOMBSTONE, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS, CALLS_OPEN, SOUND, TABLES, TRANSCRIPTS, inbox_key
from call_lake.model.layout import INBOX, Partition
from call_lake.model.retention import first_kept_day
from call_lake.ports import Item
from tests.support.fakes.calls import Call
from tests.support.fakes.provider import make_recording
from tests.support.fakes.world import World
from tests.support.lake_samples import IN_TIME_S, SETTINGS, TODAY, ids_in, row_of, rows_in, sound_of, transcript_of

DAYS = 30
OLD, YOUNG = TODAY - timedelta(days=DAYS + 2), TODAY - timedelta(days=DAYS + 1)
OLD_DAY = Partition("thulium", OLD)


def run_of(world: World, *, days: int = DAYS, open_table: bool = False) -> Callable[[], CompactionResult]:
    """One compactor, which stays warm."""
    settings = replace(SETTINGS, row_retention_days=days, open_table=open_table)
    made = Compactor(world.store, world.table, world.catalog, world.clock, settings, threads=1)
    return lambda: made.run(IN_TIME_S)


def stored(world: World, number: int, day: date) -> str:
    """A stored recording with a row, whose audio is gone."""
    row = row_of(number, day=day)
    put_rows(world.store, [row], CALLS)
    known(world, row["recording_id"], day, state=State.STORED, connection_id="100.1")
    return str(row["recording_id"])


def known(world: World, id: str, day: date, **more: Any) -> None:
    world.table.update(id, {"version": 1, "source": "thulium", "call_date": day.isoformat(), "record": b""} | more)


def item(world: World, id: str) -> Item:
    return world.table.items()[id]


def test_rows_of_old_days_are_removed_and_others_stay(world: World) -> None:
    old, young = stored(world, 1, OLD), stored(world, 2, YOUNG)

    result = run_of(world)()

    assert (result.removed, result.kept_for_audio, result.failed) == (1, 0, [])
    assert ids_in(world) == [young]
    assert world.catalog.seen("calls") == {Partition("thulium", YOUNG)}
    assert item(world, young)["state"] == State.STORED
    assert item(world, old).keys() <= TOMBSTONE | {"reason"}
    assert (item(world, old)["state"], item(world, old)["reason"]) == (State.ERASED, OUTLIVED)
    assert "erasing" not in item(world, old)


def test_a_day_leaves_all_tables(world: World) -> None:
    old = stored(world, 1, OLD)
    put_rows(world.store, [transcript_of(1, day=OLD), transcript_of(2, "another", day=OLD)], TRANSCRIPTS)
    put_rows(world.store, [sound_of(1, day=OLD), sound_of(3, day=YOUNG)], SOUND)
    for number in (2, 3):
        known(world, f"thulium-{number:032x}", OLD if number == 2 else YOUNG, state=State.STORED)

    result = run_of(world)()

    assert (result.removed, result.failed) == (1, [])
    assert [len(rows_in(world, table)) for table in TABLES] == [0, 0, 1]
    assert world.catalog.seen("transcripts") == set()
    assert item(world, old)["state"] == item(world, transcript_of(2)["recording_id"])["state"] == State.ERASED


def test_what_is_removed_leaves_no_byte_once_the_grace_period_is_over(world: World) -> None:
    stored(world, 1, OLD)
    run = run_of(world, open_table=True)
    run()
    for _ in range(3):
        world.clock.advance(timedelta(days=1))
        run()

    assert not [
        key
        for prefix in (CALLS.data, CALLS_OPEN.data, CALLS_OPEN.manifests, INBOX)
        for key in world.store.bodies(prefix)
    ]
    assert world.store.bodies()[CALLS.at(OLD_DAY).manifest] == b""
    assert not world.catalog.seen("calls") | world.catalog.seen("calls_open")


def test_a_removed_day_is_looked_for_no_more_and_costs_nothing(world: World) -> None:
    stored(world, 1, OLD)
    run = run_of(world)
    run()
    world.clock.advance(timedelta(days=3))

    assert (run().removed, run().failed) == (0, [])


def test_a_day_waits_until_its_audio_is_gone(world: World) -> None:
    old = stored(world, 1, OLD)
    audio = f"{OLD_DAY.audio}{old}.wav"
    world.store.put(audio, b"RIFF")
    run = run_of(world)

    assert (lambda found: (found.removed, found.kept_for_audio))(run()) == (0, 1)
    assert (ids_in(world), item(world, old)["state"]) == ([old], State.STORED)

    world.store.delete([audio])
    world.clock.advance(timedelta(days=1))
    assert run().removed == 1
    assert ids_in(world) == []


def test_nothing_is_removed_or_asked_for_without_the_parameter(world: World) -> None:
    old = stored(world, 1, OLD)

    result = run_of(world, days=0)()

    assert (result.removed, ids_in(world)) == (0, [old])
    assert not [call for call in world.calls.log if call.method in ("query_due", "unregister")]


def test_a_warm_compactor_looks_once_a_day(world: World) -> None:
    stored(world, 1, YOUNG)
    run = run_of(world)
    run()
    asked = len([call for call in world.calls.log if call.method == "query_due"])
    run()
    assert len([call for call in world.calls.log if call.method == "query_due"]) == asked
    world.clock.advance(timedelta(days=1))
    assert run().removed == 1


def test_rows_set_aside_go_with_their_day_and_their_recordings(world: World) -> None:
    row = row_of(1, day=OLD, duration_s="long")
    put_rows(world.store, [row], CALLS)
    known(world, row["recording_id"], OLD, state=State.STORED)

    result = run_of(world)()

    assert (result.quarantined, result.removed) == (1, 1)
    assert not world.store.bodies(CALLS.quarantine)
    assert item(world, row["recording_id"])["state"] == State.ERASED


def test_a_row_under_a_wrong_day_buries_no_young_recording(world: World) -> None:
    young, other = row_of(1, day=TODAY), row_of(2, day=OLD, source="conpeek")
    for row in (young, other):
        known(world, row["recording_id"], TODAY if row is young else OLD, source=row["source"], state=State.STORED)
        quarantine(world.store, RejectedRow(inbox_key(CALLS, OLD_DAY, "wrong"), json.dumps(row), "of another day"))

    run_of(world)()

    assert not world.store.bodies(CALLS.quarantine)
    assert {item(world, row["recording_id"])["state"] for row in (young, other)} == {State.STORED}


def test_a_recording_that_was_never_stored_goes_too(world: World) -> None:
    stored(world, 1, YOUNG)  # else no row tells that there is such a source
    failed, waits, young = (f"thulium-{number:032x}" for number in (7, 8, 9))
    known(world, failed, OLD, state=State.FAILED, due_list="thulium", due_at="9999-12-31T00:00:00.000Z")
    known(world, waits, OLD, due_list="thulium", due_at="2026-10-21T00:00:00.000Z")
    known(world, young, YOUNG, due_list="thulium", due_at="2026-10-21T00:00:00.000Z")

    run_of(world)()

    assert {item(world, id).get("state") for id in (failed, waits)} == {State.ERASED}
    assert "state" not in item(world, young)


def test_a_listing_does_not_bring_a_removed_recording_back(world: World) -> None:
    recording = make_recording(1)
    recording = replace(recording, call_date=OLD)
    ledger = Ledger(world.table, world.clock, 60)
    ledger.outlived(recording.recording_id, "thulium", OLD)

    assert not ledger.discovered(recording)
    put_rows(world.store, [row_of(1, day=OLD, recording_id=recording.recording_id)], CALLS)
    run_of(world, days=0)()
    assert ids_in(world) == []


def test_a_commit_that_is_faster_keeps_its_rows_for_the_next_run(world: World) -> None:
    first, run = stored(world, 1, OLD), run_of(world)
    late: list[str] = []

    def meanwhile(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.method == "unregister" and not late:
            late.append(stored(world, 2, OLD))
            run_of(world, days=0)()
        return proceed()

    world.calls.on_call(meanwhile)
    assert run().removed == 0
    assert ids_in(world) == [first, late[0]]
    world.clock.advance(timedelta(days=1))
    assert run().removed == 1
    assert {item(world, id)["state"] for id in (first, late[0])} == {State.ERASED}


@pytest.mark.parametrize("days", [1, DAYS])
def test_a_call_is_kept_for_its_days_in_every_time_zone(world: World, days: int) -> None:
    """The last moment of a day, in the zone that is the last to end it, is 12 hours after the day's end in UTC."""
    first = first_kept_day(world.clock.now(), days)
    assert first is not None
    ended_h = (world.clock.now().date() - (first - timedelta(days=1))).days * 24 - 24 - 12

    assert days * 24 <= ended_h + 24 <= (days + 2) * 24
    assert first_kept_day(world.clock.now(), 0) is None
