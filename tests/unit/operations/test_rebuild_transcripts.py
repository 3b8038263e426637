"""Table ``transcripts``, rebuilt: what can be read is kept, and lost rows come from the engines' documents."""

from datetime import date, timedelta
from functools import partial

from call_lake.lake.spoken import transcript_keys
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.operations.days import Days
from call_lake.operations.rebuild import RebuildAttempt, Rebuilder
from call_lake.operations.verify.transcripts import TranscriptVerifier, read_again
from tests.support.lake_samples import TODAY, compacted, erase_in_ledger, rows_in
from tests.support.reading import ReadingWorld, document

ALL = Days(date.min, date.max)


def rebuild(here: ReadingWorld) -> list[RebuildAttempt]:
    world = here.world
    rebuilder = Rebuilder(here.ledger, world.store, world.catalog, world.clock, 86_400, table=TRANSCRIPTS)
    return rebuilder.rebuild(rebuilder.find(["thulium"], ALL.first, ALL.last), lambda done, of: None)


def read_missing(here: ReadingWorld) -> int:
    ledgers = [TranscriptLedger(here.world.table, here.world.clock, "example")]
    rows = partial(transcript_keys, here.world.store)
    verifier = TranscriptVerifier(here.world.store, ledgers, rows, here.world.clock, young=timedelta())
    days = verifier.days_with_documents("thulium", ALL)
    unread = [info for day in days for _, info in verifier.verify("thulium", Days(day, day), {}, lambda _: None).unread]
    return read_again(here.world.store, ledgers, unread, here.queue)


def test_lost_rows_come_back_and_erased_ones_go() -> None:
    here = ReadingWorld.make()
    places = [here.place(here.recording(number)) for number in range(3)]
    for place, text in zip(places, ("one", "two", "three"), strict=True):
        here.write(place, document(text))
        here.read()
        compacted(here.world)  # a file for each
    first, *_ = sorted(here.world.store.bodies(TRANSCRIPTS.data))
    here.world.store.put(first, b"damaged")
    erase_in_ledger(here.world, places[2].recording_id)

    (attempt,) = rebuild(here)

    assert attempt.error == ""
    kept = {row["text"] for row in rows_in(here.world, TRANSCRIPTS)}
    lost = {"one", "two"} - kept
    assert len(kept - lost) + len(lost) == 2
    assert "three" not in kept
    assert read_missing(here) == len(lost) + 1, "the reader looks at the erased one's document too, and deletes it"
    here.read()
    compacted(here.world)
    assert {row["text"] for row in rows_in(here.world, TRANSCRIPTS)} == {"one", "two"}
    assert here.world.store.head(places[2].key) is None
    assert read_missing(here) == 0
    (again,) = rebuild(here)
    assert again.rebuilt is not None
    assert not again.rebuilt.changed


def test_where_no_file_is_left_every_row_is_made_again() -> None:
    here = ReadingWorld.make()
    here.write(here.place(here.recording()), document("one"))
    here.read()
    compacted(here.world)
    here.world.store.delete(list(here.world.store.bodies("lake/")))

    assert rebuild(here) == []
    assert read_missing(here) == 1
    here.read()
    compacted(here.world)
    assert [(row["text"], row["call_date"]) for row in rows_in(here.world, TRANSCRIPTS)] == [("one", str(TODAY))]
