"""Each place that can hold something of a recording is cleared, and nothing of others goes with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.lake_tables import CALLS, SOUND, TRANSCRIPTS
from call_lake.model.layout import Partition, transcript_key
from call_lake.model.messages import message_of
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.service_places import TranscriptionJobs
from call_lake.operations.erase.targets import Target, Targets
from tests.support.erasing import DEAD_LABELS, by_number, erase, eraser_of, own_traces, recording_ids, traces
from tests.support.fakes import Call
from tests.support.fakes.provider import make_recording
from tests.support.fakes.transcriptions import MemoryTranscriptions
from tests.support.lake_samples import ids_in, row_of, rows_in, sound_of, transcript_of
from tests.support.operator_bench import Bench, settled


@pytest.fixture
def bench() -> Bench:
    return settled()


def test_an_inbox_object_keeps_the_rows_of_others_and_each_once(bench: Bench) -> None:
    day = bench.recordings[0].call_date
    mine, others = row_of(1, day=day), [row_of(2, day=day), row_of(3, day=day)]
    id = mine["recording_id"]
    bench.ledger.discovered(replace(make_recording(1), recording_id=id, key_id=id, call_date=day))
    put_rows(bench.world.store, [mine, *others], CALLS)
    put_rows(bench.world.store, [mine], CALLS)

    erase(bench, recording_ids(mine["recording_id"]))
    bench.pipeline.compact()

    expected = [*(one.recording_id for one in bench.recordings), *(row["recording_id"] for row in others)]
    assert ids_in(bench.world) == sorted(expected)
    assert traces(bench.world, mine["raw"]) == {}


def test_the_rows_of_every_table_go_wherever_they_are(bench: Bench) -> None:
    """In files, in the inbox, in the quarantine; and those of others stay."""
    world, (victim, other) = bench.world, bench.recordings[:2]
    assert victim.call_date == other.call_date
    for put_aside in (False, True):  # the second time they wait in the inbox
        for one in (victim, other):
            about: dict[str, Any] = {"day": one.call_date, "recording_id": one.recording_id}
            heard = [transcript_of(1, engine, **about) for engine in ("aws", "whisper")]
            put_rows(world.store, [*heard, transcript_of(1, words=str(put_aside), **about)], TRANSCRIPTS)
            put_rows(world.store, [sound_of(1, **about)], SOUND)
        if not put_aside:
            bench.pipeline.compact()
            assert len(rows_in(world, TRANSCRIPTS)) == 4
            assert len(world.store.bodies(TRANSCRIPTS.quarantine)) == 2

    report = erase(bench, by_number(victim))
    bench.pipeline.compact()

    assert report.is_clean
    assert own_traces(bench, victim) == {}
    assert [row["engine"] for row in rows_in(world, TRANSCRIPTS)] == ["aws", "whisper"]
    assert [row["recording_id"] for row in rows_in(world, SOUND)] == [other.recording_id]


def test_a_row_that_was_set_aside_goes_and_that_of_another_stays(bench: Bench) -> None:
    day = bench.recordings[0].call_date
    victim, other = bench.recordings[:2]
    inbox = CALLS.at(Partition("thulium", day)).inbox
    for one in (victim, other):
        text = f'{{"recording_id": "{one.recording_id}", "caller": "{one.caller}", cut'
        quarantine(bench.world.store, RejectedRow(f"{inbox}{one.recording_id}.json", text, "no JSON"))

    erase(bench, by_number(victim))

    assert own_traces(bench, victim) == {}
    assert len(bench.world.store.bodies("lake/calls/quarantine/")) == 1


def test_dead_letters_of_the_erased_go_and_the_others_can_be_received_at_once(bench: Bench) -> None:
    victim, other = bench.recordings[:2]
    labels = [DEAD_LABELS | {"recording_id": one.recording_id} for one in (victim, other)]
    bench.world.dlq.send([message_of(victim)], attributes=labels[0])
    bench.world.dlq.send([message_of(victim)])  # the queue gave it up by itself
    bench.world.dlq.send([message_of(other)], attributes=labels[1])

    erase(bench, by_number(victim))

    assert [one.body for one in bench.world.dlq.receive()] == [message_of(other)]


def test_where_nothing_was_ever_transcribed_the_proof_says_that_no_job_was_searched(bench: Bench) -> None:
    one = bench.recordings[0]
    targets = Targets((Target(one.recording_id, Partition("thulium", one.call_date)),))
    jobs = TranscriptionJobs(None)
    jobs.clear(targets)
    assert jobs.search(targets) == SearchResult(0, 0)


def test_transcript_and_job_go(bench: Bench) -> None:
    victim, other = bench.recordings[:2]
    jobs = MemoryTranscriptions(bench.world.calls, {victim.recording_id, other.recording_id})
    for one in (victim, other):
        bench.world.store.put(f"transcripts/aws/thulium/{one.call_date}/{one.recording_id}.json", b"{}")

    erase(bench, by_number(victim), jobs)

    assert jobs.names == {other.recording_id}
    assert [other.recording_id in key for key in bench.world.store.bodies("transcripts/")] == [True]


@pytest.mark.parametrize("versioned", [True, False])
def test_the_documents_and_the_states_of_every_engine_go_and_those_of_others_stay(versioned: bool) -> None:
    bench = Bench(2)
    bench.world.store.versioned = versioned
    bench.settle()
    victim, other = bench.recordings
    for engine in ("aws", "one", "two"):
        ledger = TranscriptLedger(bench.world.table, bench.world.clock, engine)
        for recording in (victim, other):
            partition = Partition.of_recording(recording)
            key = transcript_key(partition, engine, recording.recording_id)
            bench.world.store.put(key, b"older")
            bench.world.store.put(key, b"newer")
            ledger.ready(recording.recording_id, partition, "etag-of-its-words")
        bench.world.store.put(key, b"a third version")
    masked = f"transcripts/aws/thulium/{victim.call_date}/redacted-{victim.recording_id}.json"
    bench.world.store.put(masked, b"masked")
    bench.world.store.put(f"transcripts/A copy/thulium/{victim.call_date}/{victim.recording_id}.json", b"by somebody")
    bench.world.store.delete([transcript_key(Partition.of_recording(victim), "two", victim.recording_id)])

    report = erase(bench, by_number(victim))

    assert report.is_clean
    kept = {key for key, _ in bench.world.store.every_version() if key.startswith("transcripts/")}
    assert len(kept) == 3
    assert all(other.recording_id in key for key in kept)
    states = {id: item["transcript_state"] for id, item in bench.world.table.items("transcript#").items()}
    gone = {id for id, state in states.items() if state == "ERASED"}
    assert gone == {id for id in states if victim.recording_id in id}
    assert len(gone) == 3
    assert not any("etag" in str(bench.world.table.items()[id]) for id in gone)


def test_a_state_of_a_transcript_that_is_no_tombstone_is_a_hit(bench: Bench) -> None:
    victim = bench.recordings[0]
    ledger = TranscriptLedger(bench.world.table, bench.world.clock, "aws")
    ledger.ready(victim.recording_id, Partition.of_recording(victim), "etag")

    report = eraser_of(bench.world).dry_run(by_number(victim))

    assert report.places["transcript_states"] == SearchResult(1, 1)


def test_all_query_results_go_for_no_name_says_what_they_hold(bench: Bench) -> None:
    bench.world.store.put("athena-results/1.csv", b'"caller"\n"someone"\n')
    bench.world.store.put("athena-results/1.csv.metadata", b"")

    erase(bench, by_number(bench.recordings[0]))

    assert bench.world.store.bodies("athena-results/") == {}


def test_a_result_of_a_query_that_still_saw_the_rows_goes_even_without_waiting(bench: Bench) -> None:
    def queried(call: Call, proceed: Callable[[], Any]) -> Any:
        """Somebody asks Athena right before the rows go."""
        if call.method == "put":
            stop()
            bench.world.store.put("athena-results/1.csv", b"rows")
        return proceed()

    stop = bench.world.calls.on_call(queried)
    eraser_of(bench.world).erase(by_number(bench.recordings[0]), None)

    assert bench.world.store.bodies("athena-results/") == {}


def test_where_the_bucket_keeps_versions_none_of_them_is_left() -> None:
    bench = Bench(3)
    bench.world.store.versioned = True
    victim = bench.recordings[1]
    bench.settle()
    bench.world.store.put("athena-results/1.csv", (victim.caller or "").encode())
    for number in range(4):  # more of them than there are looks
        bench.world.store.put(bench.audio_key(victim), b"%d" % number)
    bench.world.store.delete(["athena-results/1.csv", bench.audio_key(victim)])
    bench.world.clock.advance(timedelta(days=3))
    bench.settle()  # the day is closed, what was replaced is collected
    assert any(key.startswith("inbox/") for key, _ in bench.world.store.every_version())

    report = erase(bench, by_number(victim))

    assert report.hits == 0
    assert own_traces(bench, victim) == {}
    assert len(rows_in(bench.world)) == 2
