"""Documents and rows of transcripts go together: with the audio, or after TranscriptRetentionDays (rule 33)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.lake_tables import TRANSCRIPTS, inbox_key
from call_lake.model.layout import DOCUMENTS, Partition, transcript_key
from call_lake.model.retention import TranscriptsKept
from call_lake.model.transcripts import Segment, Transcript, transcript_row
from tests.support.fakes import Died, Fault, FaultAt
from tests.support.fakes.world import World
from tests.support.lake_samples import IN_TIME_S, SETTINGS, TODAY, rows_in

DAYS = 30
OLD_DAY = Partition("thulium", TODAY - timedelta(days=DAYS + 2))
YOUNG_DAY = Partition("thulium", TODAY - timedelta(days=DAYS + 1))
ENGINES = ("aws", "local")


def run_of(world: World, *, days: int = 0, audio_days: int = 0) -> Callable[[], CompactionResult]:
    """One compactor, which stays warm."""
    settings = replace(SETTINGS, transcript_retention_days=days, audio_retention_days=audio_days)
    made = Compactor(world.store, world.table, world.catalog, world.clock, settings, threads=1)
    return lambda: made.run(IN_TIME_S)


def ledger_of(world: World, engine: str) -> TranscriptLedger:
    return TranscriptLedger(world.table, world.clock, engine)


def transcribed(world: World, number: int, day: Partition, engine: str = "aws") -> str:
    """A recording with a document, a row and a ledger item."""
    id = f"{day.source}-{number:032x}"
    at = datetime(2026, 10, 19, tzinfo=UTC)
    heard = Transcript(id, engine, "pl-PL", [Segment(0.0, 1.0, "secret words")], 2, 0.9, 1, at)
    world.store.put(transcript_key(day, engine, id), b'{"secret": "words"}')
    put_rows(world.store, [transcript_row(heard, day)], TRANSCRIPTS)
    ledger_of(world, engine).ready(id, day, '"etag"')
    return id


def kept(world: World) -> set[tuple[str, str]]:
    """Recordings and engines that have a row; asserts that exactly these have a document."""
    rows = {(row["recording_id"], row["engine"]) for row in rows_in(world, TRANSCRIPTS)}
    keys = [key.split("/") for key in world.store.bodies(DOCUMENTS)]
    assert {(name.removesuffix(".json"), engine) for _, engine, _, _, name in keys} == rows
    return rows


def state(world: World, id: str, engine: str = "aws") -> TranscriptState | None:
    entry = ledger_of(world, engine).entry(id)
    return entry.state if entry else None


def test_an_old_days_documents_and_rows_of_all_engines_go_and_those_of_a_young_day_stay(world: World) -> None:
    old, young = [transcribed(world, 1, OLD_DAY, engine) for engine in ENGINES], transcribed(world, 2, YOUNG_DAY)

    result = run_of(world, days=DAYS)()

    assert (result.transcripts_removed, result.failed) == (1, [])
    assert kept(world) == {(young, "aws")}
    assert [state(world, old[0], engine) for engine in ENGINES] == [TranscriptState.EXPIRED] * 2
    assert state(world, young) == TranscriptState.READY
    assert world.catalog.seen("transcripts") == {YOUNG_DAY}


def test_without_a_number_of_days_they_go_once_the_last_audio_of_the_day_is_gone(world: World) -> None:
    old = transcribed(world, 1, OLD_DAY)
    audio = f"{OLD_DAY.audio}thulium-{2:032x}.wav"
    world.store.put(audio, b"RIFF")
    run = run_of(world, audio_days=DAYS)

    assert (run().transcripts_removed, kept(world)) == (0, {(old, "aws")})

    world.store.delete([audio])
    world.clock.advance(timedelta(days=1))
    assert (run().transcripts_removed, kept(world)) == (1, set())


def test_a_number_of_days_is_counted_from_the_call_and_wait_for_no_audio(world: World) -> None:
    transcribed(world, 1, OLD_DAY)
    world.store.put(f"{OLD_DAY.audio}thulium-{1:032x}.wav", b"RIFF")

    assert run_of(world, days=DAYS, audio_days=365)().transcripts_removed == 1
    assert kept(world) == set()


@pytest.mark.parametrize(
    ("kept", "age", "may", "must"),
    [
        (TranscriptsKept(0, 0), 9999, False, False),
        (TranscriptsKept(0, 30), 31, False, False),
        (TranscriptsKept(0, 30), 32, True, False),
        (TranscriptsKept(30, 0), 32, True, True),
        (TranscriptsKept(10, 30), 12, True, True),
        (TranscriptsKept(90, 30), 32, True, False),  # words do not outlive the voice, whatever was deployed
    ],
)
def test_which_days_may_go_and_which_have_to(kept: TranscriptsKept, age: int, may: bool, must: bool) -> None:
    now = datetime(2026, 10, 20, 12, tzinfo=UTC)
    day = date(2026, 10, 20) - timedelta(days=age)

    assert (kept.may_go(day, now), kept.must_go(day, now)) == (may, must)


def test_nothing_is_removed_or_asked_for_while_audio_is_kept_forever(world: World) -> None:
    transcribed(world, 1, OLD_DAY)

    assert run_of(world)().transcripts_removed == 0
    assert len(kept(world)) == 1
    assert not [call for call in world.calls.log if call.method in ("folders", "unregister")]


def test_what_arrives_late_or_was_set_aside_goes_with_the_next_run(world: World) -> None:
    run = run_of(world, days=DAYS)
    run()
    world.store.put(transcript_key(OLD_DAY, "local", f"thulium-{7:032x}"), b"{}")
    world.store.put(f"{OLD_DAY.transcripts_of('aws')}redacted-thulium-{8:032x}.json", b"secret")
    older = Partition("thulium", OLD_DAY.call_date - timedelta(days=1))
    quarantine(world.store, RejectedRow(inbox_key(TRANSCRIPTS, older, "a"), "secret words", "no row", 0))
    assert run().transcripts_removed == 0, "a warm compactor looks once a day"

    world.clock.advance(timedelta(days=1))

    assert run().transcripts_removed == 2
    assert not [key for key, body in world.store.bodies().items() if b"secret" in body or key.startswith(DOCUMENTS)]


def test_a_tombstone_stays_and_a_failure_is_still_a_failure(world: World) -> None:
    erased, failed = transcribed(world, 1, OLD_DAY), transcribed(world, 2, OLD_DAY)
    ledger_of(world, "aws").erase(erased, OLD_DAY)
    ledger_of(world, "aws").failed(failed, OLD_DAY, "no speech")

    run_of(world, days=DAYS)()

    assert (state(world, erased), state(world, failed)) == (TranscriptState.ERASED, TranscriptState.FAILED)


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.REFUSED, Fault.ANSWER_LOST], ids=str)
def test_a_run_that_breaks_at_any_call_is_finished_by_the_next(fault: Fault) -> None:
    number, struck = 0, True
    while struck:
        number += 1
        world = World.make()
        old = [transcribed(world, 1, OLD_DAY, engine) for engine in ENGINES]
        run_of(world)()  # commits the rows
        broken = FaultAt(number, fault)
        stop = world.calls.on_call(broken)
        run = run_of(world, days=DAYS)
        with suppress(Died, Exception):
            run()
        stop()
        run_of(world, days=DAYS)()

        struck = broken.struck is not None
        assert kept(world) == set(), broken
        assert [state(world, old[0], engine) for engine in ENGINES] == [TranscriptState.EXPIRED] * 2, broken
        assert world.catalog.seen("transcripts") == set(), broken
    assert number > 20
