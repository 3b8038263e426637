"""A ledger that was restored to some hours ago: nothing is lost, and nothing is twice in audio and rows."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import Reason, Terminal, Transient
from call_lake.ledger.entry import State, state_of
from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from call_lake.operations.days import Days
from call_lake.operations.erase.targets import ErasureRequest, proved_by
from call_lake.operations.verify.findings import Kind
from tests.support.erasing import erase, own_traces, recording_ids
from tests.support.fakes.calls import Call, Proceed
from tests.support.fakes.provider import make_recording, raising
from tests.support.operator_bench import Bench, kinds, rows

BEGIN = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Restored(Bench):
    """``backup`` and ``restore`` are DynamoDB's. ``restore`` also starts the functions cold, as docs/runbook.md says: a
    warm poller remembers ids that the ledger has forgotten."""

    def __init__(self, *minutes: int) -> None:
        super().__init__(0)
        self.recordings = [self._listed_at(number, after) for number, after in enumerate(minutes)]
        self.thulium.add(*self.recordings)

    def _listed_at(self, number: int, minutes: int) -> Recording:
        listed_at = BEGIN + timedelta(minutes=minutes)
        return make_recording(number, listed_at=listed_at, started_at=listed_at - timedelta(minutes=5))

    def run(self, hours: float) -> None:
        self.pipeline.run_for(timedelta(hours=hours), timedelta(minutes=20))

    def backup(self) -> None:
        self._backup = self.world.table.items()

    def restore(self) -> None:
        self.world.table.restore(self._backup)
        self.restart()

    def events(self) -> Counter[str]:
        return Counter(str(event.detail["recording_id"]) for event in self.world.bus.events)

    def audio(self) -> dict[str, bytes]:
        return self.world.store.bodies("audio/")


def ids(bench: Restored) -> list[str]:
    return sorted(one.recording_id for one in bench.recordings)


@settings(max_examples=15)
@given(
    minutes=st.lists(st.integers(0, 600), min_size=1, max_size=8),
    restore_point_h=st.integers(1, 6),
    lost_h=st.integers(1, 8),
)
def test_after_a_restore_nothing_is_lost_and_nothing_is_twice(minutes, restore_point_h, lost_h):
    bench = Restored(*minutes)
    bench.run(restore_point_h)
    bench.backup()
    bench.run(lost_h)
    audio = bench.audio()

    bench.restore()
    bench.run(12 - lost_h)

    assert bench.states() == [State.STORED] * len(minutes)
    assert [row["recording_id"] for row in rows(bench)] == ids(bench)
    assert len(bench.audio()) == len(minutes)
    assert audio.items() <= bench.audio().items()  # what was stored was used, not stored again
    assert kinds(bench.verify(Days(BEGIN.date(), BEGIN.date())).differences) == []


def test_only_the_events_of_what_was_stored_after_the_restore_point_come_again():
    bench = Restored(0, 90)
    bench.run(1)
    bench.backup()
    bench.run(2)
    bench.restore()
    bench.run(2)
    before, after = (one.recording_id for one in bench.recordings)
    assert bench.events() == {before: 1, after: 2}


@pytest.mark.parametrize("backup_h", [1, 0])
def test_what_was_erased_after_the_restore_point_is_erased_again_with_its_proof(backup_h):
    """The restored ledger knows the recording, or has never heard of it."""
    bench = Restored(0, 10)
    bench.run(backup_h)
    bench.backup()
    bench.run(1)
    erased, kept = bench.recordings
    proof = json.dumps(erase(bench, recording_ids(erased.recording_id)).to_json())
    bench.restore()
    again = erase(bench, ErasureRequest(proved=proved_by(proof)))
    assert again.is_clean
    assert [target.recording_id for target in again.targets.all] == [erased.recording_id]
    bench.run(24)

    assert state_of(bench.item(erased)) is State.ERASED
    assert own_traces(bench, erased) == {}
    assert [row["recording_id"] for row in rows(bench)] == [kept.recording_id]


def test_without_its_proof_the_provider_brings_back_what_was_erased_after_the_restore_point():
    bench = Restored(0)
    bench.backup()
    bench.run(1)
    erase(bench, recording_ids(bench.recordings[0].recording_id))
    bench.restore()
    bench.run(1)
    assert bench.states() == [State.STORED]


def test_a_recording_that_nothing_lists_any_more_keeps_its_audio_and_its_row():
    bench = Restored(0, 90)
    bench.run(1)
    bench.backup()
    bench.run(2)
    bench.thulium.rows.remove(bench.recordings[1])
    bench.restore()
    bench.run(2)

    assert bench.recordings[1].recording_id not in bench.world.table.items()
    assert [row["recording_id"] for row in rows(bench)] == ids(bench)
    assert len(bench.audio()) == 2
    assert kinds(bench.verify().findings) == [Kind.ORPHAN]


def test_what_polls_do_not_list_again_is_found_by_verify():
    """A backfill of old days ended after the restore point, and its job is gone with it."""
    bench = Restored(-3 * 24 * 60)
    bench.run(1)
    bench.backup()
    day = BEGIN - timedelta(days=3)
    bench.pipeline.poll("thulium", backfill=Window(day - HOUR, day + HOUR))
    bench.run(1)
    assert bench.states() == [State.STORED]
    bench.restore()
    bench.run(1)

    report = bench.verify(Days(day.date(), day.date()))
    assert kinds(report.findings) == [Kind.BEFORE_FIRST], "the note that the day was read is gone, too"
    bench.repair(report)
    bench.run(1)
    assert bench.states() == [State.STORED]
    assert [row["recording_id"] for row in rows(bench)] == ids(bench)


def test_what_had_failed_since_the_restore_point_is_tried_again():
    bench = Restored(0)
    bench.thulium.on_audio = raising(Terminal(Reason.FORBIDDEN, "403"))
    bench.backup()
    bench.run(1)
    assert bench.states() == [State.FAILED]
    bench.thulium.on_audio = lambda recording: None
    bench.restore()
    bench.run(26)
    assert bench.states() == [State.STORED]


def test_functions_that_find_no_table_lose_nothing_until_it_is_back():
    bench = Restored(0, 30, 60)
    bench.run(0.5)
    bench.backup()
    there_again = bench.world.calls.on_call(no_table)
    for _ in range(6):
        with pytest.raises(Transient):
            bench.pipeline.poll("thulium")
        bench.pipeline.copy_all()
        bench.world.clock.advance(timedelta(minutes=20))
    there_again()
    bench.restore()
    bench.run(3)
    assert bench.states() == [State.STORED] * 3
    assert [row["recording_id"] for row in rows(bench)] == ids(bench)


def no_table(call: Call, proceed: Proceed) -> Any:
    if call.port == "table":
        raise Transient(Reason.AWS, "ResourceNotFoundException: Requested resource not found")
    return proceed()
