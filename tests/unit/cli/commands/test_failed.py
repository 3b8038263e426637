"""What failed permanently, listed from the sparse index; the dead-letter queue from its reader's side."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from call_lake.aws.messages import SqsDeadLetters, SqsQueue
from call_lake.errors import NotReady, Reason, Terminal
from call_lake.model.recording import Recording
from call_lake.model.times import iso
from call_lake_cli.commands.failed import NO_ATTEMPT, failures, line_of, waiting_line_of
from tests.support.fakes import Call
from tests.support.fakes.calls import Proceed
from tests.support.fakes.provider import make_recording
from tests.support.operator_bench import Bench


@pytest.fixture
def bench() -> Bench:
    """Of three recordings one is stored, one forbidden, one not ready yet."""
    bench = Bench(3)

    def on_audio(recording: Recording) -> None:
        if recording == bench.recordings[1]:
            raise Terminal(Reason.FORBIDDEN, "the download answered 403")
        if recording == bench.recordings[2]:
            raise NotReady(Reason.NOT_FOUND, "404")

    bench.thulium.on_audio = on_audio
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()
    return bench


def test_only_what_failed_for_good_is_listed_with_its_reason(bench: Bench) -> None:
    found = failures(bench.ledger, ["thulium", "conpeek"], None)

    assert [line_of(entry) for entry in found] == [
        {
            "recording_id": bench.recordings[1].recording_id,
            "source": "thulium",
            "call_date": "2026-10-20",
            "reason": "forbidden",
            "detail": "the download answered 403",
            "since": iso(bench.world.clock.now()),
            "attempts": 1,
        }
    ]


def test_the_ledger_is_not_scanned_for_it(bench: Bench) -> None:
    before = len(bench.world.calls.log)

    failures(bench.ledger, ["thulium"], None)

    assert [call.method for call in bench.world.calls.log[before:]] == ["query_due", "get_many"]


def test_what_waits_is_not_read_for_it(bench: Bench) -> None:
    read: list[str] = []

    def see(call: Call, proceed: Proceed) -> Any:
        found = proceed()
        if call.method == "query_due":
            read.extend(one["id"] for one in found)
        return found

    bench.thulium.add(make_recording(9))
    bench.pipeline.poll("thulium")
    bench.world.calls.on_call(see)

    assert [entry.recording_id for entry in bench.ledger.failures("thulium")] == read != []


def test_an_index_that_lags_lists_nothing_that_was_sent_again(bench: Bench) -> None:
    bench.world.table.index_delay_s = 60
    bench.ledger.redriven(bench.recordings[1].recording_id)

    assert failures(bench.ledger, ["thulium"], None) == []


def test_what_waits_is_listed_with_its_reason_and_its_next_attempt(bench: Bench) -> None:
    bench.thulium.add(fresh := make_recording(9))
    bench.pipeline.poll("thulium")

    lines = {line["recording_id"]: line for line in map(waiting_line_of, bench.ledger.waiting("thulium", 10))}

    tried, untried = lines[bench.recordings[2].recording_id], lines[fresh.recording_id]
    assert len(lines) == 2, "neither what is stored nor what failed"
    assert (tried["reason"], tried["detail"], tried["attempts"]) == ("not_found", "404", 1)
    assert tried["next_attempt"] == bench.item(bench.recordings[2])["due_at"]
    assert (untried["reason"], untried["attempts"], untried["last_attempt"]) == (NO_ATTEMPT, 0, None)


def test_an_index_that_lags_lists_nothing_as_waiting_that_was_stored(bench: Bench) -> None:
    bench.world.table.index_delay_s = 60
    bench.thulium.on_audio = lambda recording: None
    bench.world.clock.advance(timedelta(days=1))
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()

    assert bench.ledger.waiting("thulium", 10) == []


def test_a_list_of_what_waits_ends_at_its_most(bench: Bench) -> None:
    bench.thulium.add(make_recording(9))
    bench.pipeline.poll("thulium")

    assert len(bench.ledger.waiting("thulium", 1)) == 1


def test_it_is_listed_by_source_and_reason_the_newest_first() -> None:
    bench = Bench(4)
    reasons = [Reason.FORBIDDEN, Reason.ENCRYPTED, Reason.FORBIDDEN, Reason.FORBIDDEN]
    for recording, reason in zip(bench.recordings, reasons, strict=True):
        bench.ledger.failed(bench.ledger.claim(recording), Terminal(reason, ""))
        bench.world.clock.advance(timedelta(minutes=1))

    def order(reason: str | None) -> list[int]:
        ids = [recording.recording_id for recording in bench.recordings]
        return [ids.index(entry.recording_id) for entry in failures(bench.ledger, ["thulium"], reason)]

    assert order(None) == [1, 3, 2, 0]
    assert order("forbidden") == [3, 2, 0]


@pytest.fixture
def dead_letters() -> Iterator[SqsDeadLetters]:
    with mock_aws():
        client = boto3.client("sqs", region_name="eu-central-1")
        url = client.create_queue(QueueName="dead")["QueueUrl"]
        SqsQueue(client, url).send(["one"], attributes={"reason": "forbidden"})
        client.send_message(QueueUrl=url, MessageBody="two")
        yield SqsDeadLetters(client, url)


def test_a_dead_letter_is_read_with_its_labels_and_hidden_meanwhile(dead_letters: SqsDeadLetters) -> None:
    letters = sorted(dead_letters.receive(), key=lambda letter: letter.body)

    assert [(letter.body, letter.attributes) for letter in letters] == [("one", {"reason": "forbidden"}), ("two", {})]
    assert dead_letters.receive() == []
    assert len(dead_letters) == 2


def test_a_released_dead_letter_is_visible_at_once_and_a_deleted_one_is_gone(dead_letters: SqsDeadLetters) -> None:
    one, two = sorted(dead_letters.receive(), key=lambda letter: letter.body)

    dead_letters.release(one.receipt_handle)
    dead_letters.delete(two.receipt_handle)

    assert [letter.body for letter in dead_letters.receive()] == ["one"]
    assert len(dead_letters) == 1
