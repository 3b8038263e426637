"""Documents become rows, events and states of the ledger: once, and of nothing that is erased (rule 31)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from call_lake.errors import ConfigError, Reason, Transient
from call_lake.ledger.transcripts import TranscriptState
from call_lake.model.layout import DOCUMENTS
from call_lake.model.times import iso
from call_lake.model.transcripts import MAX_DOCUMENT_BYTES
from call_lake.transcripts.reader import Outcome
from tests.support.fakes.calls import Call
from tests.support.reading import ReadingWorld, document
from tests.support.transcripts import amazon_document


@pytest.fixture
def reading() -> ReadingWorld:
    return ReadingWorld.make()


def test_a_document_becomes_a_row_an_event_and_a_state(reading):
    place = reading.place(reading.recording())
    etag = reading.write(place, document("dzień dobry", "do widzenia", language="pl-PL"))

    assert reading.outcomes() == [Outcome.READY]

    [row], [event] = reading.rows(), reading.events()
    assert (row["recording_id"], row["engine"], row["text"]) == (
        place.recording_id,
        "example",
        "dzień dobry\ndo widzenia",
    )
    assert row["transcribed_at"] == event["transcribed_at"] == iso(reading.world.clock.now())
    assert (event["key"], event["words"], event["language"]) == (place.key, 4, "pl-PL")
    entry = reading.entry(place)
    assert (entry.state, entry.document) == (TranscriptState.READY, etag)
    assert not reading.queue.waiting()


def test_amazons_documents_are_read_as_amazons_by_their_key(reading):
    place = reading.place(reading.recording(), "aws")
    reading.write(place, amazon_document(1, 2))

    assert reading.outcomes() == [Outcome.READY]
    [row] = reading.rows()
    assert (row["words"], row["channels"], row["language"]) == (150, 2, "pl-PL")


def test_engine_and_recording_are_those_of_the_key_whatever_the_document_says(reading):
    first, second = reading.place(reading.recording(0)), reading.place(reading.recording(1))
    reading.write(first, document("a", recording_id=second.recording_id, engine="aws"))

    reading.read()
    [row] = reading.rows()
    assert (row["recording_id"], row["engine"]) == (first.recording_id, "example")


def test_two_engines_have_two_rows_of_one_recording(reading):
    recording = reading.recording()
    for engine in ("example", "other"):
        reading.write(reading.place(recording, engine), document(engine))

    assert reading.outcomes() == [Outcome.READY] * 2
    assert sorted(row["engine"] for row in reading.rows()) == ["example", "other"]
    assert len(reading.world.store.bodies("inbox/")) == 1  # they share a request


def test_the_same_document_again_makes_nothing(reading):
    place = reading.place(reading.recording())
    reading.write(place, document("a"))
    reading.read()
    reading.world.clock.advance(timedelta(hours=1))
    reading.tell(place.key)

    assert reading.outcomes() == [Outcome.KNOWN]
    assert (len(reading.rows()), len(reading.events())) == (1, 1)


def test_a_changed_document_makes_a_later_row_and_another_event(reading):
    place = reading.place(reading.recording())
    reading.write(place, document("a", transcribed_at="2099-01-01T00:00:00Z"))
    reading.read()
    reading.world.clock.advance(timedelta(hours=1))
    reading.write(place, document("b"))

    assert reading.outcomes() == [Outcome.READY]
    assert [row["text"] for row in sorted(reading.rows(), key=lambda row: row["transcribed_at"])] == ["a", "b"]
    assert len(reading.events()) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "document refused: it is no JSON, or is cut off"),
        (document("a", version=2), "document refused: its version is not 1"),
        ({"version": 1, "error": "the codec is unknown"}, "the codec is unknown"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), f"document refused: more than {MAX_DOCUMENT_BYTES:,} bytes"),
    ],
    ids=["no JSON", "version", "the engine says so", "too large"],
)
def test_what_cannot_become_a_row_has_failed_and_is_not_tried_again(reading, body, reason):
    place = reading.place(reading.recording())
    etag = reading.write(place, body)

    assert reading.outcomes() == [Outcome.FAILED]
    entry = reading.entry(place)
    assert (entry.state, entry.reason, entry.document) == (TranscriptState.FAILED, reason, etag)
    assert not reading.rows()
    assert not reading.queue.waiting()
    reading.tell(place.key)
    assert reading.outcomes() == [Outcome.KNOWN]


def test_a_document_that_is_too_large_is_not_even_loaded(reading):
    reading.write(reading.place(reading.recording()), b" " * (MAX_DOCUMENT_BYTES + 1))
    reading.read()
    assert not [call for call in reading.world.calls.log if call.method == "get_range"]


def test_after_a_failure_a_good_document_counts(reading):
    place = reading.place(reading.recording())
    reading.write(place, b"{")
    reading.read()
    reading.write(place, document("a"))

    assert reading.outcomes() == [Outcome.READY]
    assert reading.entry(place).state is TranscriptState.READY


@pytest.mark.parametrize("day", [None, date(2026, 10, 19)], ids=["no such recording", "another day"])
def test_a_document_of_no_recording_that_the_ledger_knows_is_left_alone(reading, day):
    known = reading.recording(0)
    place = reading.place(known, day=day) if day else reading.place(reading.recording(1))
    if day is None:
        reading.world.table.restore({})
    reading.write(place, document("a"))

    assert reading.outcomes() == [Outcome.UNKNOWN]
    assert (reading.rows(), reading.events(), reading.entry(place)) == ([], [], None)
    assert place.key in reading.world.store.bodies()


@pytest.mark.parametrize(
    "key",
    [
        "transcripts/aws/.write_access_check_file.temp",
        f"transcripts/aws/thulium/2026-10-20/redacted-thulium-{7:032x}.json",
        f"transcripts/aws/thulium/2026-10-20/thulium-{7:032x}.json".replace("/aws/", "/AWS/"),
        f"transcripts/aws/thulium/2026-13-20/thulium-{7:032x}.json",
        "audio/source=thulium/call_date=2026-10-20/a.wav",
    ],
)
def test_what_is_no_document_of_a_recording_is_passed_by(reading, key):
    reading.world.store.put(key, b"{}")
    reading.tell(key)
    assert reading.outcomes() == [Outcome.IGNORED]


def test_the_test_event_of_s3_is_no_document(reading):
    reading.queue.send(['{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "call-lake-test"}'])
    assert (reading.outcomes(), reading.queue.waiting()) == ([], [])


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"Records": [{"s3": {"bucket": {"name": "another"}}}]}'])
def test_what_is_no_notification_goes_to_the_dead_letters_by_the_queue(reading, body):
    good = reading.place(reading.recording())
    reading.queue.send([body])
    reading.write(good, document("a"))

    report = reading.read()
    assert (len(report.again), len(reading.rows())) == (1, 1)


def test_a_document_that_is_gone_is_done(reading):
    place = reading.place(reading.recording())
    reading.write(place, document("a"))
    reading.world.store.delete([place.key])
    assert reading.outcomes() == [Outcome.GONE]


def test_a_document_that_is_replaced_while_it_is_read_is_read_again(reading):
    place = reading.place(reading.recording())
    reading.write(place, document("a"))

    def replaced(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.method == "get_range":
            stop()
            reading.world.store.put(place.key, b'{"version": 1, "segments": []}')
        return proceed()

    stop = reading.world.calls.on_call(replaced)
    assert len(reading.read().again) == 1
    assert reading.outcomes() == [Outcome.READY]
    assert [row["words"] for row in reading.rows()] == [0]


def test_transcripts_of_many_short_segments_are_written_one_after_the_other(reading):
    for number in range(3):
        reading.write(reading.place(reading.recording(number)), document(*["a"] * 6000))

    assert reading.outcomes() == [Outcome.READY] * 3
    assert len(reading.world.store.bodies("inbox/")) == 3, "of 18,000 segments few are in memory at once"


def test_what_the_time_is_too_short_for_comes_again(reading):
    reading.write(reading.place(reading.recording()), document("a"))
    reading.world.clock.advance(timedelta(seconds=10))
    assert len(reading.read(until_s=9).again) == 1
    assert reading.rows() == []


# -- erased recordings


def erase(reading: ReadingWorld, recording: Any) -> None:
    reading.ledger.erase(recording.recording_id, recording.source, recording.call_date)


def test_a_late_document_of_an_erased_recording_goes_with_its_versions(reading):
    reading.world.store.versioned = True
    recording, other = reading.recording(0), reading.recording(1)
    place = reading.place(recording)
    reading.write(reading.place(other), document("stays"))
    reading.write(place, document("older"))
    erase(reading, recording)
    reading.write(place, document("a"))

    assert reading.outcomes() == [Outcome.ERASED, Outcome.ERASED, Outcome.READY]
    assert [key for key, _ in reading.world.store.every_version() if key.startswith(DOCUMENTS)] == [
        reading.place(other).key
    ]
    assert [row["text"] for row in reading.rows()] == ["stays"]


@pytest.mark.parametrize("body", [document("a"), b"{"], ids=["good", "bad"])
def test_a_recording_that_is_erased_while_its_document_is_read_keeps_none(reading, body):
    recording = reading.recording()
    place = reading.place(recording)
    reading.write(place, body)

    def erased(call: Call, proceed: Callable[[], Any]) -> Any:
        """Right before the ledger is told of the transcript."""
        if call.port == "table" and call.method == "update":
            stop()
            erase(reading, recording)
        return proceed()

    stop = reading.world.calls.on_call(erased)
    assert reading.outcomes() == [Outcome.ERASED]
    assert reading.world.store.bodies(DOCUMENTS) == {}
    assert reading.entry(place).state is TranscriptState.ERASED
    assert reading.entry(place).document is None


# -- deaths and refusals


def result_of(reading: ReadingWorld) -> tuple[Any, ...]:
    rows = {(row["recording_id"], row["engine"], row["transcribed_at"], row["text"]) for row in reading.rows()}
    states = {id: item["transcript_state"] for id, item in reading.world.table.items("transcript#").items()}
    return rows, states, {event["key"] for event in reading.events()}


def written() -> ReadingWorld:
    reading = ReadingWorld.make()
    for number in range(2):
        reading.write(reading.place(reading.recording(number)), document(f"word {number}"))
    reading.write(reading.place(reading.recording(2)), b"{")
    return reading


def test_whichever_call_breaks_the_next_reading_ends_with_the_same():
    undisturbed = written()
    before = len(undisturbed.world.calls.log)
    undisturbed.read()
    calls = len(undisturbed.world.calls.log) - before
    assert calls >= 20
    for broken in range(1, calls + 1):
        reading = written()
        first = len(reading.world.calls.log)

        def breaks(call: Call, proceed: Callable[[], Any], at: int = first + broken) -> Any:
            if call.number == at:
                raise Transient(Reason.AWS, "broken")
            return proceed()

        reading.world.calls.on_call(breaks)
        reading.read()
        reading.read()
        assert result_of(reading) == result_of(undisturbed), broken
        assert not reading.queue.waiting()


def test_the_row_is_written_before_the_event_and_the_event_before_the_ledger(reading):
    reading.write(reading.place(reading.recording()), document("a"))
    first = len(reading.world.calls.log)
    reading.read()
    order = [call.method for call in reading.world.calls.log[first:] if call.method in ("put", "publish", "update")]
    assert order == ["put", "publish", "update"]


def test_an_event_that_the_bus_refuses_comes_again_alone(reading):
    places = [reading.place(reading.recording(number)) for number in range(2)]
    for place in places:
        reading.write(place, document("a"))
    reading.world.bus.refuse_events(1)

    assert len(reading.read().again) == 1
    assert reading.outcomes() == [Outcome.READY]
    assert sorted(event["key"] for event in reading.events()) == sorted(place.key for place in places)


# -- the sweep


def test_the_sweep_finds_documents_that_no_message_told_of(reading):
    read, unread = reading.place(reading.recording(0)), reading.place(reading.recording(1), "other")
    reading.write(read, document("a"))
    reading.read()
    reading.world.store.put(unread.key, b'{"version": 1, "segments": []}')

    result = reading.sweep()
    assert (result.engines, result.documents, result.sent, result.unfinished) == (["example", "other"], 2, 1, [])
    assert reading.outcomes() == [Outcome.READY]
    assert reading.sweep().sent == 0


def test_the_sweep_finds_a_document_that_was_replaced(reading):
    place = reading.place(reading.recording())
    reading.write(place, document("a"))
    reading.read()
    reading.world.store.put(place.key, b"{")

    assert reading.sweep().sent == 1


def test_the_sweep_looks_at_the_last_days_or_at_those_that_it_is_told(reading):
    recording = reading.recording()
    old = reading.place(recording, day=recording.call_date - timedelta(days=15))
    reading.world.store.put(old.key, b"{}")
    day = old.partition.call_date.isoformat()

    assert reading.sweep().documents == 0
    assert reading.sweep({"first": day, "last": day}).documents == 1
    with pytest.raises(ConfigError, match="2026-10-31"):
        reading.sweep({"first": "yesterday"})


def test_a_sweep_whose_time_is_over_says_where_it_ended(reading):
    reading.world.store.put(reading.place(reading.recording()).key, b"{}")
    reading.world.clock.advance(timedelta(seconds=10))
    result = reading.sweep(until_s=9)
    assert (result.documents, result.unfinished) == (0, ["example/thulium/2026-10-21 and before"])
