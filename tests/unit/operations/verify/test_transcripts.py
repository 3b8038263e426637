"""A verification compares an engine's documents with the ledger and with the rows, and has lost ones read again."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from call_lake.lake.lake import Lake
from call_lake.lake.spoken import transcript_keys
from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import TranscriptPlace
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Kind
from call_lake.operations.verify.transcripts import YOUNG, TranscriptReport, TranscriptVerifier, read_again
from tests.support.lake_samples import TODAY, compacted
from tests.support.reading import ReadingWorld, document


@pytest.fixture
def here() -> ReadingWorld:
    return ReadingWorld.make()


def ledgers(here: ReadingWorld) -> list[TranscriptLedger]:
    return [TranscriptLedger(here.world.table, here.world.clock, engine) for engine in ("aws", "example")]


def heard(here: ReadingWorld, number: int = 0) -> TranscriptPlace:
    """A document that is a row of the table."""
    place = here.place(here.recording(number))
    here.write(place, document("yes"))
    here.read()
    compacted(here.world)
    return place


def write_unheard(here: ReadingWorld, place: TranscriptPlace, body: dict[str, Any]) -> None:
    """An engine writes a document, and the message of it is lost."""
    here.world.store.put(place.key, json.dumps(body).encode())


def verify(here: ReadingWorld) -> TranscriptReport:
    world = here.world
    verifier = TranscriptVerifier(world.store, ledgers(here), partial(transcript_keys, world.store), world.clock)
    known = {id: day for id, name, day in here.ledger.days(TODAY, TODAY) if name == "thulium"}
    return verifier.verify("thulium", Days(TODAY, TODAY), known, lambda done: None)


def kinds(here: ReadingWorld) -> list[Kind]:
    return [finding.kind for finding in verify(here).findings]


def repaired(here: ReadingWorld) -> None:
    report = verify(here)
    assert read_again(here.world.store, ledgers(here), [info for _, info in report.unread], here.queue) == 1
    here.read()
    compacted(here.world)
    assert kinds(here) == []


def test_what_is_read_or_waits_or_was_never_asked_for_is_no_finding(here: ReadingWorld) -> None:
    heard(here)
    here.recording(1)
    waiting = here.place(here.recording(2), engine="aws")
    ledger = ledgers(here)[0]
    ledger.skipped(waiting.recording_id, waiting.partition, "amr")
    other = here.place(here.recording(3))
    here.write(other, document("no"))
    here.read()  # its row waits in the inbox

    assert kinds(here) == []


def test_a_document_without_a_row_is_read_again(here: ReadingWorld) -> None:
    place = heard(here)
    Lake(here.world.store, here.world.table, here.world.clock, 86_400).remove(
        TRANSCRIPTS.at(place.partition), {place.recording_id}
    )
    assert kinds(here) == [Kind.ON_ITS_WAY], "not yet: the queue may still try it"
    here.world.clock.advance(YOUNG)

    (finding,) = verify(here).findings

    assert (finding.kind, finding.recording_id, finding.call_date) == (Kind.NO_TRANSCRIPT, place.recording_id, TODAY)
    assert "has no row of it" in finding.what
    assert finding.is_difference
    repaired(here)
    assert here.entry(place).state is TranscriptState.READY  # type: ignore[union-attr]


def test_a_lost_message_is_found(here: ReadingWorld) -> None:
    place = here.place(here.recording())
    write_unheard(here, place, document("yes"))
    here.world.clock.advance(YOUNG)

    assert kinds(here) == [Kind.NO_TRANSCRIPT]
    repaired(here)


def test_a_newer_document_than_the_rows_is_found(here: ReadingWorld) -> None:
    place = heard(here)
    write_unheard(here, place, document("something else"))
    here.world.clock.advance(YOUNG)

    assert "the row is of an older one" in verify(here).findings[0].what
    repaired(here)


def test_what_an_engine_failed_at_is_listed_and_no_difference(here: ReadingWorld) -> None:
    place = here.place(here.recording())
    here.write(place, {"version": 1, "error": "no codec"})
    here.read()
    other = here.place(here.recording(1), engine="aws")
    ledgers(here)[0].failed(other.recording_id, other.partition, "too quiet")

    found = verify(here).findings

    assert sorted((one.kind, one.cause) for one in found) == [
        (Kind.TRANSCRIPT_FAILED, "FAILED no codec"),
        (Kind.TRANSCRIPT_FAILED, "FAILED too quiet"),
    ]
    assert not any(one.is_difference for one in found)
    assert all(one.is_listed for one in found)


def test_a_row_and_a_ready_item_without_a_document_are_found(here: ReadingWorld) -> None:
    place = heard(here)
    here.world.store.delete([place.key])
    other = here.place(here.recording(1))
    ledgers(here)[1].ready(other.recording_id, other.partition, "etag")

    assert kinds(here) == [Kind.NO_DOCUMENT, Kind.NO_DOCUMENT]
    assert verify(here).unread == []


def test_a_document_of_an_erased_recording_is_found(here: ReadingWorld) -> None:
    place = heard(here)
    ledgers(here)[1].erase(place.recording_id, place.partition)

    assert kinds(here) == [Kind.DOCUMENT_ERASED]


def test_other_days_cost_nothing(here: ReadingWorld) -> None:
    heard(here)
    here.world.clock.advance(timedelta(days=1))
    tomorrow = TODAY + timedelta(days=1)
    verifier = TranscriptVerifier(here.world.store, ledgers(here), lambda _: set(), here.world.clock)
    assert verifier.verify("thulium", Days(tomorrow, tomorrow), {}, lambda done: None).findings == []
