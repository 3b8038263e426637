"""The optional transcriber as Lambda runs it."""

import json

import pytest

from call_lake.ledger.transcripts import TranscriptState
from call_lake.model.transcribing import JobStatus, Start, StartResult
from tests.support.functions_in_memory import Functions, value_of
from tests.support.template import ROOT
from tests.support.transcribing import TranscribingBench

SAMPLE = json.loads((ROOT / "events/transcriber-recording-stored.json").read_text())
OF_IT = {"Function": "transcriber"}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Functions:
    return Functions(monkeypatch)


@pytest.fixture
def bench(functions: Functions) -> TranscribingBench:
    return functions.transcribing


def test_the_sample_starts_a_job(functions: Functions, bench: TranscribingBench) -> None:
    assert functions.handle("transcriber", SAMPLE) == {"batchItemFailures": []}

    (job,) = bench.jobs.started
    stored = json.loads(SAMPLE["Records"][0]["body"])["detail"]
    assert (job.recording_id, job.key, job.format) == (stored["recording_id"], stored["key"], stored["format"])
    assert (job.bytes, job.channels, job.seconds) == (stored["bytes"], stored["channels"], stored["seconds"])


def test_what_has_no_room_is_reported_by_its_message(functions: Functions, bench: TranscribingBench) -> None:
    bench.jobs.refusal = Start(StartResult.NO_ROOM, "LimitExceededException")

    failed = functions.handle("transcriber", SAMPLE)["batchItemFailures"]

    assert failed == [{"itemIdentifier": SAMPLE["Records"][0]["messageId"]}]


def test_a_sweep_returns_what_it_did(functions: Functions, bench: TranscribingBench) -> None:
    assert functions.handle("transcriber", {"sweep": True}) == {
        **dict.fromkeys(("started", "failed", "over_ceiling", "looked", "sent"), 0),
        "trouble": "",
    }


def test_a_failure_is_measured(functions: Functions, bench: TranscribingBench) -> None:
    recording = bench.start(1)
    bench.jobs.end(recording.recording_id, JobStatus.FAILED, "no")

    emitted = functions.transcribe(bench.ended(recording))

    assert value_of(emitted, "TranscriptionsFailed", **OF_IT) == 1
    assert functions.transcribe(bench.ended(recording)) == []


def test_the_ceiling_is_measured_when_it_is_reached_and_by_each_sweep(
    functions: Functions, bench: TranscribingBench
) -> None:
    assert value_of(functions.sweep_transcriptions(), "TranscriptionCeilingReached", **OF_IT) == 0
    long = bench.stored(1, seconds=4 * 3600.0)
    assert functions.transcribe(bench.wanted(long)) == []
    more = bench.stored(2, seconds=4 * 3600.0)

    assert value_of(functions.transcribe(bench.wanted(more)), "TranscriptionCeilingReached", **OF_IT) == 1

    assert value_of(functions.sweep_transcriptions(), "TranscriptionCeilingReached", **OF_IT) == 1
    assert bench.state(more) is TranscriptState.WAITING
