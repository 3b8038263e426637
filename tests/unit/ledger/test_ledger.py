"""The ledger only moves forward (design rules 6, 7, 9)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from call_lake.errors import NotReady, Reason, Terminal, Transient
from call_lake.ledger.counts import count_erased, count_failed, count_waiting
from call_lake.ledger.entry import NEVER, TOMBSTONE, State
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.packed_record import pack
from call_lake.model.recording import AudioFacts, StoredAudio
from tests.support.fakes import Call, World
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording

DAY_S = 86_400


@pytest.fixture
def ledger(world: World) -> Ledger:
    return Ledger(world.table, world.clock, DAY_S)


def audio_of(world: World, extension: str = "wav") -> StoredAudio:
    return StoredAudio("bucket", f"audio/x.{extension}", AudioFacts(extension, 10, "00" * 32), world.clock.now())


def state_of(ledger: Ledger, id: str) -> State:
    entry = ledger.entry(id)
    assert entry is not None
    return entry.state


def test_the_first_write_freezes_start_call_date_and_key(ledger: Ledger) -> None:
    first = make_recording(1)
    ledger.discovered(first)
    corrected = replace(first, started_at=first.started_at + timedelta(hours=1), call_date=date(2026, 10, 21))

    assert ledger.discovered(corrected) is False
    assert ledger.claim(corrected).recording == first


def test_of_many_new_recordings_each_is_written_as_alone_and_the_known_ones_stay(ledger: Ledger, world: World) -> None:
    known, *new = (make_recording(number) for number in range(40))
    ledger.discovered(known)
    ledger.stored(known, audio_of(world))

    assert ledger.discovered_all([known, *new]) == {one.recording_id for one in new}
    assert state_of(ledger, known.recording_id) is State.STORED
    assert [ledger.claim(one).recording for one in new] == new
    assert ledger.discovered_all(new) == set()


def test_a_message_that_overtook_the_poller_creates_the_item(ledger: Ledger) -> None:
    recording = make_recording(1)

    entry = ledger.claim(recording)

    assert (entry.state, entry.recording) == (State.PUBLISHED, recording)
    assert ledger.discovered(recording) is False


def test_a_late_published_never_hides_a_stored(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.discovered(recording)
    due = ledger.claim(recording)
    ledger.stored(recording, audio_of(world))
    stored = ledger.claim(recording)

    ledger.republished(due)
    ledger.republished(stored)
    assert ledger.claim(recording) == stored
    ledger.discovered(recording)
    ledger.retrying(ledger.claim(recording), Transient(Reason.TIMEOUT, ""), 60, in_queue=False)
    ledger.failed(ledger.claim(recording), Terminal(Reason.FORBIDDEN, ""))

    assert state_of(ledger, recording.recording_id) is State.STORED


def test_of_two_stored_formats_the_first_decides(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.discovered(recording)
    assert ledger.stored(recording, audio_of(world, "ogg")) is None

    entry = ledger.stored(recording, audio_of(world, "mp3"))

    assert entry is not None
    assert entry.audio is not None
    assert entry.audio.key.endswith(".ogg")


def test_an_erased_recording_stays_erased(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.discovered(recording)
    due = ledger.claim(recording)
    ledger.erase(recording.recording_id, recording.source, recording.call_date)

    entry = ledger.stored(recording, audio_of(world))
    ledger.republished(due)

    assert entry is not None
    assert entry.state is State.ERASED
    assert state_of(ledger, recording.recording_id) is State.ERASED
    assert ledger.discovered(recording) is False
    assert ledger.erased([recording.recording_id, "unknown"]) == {recording.recording_id}


def test_a_mark_is_a_failure_that_is_taken_back(ledger: Ledger, world: World) -> None:
    id = make_recording(1).recording_id
    ledger.retrying(ledger.claim(make_recording(1)), NotReady(Reason.NOT_FOUND, "404"), 60, in_queue=True)
    before = ledger.claim(make_recording(1))

    assert ledger.marked(before)
    marked = ledger.claim(make_recording(1))
    assert (marked.state, marked.reason, marked.attempts, marked.marks) == (State.RETRYING, Reason.KILLED, 2, 1)
    assert [note["reason"] for note in marked.history] == [Reason.NOT_FOUND, Reason.KILLED]

    ledger.unmarked(before)
    assert ledger.claim(make_recording(1)) == before
    assert "marks" not in world.table.items()[id]


def test_of_two_marks_of_one_moment_one_counts(ledger: Ledger) -> None:
    entry = ledger.claim(make_recording(1))

    assert [ledger.marked(entry), ledger.marked(entry)] == [True, False]


def test_a_mark_is_not_taken_back_over_another_attempts_verdict(ledger: Ledger) -> None:
    entry = ledger.claim(make_recording(1))
    ledger.marked(entry)
    ledger.retrying(entry, Transient(Reason.TIMEOUT, "by another attempt"), 60, in_queue=True)

    ledger.unmarked(entry)

    assert ledger.claim(make_recording(1)).reason == Reason.TIMEOUT


@pytest.mark.parametrize("settled", ["stored", "failed", "erased"])
def test_what_is_settled_is_not_marked(ledger: Ledger, world: World, settled: str) -> None:
    recording = make_recording(1)
    entry = ledger.claim(recording)
    match settled:
        case "stored":
            ledger.stored(recording, audio_of(world))
        case "failed":
            ledger.failed(entry, Terminal(Reason.FORBIDDEN, ""))
        case "erased":
            ledger.erase(recording.recording_id, "thulium", recording.call_date)

    assert not ledger.marked(entry)
    ledger.unmarked(entry)
    assert "marks" not in world.table.items()[recording.recording_id]


@pytest.mark.parametrize("settled", ["stored", "failed", "erased", "retrying"])
def test_what_is_settled_loses_its_marks(ledger: Ledger, world: World, settled: str) -> None:
    recording = make_recording(1)
    ledger.marked(ledger.claim(recording))
    entry = ledger.claim(recording)
    match settled:
        case "stored":
            ledger.stored(recording, audio_of(world))
        case "failed":
            ledger.failed(entry, Terminal(Reason.FORBIDDEN, ""))
        case "erased":
            ledger.erase(recording.recording_id, "thulium", recording.call_date)
        case "retrying":
            ledger.retrying(entry, Transient(Reason.TIMEOUT, ""), 60, in_queue=True)

    assert "marks" not in world.table.items()[recording.recording_id]


def test_a_tombstone_is_counted_by_the_day_of_its_call(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.claim(recording)
    ledger.erase(recording.recording_id, "thulium", recording.call_date)
    ledger.erase(make_recording(2).recording_id, "thulium", date(2021, 3, 1))  # one without an item

    assert count_erased(world.table, "thulium", date(2021, 3, 1), 10) == 2
    assert count_erased(world.table, "thulium", date(2021, 3, 2), 10) == 1
    assert count_erased(world.table, "thulium", recording.call_date, 10) == 1
    assert count_waiting(world.table, "thulium", 10) == 0
    assert world.table.items()[recording.recording_id]["due_at"] == recording.call_date.isoformat()


def test_an_item_whose_day_somebody_changed_is_erased_under_the_day_that_was_asked_for(
    ledger: Ledger, world: World
) -> None:
    recording = make_recording(1)
    ledger.claim(recording)
    world.table.update(recording.recording_id, {"call_date": 7, "source": ["x"]})
    ledger.erase(recording.recording_id, "thulium", recording.call_date)

    assert count_erased(world.table, "thulium", recording.call_date, 10) == 1


def test_a_failure_that_an_attempt_settled_after_all_is_not_counted(ledger: Ledger, world: World) -> None:
    for number in range(3):
        ledger.failed(ledger.claim(make_recording(number)), Terminal(Reason.FORBIDDEN, "403"))
    ledger.redriven(make_recording(1).recording_id)
    ledger.claim(make_recording(3))
    world.table.update(make_recording(4).recording_id, {"due_list": "thulium", "due_at": NEVER, "reason": "forged"})

    assert count_failed(world.table, "thulium", 10) == {"forbidden": 2}
    assert count_waiting(world.table, "thulium", 10) == 2


def test_a_mark_that_an_erasure_did_not_see_is_not_kept(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    others = [ledger.claim(recording)]

    def mark(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.method == "update" and others:
            ledger.marked(others.pop())
        return proceed()

    world.calls.on_call(mark)
    ledger.erase(recording.recording_id, "thulium", recording.call_date)

    assert not others
    assert world.table.items()[recording.recording_id].keys() <= TOMBSTONE


def test_a_published_recording_is_due_after_a_day_of_silence(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.discovered(recording)
    assert ledger.due("thulium", 10) == []

    world.clock.advance(timedelta(days=1))

    assert [entry.recording for entry in ledger.due("thulium", 10)] == [recording]
    assert ledger.due("conpeek", 10) == []
    ledger.republished(ledger.claim(recording))
    assert ledger.due("thulium", 10) == []


def test_an_attempt_that_failed_while_the_recording_was_sent_again_keeps_its_own_time(
    ledger: Ledger, world: World
) -> None:
    recording = make_recording(1)
    ledger.discovered(recording)
    world.clock.advance(timedelta(days=1))
    (due,) = ledger.due("thulium", 10)
    ledger.retrying(ledger.claim(recording), Transient(Reason.TIMEOUT, ""), 3600, in_queue=False)
    dated = ledger.claim(recording)

    ledger.republished(due)

    assert ledger.claim(recording) == dated


def test_what_failed_before_stays_retrying_when_it_is_sent_again(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.retrying(ledger.claim(recording), Transient(Reason.TIMEOUT, ""), 3600, in_queue=False)
    world.clock.advance(timedelta(hours=1))
    (due,) = ledger.due("thulium", 10)

    ledger.republished(due)

    assert ledger.due("thulium", 10) == []
    assert (ledger.claim(recording).state, ledger.claim(recording).attempts) == (State.RETRYING, 1)


def test_a_record_is_sealed_with_a_hash_that_later_versions_compute_alike(ledger: Ledger, world: World) -> None:
    """Else every stored recording would look changed."""
    recording = make_recording(1)
    ledger.discovered(recording)
    ledger.stored(recording, audio_of(world))

    sealed = world.table.items()[recording.recording_id]["record_sha256"]

    assert sealed == "5d3bb6a229be877154a850510f3ead34ebf589e159bd5082dc4461a9a5bf92c9"
    assert state_of(ledger, recording.recording_id) is State.STORED


def test_a_long_delay_waits_in_the_ledger_and_a_short_one_in_the_queue(ledger: Ledger, world: World) -> None:
    short, long = make_recording(1), make_recording(2)
    error = Transient(Reason.TIMEOUT, "no answer")
    ledger.retrying(ledger.claim(short), error, 60, in_queue=True)
    ledger.retrying(ledger.claim(long), error, 3600, in_queue=False)

    world.clock.advance(timedelta(hours=1))

    assert [entry.recording for entry in ledger.due("thulium", 10)] == [long]


def test_what_failed_for_good_is_never_due_and_comes_back_by_redrive(ledger: Ledger, world: World) -> None:
    recording = make_recording(1)
    ledger.failed(ledger.claim(recording), Terminal(Reason.ENCRYPTED, "PGP"))
    world.clock.advance(timedelta(days=400))
    assert ledger.due("thulium", 10) == []

    assert ledger.redriven(recording.recording_id) is True
    assert ledger.redriven(recording.recording_id) is False
    entry = ledger.claim(recording)
    assert (entry.state, entry.attempts) == (State.PUBLISHED, 0)
    assert entry.first_published_at == world.clock.now(), "its deadlines count from the redrive"


def test_the_history_keeps_the_last_attempts(ledger: Ledger) -> None:
    recording = make_recording(1)
    for number in range(30):
        ledger.retrying(ledger.claim(recording), NotReady(Reason.NOT_FOUND, str(number)), 10, in_queue=True)

    entry = ledger.claim(recording)

    assert entry.attempts == 30
    assert [note["detail"] for note in entry.history] == [str(number) for number in range(10, 30)]


def test_a_known_key_with_another_connection_is_a_recording_of_its_own(ledger: Ledger) -> None:
    first = make_recording(1, connection_id="100.1")
    second = IDS.identified(replace(first, connection_id="200.2"))
    ledger.discovered(first)

    entry = ledger.claim(second)

    assert entry.recording_id != first.recording_id
    assert entry.recording == second.as_collision()
    assert ledger.claim(second.as_collision()).recording_id == entry.recording_id


def test_the_owner_of_a_key_is_found_whatever_id_its_message_carries(ledger: Ledger) -> None:
    owner = make_recording(1, connection_id="100.1")
    ledger.discovered(owner)

    assert ledger.claim(owner.as_collision()).recording_id == owner.recording_id


def test_an_unknown_connection_is_no_collision(ledger: Ledger) -> None:
    first = make_recording(1, connection_id="100.1")
    ledger.discovered(first)

    assert ledger.claim(IDS.identified(replace(first, connection_id=None))).recording_id == first.recording_id


@pytest.mark.parametrize("record", ["text", b"not packed", pack([]), pack({}), pack({"connection_digest": 7})])
def test_a_recording_whose_record_somebody_changed_can_be_erased(world: World, ledger: Ledger, record: object) -> None:
    recording = make_recording(1)
    ledger.discovered(recording)
    world.table.update(recording.recording_id, {"record": record})
    ledger.erase(recording.recording_id, recording.source, recording.call_date)
    tombstone = world.table.get(recording.recording_id) or {}
    assert (tombstone["state"], tombstone.get("connection_id")) == (State.ERASED, None)
