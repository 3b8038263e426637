"""One recording is found by its id or by the provider's key, and told where it waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.errors import NotReady, Reason, Terminal
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake_cli.commands.show import _length, facts_of, find_entries, story_of, where_it_waits
from call_lake_cli.stack.heard import sound_facts, sound_story, transcript_story, transcripts_facts
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording, raising
from tests.support.heard import commit_heard, commit_sound, transcript
from tests.support.memory_stack import stack_of
from tests.support.operator_bench import DAY, Bench

SOURCES = ["conpeek", "thulium"]


@pytest.fixture
def bench() -> Bench:
    return Bench(1)


def entry(bench: Bench) -> Entry:
    found = bench.ledger.entry(bench.recordings[0].recording_id)
    assert found is not None
    return found


def waits(bench: Bench) -> str | None:
    return where_it_waits(bench.world.store, entry(bench))


def test_a_recording_is_found_by_its_id_and_by_its_key(bench: Bench) -> None:
    bench.settle()
    recording = bench.recordings[0]

    for name in (recording.recording_id, recording.provider_key):
        assert [found.recording for found in find_entries(bench.ledger, SOURCES, name, lambda: IDS)] == [recording]


def test_a_key_that_two_sources_use_finds_both(bench: Bench) -> None:
    other = make_recording(1, "conpeek", key=bench.recordings[0].provider_key)
    for recording in (bench.recordings[0], other):
        bench.ledger.discovered(recording)

    found = find_entries(bench.ledger, SOURCES, other.provider_key, lambda: IDS)

    assert [one.source for one in found] == SOURCES


@pytest.mark.parametrize("name", ["nothing", "", "source#thulium"])
def test_what_is_no_recording_is_not_found(bench: Bench, name: str) -> None:
    bench.settle()

    assert find_entries(bench.ledger, SOURCES, name, lambda: IDS) == []


def test_where_it_waits_follows_it_to_the_table(bench: Bench) -> None:
    bench.pipeline.poll("thulium")
    assert "in the queue of thulium" in (waits(bench) or "")

    bench.pipeline.copy_all()
    assert waits(bench) == "its row is in the inbox, for the compactor"

    bench.pipeline.compact()
    assert waits(bench) is None


def test_what_is_tried_again_says_when(bench: Bench) -> None:
    bench.thulium.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    bench.pipeline.poll("thulium")
    bench.pipeline.copy_all()

    assert entry(bench).state is State.RETRYING
    assert (entry(bench).due_at or "never") in (waits(bench) or "")


def test_what_failed_waits_for_redrive(bench: Bench) -> None:
    bench.thulium.on_audio = raising(Terminal(Reason.ENCRYPTED, "PGP"))
    bench.settle()

    assert "call-lake redrive" in (waits(bench) or "")


def test_a_row_that_was_set_aside_says_why(bench: Bench) -> None:
    bench.settle()
    id = bench.recordings[0].recording_id
    key = f"{CALLS.at(Partition('thulium', DAY)).inbox}any.json"
    quarantine(bench.world.store, RejectedRow(key, f'{{"recording_id": "{id}"}}', "talk_s is no number"))

    assert waits(bench) == "its row is in the quarantine: talk_s is no number"


def test_what_was_erased_waits_nowhere(bench: Bench) -> None:
    bench.settle()
    bench.world.clock.advance(timedelta(days=1))
    bench.world.table.update(bench.recordings[0].recording_id, {"state": State.ERASED, "record": None, "audio": None})

    assert waits(bench) is None


def test_an_erased_one_says_when_it_was_erased_and_not_that_it_was_first_seen_then(bench: Bench) -> None:
    bench.settle()
    id = bench.recordings[0].recording_id
    bench.world.table.update(id, dict.fromkeys(("record", "audio", "first_published_at")))
    bench.world.table.update(id, {"state": State.ERASED, "erased_at": "2026-10-21T08:00:00.000Z"})

    told = dict(story_of(facts_of(stack_of(bench.world), entry(bench), [], None) | {"transcripts": [], "sound": None}))

    assert (told["first seen"], told["erased"]) == (None, "2026-10-21T08:00:00.000Z")


@pytest.mark.parametrize(
    ("lengths", "told"),
    [
        ({"duration_s": 70.0, "talk_s": 45.0}, "1 min 10 s with 45 s of talk"),
        ({"duration_s": 70.0, "talk_s": 70.4}, "1 min 10 s"),
        ({"duration_s": 70.0, "talk_s": None}, "1 min 10 s"),
        ({"duration_s": None, "talk_s": 45.0}, "45 s of talk"),
        ({}, None),
    ],
)
def test_a_calls_length_and_its_talk_are_told_apart(lengths: dict[str, float | None], told: str | None) -> None:
    assert _length(lengths) == told


def test_each_engine_that_was_asked_is_told_without_a_word_of_the_call(bench: Bench) -> None:
    recording = bench.recordings[0]
    place = Partition.of_recording(recording)
    stack = replace(stack_of(bench.world), engines={"local": "queue"})
    TranscriptLedger(bench.world.table, bench.world.clock, "local").failed(recording.recording_id, place, "no codec")
    heard = replace(transcript(1, "secret words"), recording_id=recording.recording_id)
    commit_heard(bench.world, heard)
    commit_sound(bench.world, 1, recording_id=recording.recording_id, audio_s=9.0, silence_share=0.5)

    facts = transcripts_facts(stack, place, recording.recording_id)

    assert [transcript_story(one) for one in facts] == [
        "aws: not in the ledger, en-GB, 2 words, confidence 50%",
        "local: FAILED, no codec",
    ]
    assert "secret" not in str(facts)
    TranscriptLedger(bench.world.table, bench.world.clock, "aws").failed(recording.recording_id, place, "refused")
    (aws, _) = transcripts_facts(stack, place, recording.recording_id)
    assert transcript_story(aws) == "aws: FAILED, refused, its earlier row stays, en-GB, 2 words, confidence 50%"
    assert sound_story(sound_facts(stack, place, recording.recording_id)) == "Nobody talks for 50% of the time."
    assert sound_facts(stack, place, "thulium-other") is None
