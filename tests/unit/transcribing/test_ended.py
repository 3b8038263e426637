"""A job is seen to its end, heard or unheard (rule 30)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import pytest

from call_lake.errors import Reason, Transient
from call_lake.ledger.transcripts import TranscriptState
from call_lake.model.layout import Partition, transcript_key
from call_lake.model.recording import Recording
from call_lake.model.transcribing import Job, JobStatus
from call_lake.model.transcripts import MAX_DOCUMENT_BYTES
from call_lake.transcribing.ended import MOST_ATTEMPTS
from tests.support.fakes import Call, World
from tests.support.fakes.calls import Proceed
from tests.support.items import put
from tests.support.transcribing import SECONDS, TranscribingBench

RUNNING, WAITING, FAILED = TranscriptState.RUNNING, TranscriptState.WAITING, TranscriptState.FAILED
HOUR = timedelta(hours=1)


@pytest.fixture
def bench(world: World) -> TranscribingBench:
    return TranscribingBench(world)


def told(bench: TranscribingBench) -> list[str]:
    """Keys of documents that the reader was told of."""
    records = [json.loads(body)["Records"][0]["s3"] for body in bench.documents.waiting()]
    assert all(one["bucket"]["name"] == bench.world.store.bucket and one["object"]["eTag"] for one in records)
    return [unquote_plus(one["object"]["key"]) for one in records]


def test_of_a_job_whose_document_s3_has_told_nothing_is_left_to_do(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    bench.jobs.end(recording.recording_id)
    bench.write_document(recording)

    assert bench.take(bench.ended(recording)) == []

    assert (bench.state(recording), told(bench)) == (RUNNING, [])


def test_a_failed_job_is_noted_once_with_its_reason(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    bench.jobs.end(recording.recording_id, JobStatus.FAILED, "Invalid number of channels.")

    bench.take(bench.ended(recording), bench.ended(recording))
    failed = bench.counts.failed + bench.sweep(HOUR).failed

    assert bench.entry(recording).reason == "Invalid number of channels."
    assert failed == 1


def test_a_failure_that_is_heard_after_the_document_was_read_changes_nothing(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    bench.transcripts.ready(recording.recording_id, Partition.of_recording(recording), "etag")
    bench.jobs.end(recording.recording_id, JobStatus.FAILED, "no")

    bench.take(bench.ended(recording))

    assert bench.state(recording) is TranscriptState.READY


def test_the_jobs_of_others_in_the_account_are_left_alone(bench: TranscribingBench) -> None:
    recording = bench.stored(1)

    assert bench.take(bench.ended(recording).replace("lake-", "other-"), bench.ended(recording)) == []

    assert [call for call in bench.world.calls.log if call.port == "transcribe"] == []


def test_a_sweep_tells_the_reader_of_a_document_that_nobody_heard_of(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    key = bench.write_document(recording)
    bench.jobs.end(recording.recording_id)
    assert bench.sweep(HOUR - timedelta(seconds=1)).looked == 0

    assert bench.sweep(timedelta(seconds=1)).looked == 1
    assert bench.sweep().looked == 0, "the reader has an hour before it is told again"

    assert told(bench) == [key]


def test_a_job_that_runs_is_looked_at_again(bench: TranscribingBench) -> None:
    recording = bench.start(1)

    assert [bench.sweep(HOUR).looked for _ in range(3)] == [1, 1, 1]

    assert bench.state(recording) is RUNNING


def test_a_document_counts_though_the_job_is_forgotten(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    key = bench.write_document(recording)
    bench.jobs.jobs.clear()

    bench.sweep(HOUR)

    assert told(bench) == [key]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_job_without_a_document_starts_again_and_fails_after_three(
    bench: TranscribingBench, *, is_known: bool
) -> None:
    recording = bench.start(1)
    for _ in range(MOST_ATTEMPTS):
        bench.jobs.jobs = {recording.recording_id: Job(JobStatus.COMPLETED)} if is_known else {}
        bench.sweep(HOUR)
        bench.take_queue()

    entry = bench.entry(recording)
    assert (entry.state, len(bench.jobs.started)) == (FAILED, MOST_ATTEMPTS)
    assert bench.hours.today().used_s == MOST_ATTEMPTS * SECONDS


def test_a_masked_document_is_moved_to_where_everybody_looks(bench: TranscribingBench) -> None:
    recording = bench.start(1)
    bench.world.store.versioned = True
    masked = bench.write_document(recording, redacted=True)
    bench.jobs.jobs[recording.recording_id] = Job(JobStatus.COMPLETED, is_redacted=True)

    bench.take(bench.ended(recording), bench.ended(recording))

    key = transcript_key(Partition.of_recording(recording), "aws", recording.recording_id)
    assert list(bench.world.store.bodies("transcripts/")) == [key]
    assert masked not in [name for name, _ in bench.world.store.every_version()]
    bench.sweep(HOUR)
    assert told(bench) == [key]


def test_a_masked_document_beyond_all_measure_has_failed(bench: TranscribingBench, world: World) -> None:
    recording = bench.start(1)
    world.store.put(bench.write_document(recording, redacted=True), b" " * (MAX_DOCUMENT_BYTES + 1))
    bench.jobs.jobs[recording.recording_id] = Job(JobStatus.COMPLETED, is_redacted=True)

    bench.take(bench.ended(recording))

    assert bench.state(recording) is FAILED


@pytest.mark.parametrize("unheard", [True, False])
def test_the_job_of_an_erased_recording_goes_as_soon_as_it_has_ended(
    bench: TranscribingBench, *, unheard: bool
) -> None:
    recording = bench.start(1)
    bench.erase(recording)
    bench.sweep(HOUR)
    assert bench.jobs.names == {recording.recording_id}, "a running job cannot be deleted"

    bench.write_document(recording, redacted=True)
    bench.jobs.end(recording.recording_id)
    if unheard:
        bench.sweep()
    else:
        bench.take(bench.ended(recording))

    assert (bench.jobs.names, bench.world.store.bodies("transcripts/")) == (set(), {})
    assert bench.state(recording) is TranscriptState.ERASED
    assert bench.sweep(HOUR).looked == 0


def test_what_waits_and_is_erased_or_expired_is_not_sent(world: World) -> None:
    bench = TranscribingBench(world, hours=SECONDS / 3600)
    first = bench.start(1)
    bench.transcripts.ready(first.recording_id, Partition.of_recording(first), "etag")
    erased, expired, changed = bench.start(2), bench.start(3), bench.start(4)
    bench.erase(erased)
    world.table.update(expired.recording_id, {"state": "EXPIRED"})
    world.table.update(changed.recording_id, {"record_sha256": "00"})
    roomy = TranscribingBench(world)
    world.clock.advance_to(datetime(2026, 10, 21, tzinfo=UTC))

    assert roomy.sweep().sent == 0

    assert [bench.state(one) for one in (erased, expired, changed)] == [
        TranscriptState.ERASED,
        TranscriptState.SKIPPED,
        FAILED,
    ]


def test_a_recording_whose_lost_audio_is_copied_again_waits_for_it(world: World) -> None:
    bench = TranscribingBench(world, hours=SECONDS / 3600)
    bench.start(1)
    recording = bench.start(2)
    entry = bench.ledger.entry(recording.recording_id)
    assert entry is not None
    bench.ledger.repaired(entry)
    world.clock.advance_to(datetime(2026, 10, 21, tzinfo=UTC))

    assert bench.sweep().sent == 0

    assert bench.state(recording) is WAITING


def test_a_sweep_sends_no_more_than_the_day_has_room_for_and_says_so(world: World) -> None:
    bench = TranscribingBench(world, hours=2 * SECONDS / 3600)
    for number in range(1, 8):
        bench.start(number)
    world.clock.advance_to(datetime(2026, 10, 21, tzinfo=UTC))

    swept = bench.sweep()
    assert (swept.sent, swept.over_ceiling) == (2, 1)
    bench.take_queue()
    assert bench.sweep(timedelta(minutes=15)).sent == 0
    assert len(bench.jobs.started) == 4


def test_what_was_sent_and_is_lost_is_sent_again_a_day_later(world: World) -> None:
    bench = TranscribingBench(world, hours=SECONDS / 3600)
    bench.start(1)
    bench.start(2)
    world.clock.advance_to(datetime(2026, 10, 21, tzinfo=UTC))
    assert bench.sweep().sent == 1
    bench.queue.delete(bench.queue.receive()[0].receipt_handle)

    assert [bench.sweep(timedelta(hours=12)).sent for _ in range(2)] == [0, 1]


def test_trouble_ends_a_sweep_and_the_next_one_goes_on(bench: TranscribingBench) -> None:
    for number in (1, 2):
        bench.jobs.end(bench.start(number).recording_id, JobStatus.FAILED, "no")

    def refuse(call: Call, proceed: Proceed) -> Any:
        if (call.port, call.method) == ("transcribe", "get"):
            raise Transient(Reason.AWS, "ThrottlingException")
        return proceed()

    stop = bench.world.calls.on_call(refuse)
    assert "Throttling" in bench.sweep(HOUR).trouble
    stop()

    assert bench.sweep().looked == 2


def test_a_sweep_ends_in_time(bench: TranscribingBench) -> None:
    bench.start(1)
    bench.world.clock.advance(HOUR)

    assert bench.transcriber.sweep(bench.world.clock.monotonic()).looked == 0


def test_an_item_that_somebody_changed_stops_no_sweep(bench: TranscribingBench, world: World) -> None:
    bench.start(1)
    due = {"due_list": "transcript#aws#running", "due_at": "2026-01-01"}
    put(world.table, {"id": "transcript#aws#thulium-1", "transcript_state": "RUNNING"} | due)

    assert bench.sweep(HOUR).looked == 1


def test_the_sweep_reads_what_it_lists(bench: TranscribingBench) -> None:
    """The index is some seconds behind: READY is not looked at again."""
    recording: Recording = bench.start(1)
    bench.transcripts.ready(recording.recording_id, Partition.of_recording(recording), "etag")

    assert bench.sweep(HOUR).looked == 0
