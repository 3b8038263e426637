"""Each stored recording gets one job, within the day's hours (rule 30)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from call_lake.errors import Reason, Transient
from call_lake.ledger.transcripts import TranscriptState
from call_lake.model.layout import Partition
from call_lake.model.transcribing import JobStatus, Start, StartResult
from call_lake.transcribing.starter import TRIES_IN_QUEUE
from tests.support.fakes import Call, World
from tests.support.fakes.calls import Proceed
from tests.support.transcribing import SECONDS, TranscribingBench

RUNNING, WAITING, FAILED = TranscriptState.RUNNING, TranscriptState.WAITING, TranscriptState.FAILED
NO_ROOM = Start(StartResult.NO_ROOM, "LimitExceededException")


@pytest.fixture
def bench(world: World) -> TranscribingBench:
    return TranscribingBench(world)


def test_a_stored_recording_gets_a_job_and_its_seconds_are_counted(bench: TranscribingBench) -> None:
    recording = bench.start(1)

    assert [one.recording_id for one in bench.jobs.started] == [recording.recording_id]
    entry = bench.entry(recording)
    assert (entry.state, entry.seconds, entry.attempts) == (RUNNING, SECONDS, 1)
    assert bench.hours.today().used_s == SECONDS


def test_an_event_that_comes_twice_starts_and_counts_one_job(bench: TranscribingBench) -> None:
    recording = bench.start(1)

    bench.take(bench.wanted(recording), bench.wanted(recording))

    assert len(bench.jobs.started) == 1
    assert bench.hours.today().used_s == SECONDS


def test_a_job_whose_start_was_not_noted_is_known_and_looked_at_by_the_next_sweep(bench: TranscribingBench) -> None:
    """A run died, or the answer of Amazon Transcribe was lost."""
    recording = bench.stored(1)
    bench.jobs.end(recording.recording_id, JobStatus.FAILED, "Unsupported media format.")

    bench.take(bench.wanted(recording))
    assert bench.state(recording) is RUNNING
    bench.sweep()

    assert (bench.state(recording), bench.entry(recording).reason) == (FAILED, "Unsupported media format.")


@pytest.mark.parametrize("result", [StartResult.NO_ROOM, StartResult.NO_ANSWER])
def test_what_has_no_room_comes_again_with_those_behind_it_and_counts_nothing(
    bench: TranscribingBench, result: StartResult
) -> None:
    bodies = [bench.wanted(bench.stored(number)) for number in range(1, 5)]
    bench.take(bodies[0])
    bench.jobs.refusal = Start(result, "busy")
    before = len(bench.world.calls.log)

    assert bench.take(*bodies) == bodies[1:]

    starts = [call for call in bench.world.calls.log[before:] if (call.port, call.method) == ("transcribe", "start")]
    assert len(starts) == 1, "of two in a batch without room, the second is not asked for"
    assert bench.hours.today().used_s == SECONDS


def test_the_end_of_a_job_is_heard_behind_one_that_has_no_room(bench: TranscribingBench) -> None:
    done, new = bench.start(1), bench.stored(2)
    bench.jobs.end(done.recording_id, JobStatus.FAILED, "no")
    bench.jobs.refusal = NO_ROOM

    assert len(bench.take(bench.wanted(new), bench.ended(done))) == 1

    assert bench.state(done) is FAILED


def test_what_the_queue_would_give_up_waits_in_the_ledger(bench: TranscribingBench) -> None:
    first, second = bench.stored(1), bench.stored(2)
    bench.jobs.refusal = NO_ROOM

    assert bench.take(bench.wanted(first), bench.wanted(second), deliveries=TRIES_IN_QUEUE) == []
    assert [bench.state(one) for one in (first, second)] == [WAITING, WAITING]

    bench.jobs.refusal = None
    bench.sweep(timedelta(hours=1))
    bench.take_queue()
    assert [bench.state(one) for one in (first, second)] == [RUNNING, RUNNING]


def test_trouble_of_aws_brings_the_message_back_and_ends_the_batch(bench: TranscribingBench) -> None:
    bodies = [bench.wanted(bench.stored(number)) for number in (1, 2)]

    def refuse(call: Call, proceed: Proceed) -> Any:
        raise Transient(Reason.AWS, "throttled")

    stop = bench.world.calls.on_call(refuse)
    assert bench.take(*bodies) == bodies
    stop()

    assert bench.take(*bodies) == []


def test_what_amazon_transcribe_refuses_has_failed_with_its_reason_and_stops_nobody(bench: TranscribingBench) -> None:
    recording = bench.stored(1)
    bench.jobs.refusal = Start(StartResult.REFUSED, "BadRequestException: no such vocabulary " + "x" * 1000)

    assert bench.take(bench.wanted(recording)) == []

    entry = bench.entry(recording)
    assert (entry.state, len(entry.reason or "")) == (FAILED, 300)
    assert bench.hours.today().used_s == 0
    assert bench.transcripts.listed(FAILED, 10) == [recording.recording_id]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"format": "gsm"}, "does not read gsm"),
        ({"seconds": 14_401.0}, "longer than the 4 hours"),
        ({"bytes": 2_000_000_001}, "larger than the 2 GB"),
    ],
)
def test_what_amazon_transcribe_never_takes_is_skipped(
    bench: TranscribingBench, facts: dict[str, object], reason: str
) -> None:
    recording = bench.start(1, **facts)

    assert bench.jobs.started == []
    entry = bench.entry(recording)
    assert entry.state is TranscriptState.SKIPPED
    assert reason in (entry.reason or "")


def test_a_transcript_that_is_there_stays_though_its_audio_has_expired(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    bench.transcripts.ready(recording.recording_id, Partition.of_recording(recording), "etag")
    bench.world.clock.advance(timedelta(seconds=1))
    body = bench.wanted(recording, bench.world.clock.now())
    bench.world.table.update(recording.recording_id, {"state": "EXPIRED"})

    bench.take(body)

    assert bench.state(recording) is TranscriptState.READY


def test_four_hours_and_two_gigabytes_are_taken(bench: TranscribingBench) -> None:
    bench.start(1, seconds=14_400.0, bytes=2_000_000_000)

    assert len(bench.jobs.started) == 1


def test_of_an_erased_recording_nothing_is_started(bench: TranscribingBench) -> None:
    recording = bench.stored(1)
    body = bench.wanted(recording)
    bench.erase(recording)

    assert bench.take(body) == []

    assert bench.jobs.started == []


def test_beyond_the_days_hours_a_recording_waits_for_midnight(world: World) -> None:
    bench = TranscribingBench(world, hours=0.25)
    first, second = bench.start(1), bench.start(2)

    assert (bench.state(first), bench.state(second), bench.counts.over_ceiling) == (RUNNING, WAITING, 1)
    assert bench.entry(second).due_at == "2026-10-21T00:00:00.000Z"
    assert bench.sweep().over_ceiling == 1
    assert len(bench.queue) == 0, "it is not due"

    world.clock.advance_to(datetime(2026, 10, 21, tzinfo=UTC))
    assert bench.sweep().over_ceiling == 0
    bench.take_queue()
    assert bench.state(second) is RUNNING


def test_audio_of_unknown_length_counts_by_its_bytes_and_at_most_four_hours(bench: TranscribingBench) -> None:
    bench.start(1, seconds=None, bytes=60_000)
    assert bench.hours.today().used_s == 60

    bench.start(2, seconds=None, bytes=1_999_999_999)
    assert bench.hours.today().used_s == 60 + 4 * 3600


@pytest.mark.parametrize("length", [{"seconds": 3.0}, {"seconds": None, "bytes": 44}])
def test_a_short_recording_counts_as_what_amazon_transcribe_bills(
    bench: TranscribingBench, length: dict[str, float | None]
) -> None:
    bench.start(1, **length)
    assert bench.hours.today().used_s == 15


@pytest.mark.parametrize("known", [FAILED, TranscriptState.READY, TranscriptState.SKIPPED])
def test_who_asks_again_gets_a_new_job_once(bench: TranscribingBench, known: TranscriptState) -> None:
    recording = bench.start(1)
    bench.jobs.end(recording.recording_id, JobStatus.FAILED, "no")
    partition = bench.entry(recording).partition
    match known:
        case TranscriptState.READY:
            bench.transcripts.ready(recording.recording_id, partition, "etag")
        case TranscriptState.SKIPPED:
            bench.transcripts.skipped(recording.recording_id, partition, "too long")
        case _:
            bench.transcripts.failed(recording.recording_id, partition, "no")
    bench.take(bench.wanted(recording))
    assert bench.state(recording) is known

    bench.world.clock.advance(timedelta(seconds=1))
    again = bench.wanted(recording, bench.world.clock.now())
    bench.world.clock.advance(timedelta(seconds=1))
    bench.take(again)
    assert (bench.state(recording), len(bench.jobs.started)) == (RUNNING, 2)

    bench.jobs.end(recording.recording_id)
    bench.transcripts.ready(recording.recording_id, partition, "another")
    bench.take(again)
    assert (bench.state(recording), len(bench.jobs.started)) == (TranscriptState.READY, 2)


def test_a_document_that_is_read_before_the_start_is_noted_stays_ready(bench: TranscribingBench) -> None:
    recording = bench.stored(1)

    def quick(call: Call, proceed: Proceed) -> Any:
        answer = proceed()
        if (call.port, call.method) == ("transcribe", "start"):
            bench.transcripts.ready(recording.recording_id, Partition.of_recording(recording), "etag")
        return answer

    bench.world.calls.on_call(quick)
    bench.take(bench.wanted(recording))

    assert bench.state(recording) is TranscriptState.READY


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"detail-type": "Recording Stored", "detail": {}}', '{"detail-type": "else"}', "[" * 9999]
)
def test_what_is_no_message_of_ours_goes_to_the_dead_letters_and_stops_nobody(
    bench: TranscribingBench, body: str
) -> None:
    recording = bench.stored(1)

    assert bench.take(body, bench.wanted(recording)) == []

    assert bench.world.dlq.waiting() == [body]
    assert bench.state(recording) is RUNNING


def test_a_message_about_another_sources_recording_is_no_message_of_ours(bench: TranscribingBench) -> None:
    body = bench.wanted(bench.stored(1)).replace('"source": "thulium"', '"source": "conpeek"')

    bench.take(body)

    assert (bench.jobs.started, bench.world.dlq.waiting()) == ([], [body])
