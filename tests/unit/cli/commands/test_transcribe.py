"""``call-lake transcribe``: what it asks an engine for, what it says before, and what it leaves alone."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from call_lake.errors import Transient
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.layout import Partition
from call_lake.model.transcribing import ASKED_AGAIN, Wanted
from call_lake.operations.send_stored import send_stored
from call_lake.ports import PartialFailure
from call_lake.settings import TranscriberSettings
from call_lake_cli.commands import transcribe
from call_lake_cli.console import questions
from call_lake_cli.console.errors import ExitCode
from call_lake_cli.stack.prices import transcription_usd
from tests.support.fakes.queue import MemoryQueue
from tests.support.memory_stack import stack_of, typed, use
from tests.support.operator_bench import DAY, Bench, settled

DAYS = ["--from", "2026-10-01", "--to", "2026-10-31"]
HERE = Partition("thulium", DAY)
SETTINGS = TranscriberSettings("ledger", "bucket", "url", "dlq", "documents", "pl-PL", "prefix", hours_per_day=2)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = settled()
    stack = replace(stack_of(bench.world), engines={"aws": "aws", "local": "local"}, functions={"transcriber": "t"})
    use(stack, monkeypatch)
    monkeypatch.setattr(transcribe, "CLOCK", bench.world.clock)
    monkeypatch.setattr(transcribe, "transcriber_settings", lambda _: SETTINGS)
    return bench


@pytest.fixture
def queue(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> MemoryQueue:
    queue = MemoryQueue("engine", bench.world.clock, bench.world.calls)
    monkeypatch.setattr(transcribe, "engine_queue", lambda *_: queue)
    return queue


@pytest.fixture
def ledger(bench: Bench) -> TranscriptLedger:
    return TranscriptLedger(bench.world.table, bench.world.clock, "aws")


def sent(queue: MemoryQueue) -> list[Any]:
    return [json.loads(message.body) for message in queue.receive(10)]


def ids(messages: list[Any]) -> set[str]:
    return {Wanted.of_message(message).recording_id for message in messages}


def test_what_was_never_asked_for_is_sent_as_the_event_of_a_new_one(bench: Bench, queue: MemoryQueue) -> None:
    done = typed("transcribe", *DAYS, "--yes", "--json")

    assert done.exit_code == 0, done.output
    messages = sent(queue)
    assert ids(messages) == {one.recording_id for one in bench.recordings}
    assert all(ASKED_AGAIN not in message for message in messages)
    new = {event.detail["recording_id"]: event.detail for event in bench.world.bus.events}
    assert all(message["detail"] == new[message["detail"]["recording_id"]] for message in messages)
    assert json.loads(done.stdout)["sent"] == 3


def test_what_has_a_transcript_or_waits_for_one_is_left_alone(
    bench: Bench, queue: MemoryQueue, ledger: TranscriptLedger
) -> None:
    first, second, third = (one.recording_id for one in bench.recordings)
    ledger.ready(first, HERE, "etag")
    ledger.failed(second, HERE, "no speech")

    done = typed("transcribe", *DAYS, "--yes")

    assert ids(sent(queue)) == {third}
    assert "not asked for: 1 have a transcript, 1 failed (--failed asks again)" in done.stderr
    ledger.skipped(third, HERE, "amr")
    assert typed("transcribe", *DAYS, "--yes").exit_code == ExitCode.NOTHING_MATCHED
    assert sent(queue) == []


def test_the_other_days_and_sources_are_left_alone(bench: Bench, queue: MemoryQueue) -> None:
    for words in (["--from", "2026-10-01", "--to", "2026-10-02"], [*DAYS, "--source", "conpeek"]):
        assert typed("transcribe", *words, "--yes").exit_code == ExitCode.NOTHING_MATCHED
    assert sent(queue) == []


def test_what_failed_is_listed_and_asked_for_again(bench: Bench, queue: MemoryQueue, ledger: TranscriptLedger) -> None:
    first, second, _ = (one.recording_id for one in bench.recordings)
    ledger.failed(first, HERE, "the audio is not valid")
    ledger.failed(second, Partition("thulium", DAY - timedelta(days=1)), "unknown")

    done = typed("transcribe", "--failed", "--from", str(DAY), "--yes")

    assert f"{first}: the audio is not valid\n" in done.stderr
    (message,) = sent(queue)
    assert Wanted.of_message(message).recording_id == first
    assert Wanted.of_message(message).asked_again_at == bench.world.clock.now()


@pytest.mark.parametrize("engine", ["aws", "local"])
def test_the_length_of_what_failed_is_that_of_its_audio(bench: Bench, queue: MemoryQueue, engine: str) -> None:
    """A document that was refused left no length in the item of the transcript."""
    for one in bench.recordings[:2]:
        TranscriptLedger(bench.world.table, bench.world.clock, engine).failed(one.recording_id, HERE, "refused")
    _measured(bench, bench.recordings[0].recording_id, 7200.0)
    _measured(bench, bench.recordings[1].recording_id, None)

    done = typed("transcribe", "--failed", "--engine", engine, "--yes")

    assert "2 recordings, 4.0 hours of audio; 1 of unknown length count as the mean of the others" in done.stderr


def test_where_no_length_is_known_no_price_is_told(bench: Bench, queue: MemoryQueue, ledger: TranscriptLedger) -> None:
    for one in bench.recordings:
        ledger.failed(one.recording_id, HERE, "refused")
        _measured(bench, one.recording_id, None)

    done = typed("transcribe", "--failed", "--yes", "--json")

    assert "3 recordings, all of unknown length, so time and cost are unknown" in done.stderr
    assert "0.00 USD" not in done.stderr
    assert json.loads(done.stdout)["estimate"]["usd"] is None


def _measured(bench: Bench, recording_id: str, seconds: float | None) -> None:
    audio = bench.world.table.get(recording_id)["audio"]  # type: ignore[index]
    bench.world.table.update(recording_id, {"audio": audio | {"facts": audio["facts"] | {"seconds": seconds}}})


def test_an_erased_recording_is_never_sent(bench: Bench, queue: MemoryQueue) -> None:
    ids = [one.recording_id for one in bench.recordings]
    bench.world.table.update(ids[0], {"state": "ERASED"})
    assert send_stored(bench.world.table, queue, ids) == 2


def test_a_queue_that_refuses_is_told_with_what_was_sent(bench: Bench, queue: MemoryQueue) -> None:
    class Refusing(MemoryQueue):
        def send(self, bodies: Any, **more: Any) -> None:
            raise PartialFailure("SendMessageBatch", [0])

    with pytest.raises(Transient, match="0 were sent before"):
        send_stored(
            bench.world.table,
            Refusing("q", bench.world.clock, bench.world.calls),
            [bench.recordings[0].recording_id],
            None,
        )


def test_it_says_hours_money_and_days_and_asks(
    bench: Bench, queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "at_terminal", lambda: True)
    monkeypatch.setattr(
        transcribe, "_missing", lambda *_: {bench.recordings[0].recording_id: 3600.0 * 5, "thulium-unknown": None}
    )

    done = typed("transcribe", *DAYS, stdin="n\n")

    assert done.exit_code == ExitCode.FAILED
    for text in (
        "2 recordings, 10.0 hours of audio; 1 of unknown length count as the mean of the others",
        "cost: about 14.40 USD at Amazon Transcribe",
        "time: 5 days at least, as MaxTranscribedHoursPerDay is 2; 0.0 hours of today are used",
        "Transcribe 2 recordings? [y/N]",
        "nothing was asked for",
    ):
        assert text in done.stderr
    assert sent(queue) == []


def test_an_engine_of_yours_has_no_price(bench: Bench, queue: MemoryQueue) -> None:
    done = typed("transcribe", *DAYS, "--engine", "local", "--yes")
    assert "cost: what your engine local takes; Call Lake does not know it" in done.stderr
    assert len(sent(queue)) == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], ExitCode.USAGE, "give --from and --to, or --failed"),
        (["--from", "2026-10-01"], ExitCode.USAGE, "give --from and --to, or --failed"),
        ([*DAYS, "--engine", "other"], ExitCode.USAGE, "there is no engine 'other'; there are: aws, local"),
        (DAYS, ExitCode.USAGE, "no terminal to ask at, so nothing was asked for"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    bench: Bench, queue: MemoryQueue, words: list[str], code: ExitCode, message: str
) -> None:
    done = typed("transcribe", *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr
    assert sent(queue) == []


def test_a_stack_that_does_not_transcribe_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    use(stack_of(bench.world), monkeypatch)
    done = typed("transcribe", *DAYS, "--yes")
    assert done.exit_code == ExitCode.FAILED
    assert "does not transcribe, so nothing was asked for: switch Amazon Transcribe on" in done.stderr


@pytest.mark.parametrize(
    ("lengths", "usd"),
    [
        ([], 0.0),
        ([60.0], 0.024),
        ([0.5, 15.0, 15.1], (15 + 15 + 16) / 60 * 0.024),
        ([250_000 * 60.0], 6000.0),
        ([1_000_000 * 60.0], 6000.0 + 11_250.0),
        ([6_000_000 * 60.0], 6000.0 + 11_250.0 + 40_800.0 + 7800.0),
    ],
)
def test_a_price_has_a_least_length_and_tiers(lengths: list[float], usd: float) -> None:
    assert transcription_usd(lengths) == pytest.approx(usd)
