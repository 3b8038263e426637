"""What the ledger keeps of each engine's transcripts (rule 30)."""

from datetime import date, timedelta

import pytest

from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState, as_read
from call_lake.model.layout import Partition
from tests.support.fakes import World

ID = f"thulium-{1:032x}"
PLACE = Partition("thulium", date(2026, 10, 20))
HOUR = timedelta(hours=1)
STATES = list(TranscriptState)


@pytest.fixture
def ledger(world: World) -> TranscriptLedger:
    return TranscriptLedger(world.table, world.clock, "aws")


def reach(ledger: TranscriptLedger, state: TranscriptState) -> None:
    now = ledger.unknown(ID, PLACE)
    match state:
        case TranscriptState.WAITING:
            ledger.waiting(now, now.changed_at, "full", as_read(ledger.entry(ID)))
        case TranscriptState.RUNNING:
            ledger.running(now, now.changed_at, as_read(ledger.entry(ID)))
        case TranscriptState.READY:
            ledger.ready(ID, PLACE, "etag")
        case TranscriptState.FAILED:
            ledger.failed(ID, PLACE, "no")
        case TranscriptState.SKIPPED:
            ledger.skipped(ID, PLACE, "gsm")
        case TranscriptState.EXPIRED:
            ledger.ready(ID, PLACE, "etag")
            ledger.expired(ID, PLACE)
        case TranscriptState.ERASED:
            ledger.failed(ID, PLACE, "no")
            ledger.erase(ID, PLACE)


@pytest.mark.parametrize("state", STATES)
def test_nothing_follows_an_erasure_and_an_erasure_follows_everything(
    ledger: TranscriptLedger, state: TranscriptState
) -> None:
    reach(ledger, state)
    ledger.erase(ID, PLACE)

    assert not ledger.ready(ID, PLACE, "etag")
    assert not ledger.failed(ID, PLACE, "no")
    assert not ledger.skipped(ID, PLACE, "no")

    entry = ledger.entry(ID)
    assert entry is not None
    assert (entry.state, entry.reason, entry.document, entry.due_at) == (TranscriptState.ERASED, None, None, None)


@pytest.mark.parametrize("state", [one for one in STATES if one is not TranscriptState.ERASED])
def test_a_document_that_was_read_counts_whatever_was_known(ledger: TranscriptLedger, state: TranscriptState) -> None:
    reach(ledger, state)

    assert ledger.ready(ID, PLACE, "etag")

    entry = ledger.entry(ID)
    assert entry is not None
    assert (entry.state, entry.document, entry.reason, entry.due_at) == (TranscriptState.READY, "etag", None, None)


@pytest.mark.parametrize("state", STATES)
def test_the_transcriber_writes_only_over_what_it_read(
    ledger: TranscriptLedger, world: World, state: TranscriptState
) -> None:
    nothing = ledger.entry(ID)
    reach(ledger, state)
    before = ledger.entry(ID)
    world.clock.advance(HOUR)
    assert not ledger.running(ledger.unknown(ID, PLACE), world.clock.now(), as_read(nothing))
    reach(ledger, TranscriptState.READY)

    assert not ledger.running(ledger.unknown(ID, PLACE), world.clock.now(), as_read(before))
    assert not ledger.waiting(ledger.unknown(ID, PLACE), world.clock.now(), "full", as_read(before))
    assert not ledger.failed(ID, PLACE, "no", as_read(before))


def test_each_state_has_a_list_and_what_is_settled_is_in_none(ledger: TranscriptLedger, world: World) -> None:
    waiting, running, failed = TranscriptState.WAITING, TranscriptState.RUNNING, TranscriptState.FAILED
    ids = [f"thulium-{number:032x}" for number in range(1, 6)]
    ledger.waiting(ledger.unknown(ids[0], PLACE), world.clock.now() + HOUR, "full", as_read(None))
    ledger.running(ledger.unknown(ids[1], PLACE), world.clock.now() + 2 * HOUR, as_read(None))
    ledger.failed(ids[2], PLACE, "no")
    ledger.ready(ids[3], PLACE, "etag")
    ledger.skipped(ids[4], PLACE, "gsm")

    assert [ledger.listed(state, 10) for state in (waiting, running, failed)] == [[ids[0]], [ids[1]], [ids[2]]]
    assert [ledger.due(state, 10) for state in (waiting, running)] == [[], []]
    world.clock.advance(HOUR)
    assert [ledger.due(state, 10) for state in (waiting, running)] == [[ids[0]], []]


def test_the_engines_of_a_recording_are_apart(ledger: TranscriptLedger, world: World) -> None:
    other = TranscriptLedger(world.table, world.clock, "whisper")
    ledger.failed(ID, PLACE, "no")
    other.ready(ID, PLACE, "etag")

    assert [one.entries([ID])[ID].state for one in (ledger, other)] == [TranscriptState.FAILED, TranscriptState.READY]
    assert other.listed(TranscriptState.FAILED, 10) == []


def test_where_nothing_is_known_the_recordings_own_tombstone_is_enough(ledger: TranscriptLedger) -> None:
    ledger.erase(ID, PLACE)

    assert ledger.entry(ID) is None
