"""Calls found by what was said in them: which ones, in which order, and how much is read and kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from call_lake.lake.calls import CallFilter, CallReader
from call_lake.lake.errors import LakeDamaged
from call_lake.lake.spoken import HITS_MAX, Said, SpokenReader, rows_of_recording, transcript_keys, transcripts_of
from call_lake.model.lake_tables import CALLS, TRANSCRIPTS
from call_lake.model.layout import Partition
from call_lake.model.phrases import Phrase
from call_lake.model.table import Row
from tests.support.fakes import World
from tests.support.heard import commit_heard, sides, transcript
from tests.support.lake_samples import TODAY, files_of, lake_of, row_of, table_from

YESTERDAY = TODAY - timedelta(days=1)
ALL = CallFilter(TODAY - timedelta(days=30), TODAY)
CANCEL = Phrase(("cancel", "my", "contract"))


@pytest.fixture
def world() -> World:
    return World.make()


def commit_call(world: World, number: int, **changes: Any) -> None:
    row = row_of(number, **changes)
    place = CALLS.at(Partition(row["source"], changes.get("day", TODAY)))
    lake_of(world).commit(place, table_from([row], place))


def search(world: World, wanted: CallFilter = ALL, phrase: Phrase = CANCEL) -> Iterator[tuple[Row, Said]]:
    return SpokenReader(world.store, CallReader(world.store, {}, ("agent",))).calls(wanted, phrase)


def numbers(world: World, wanted: CallFilter = ALL, phrase: Phrase = CANCEL) -> list[int]:
    return [int(row["recording_id"][-32:], 16) for row, _ in search(world, wanted, phrase)]


def test_calls_in_which_the_words_were_said_come_newest_first(world: World) -> None:
    for number, day in ((1, YESTERDAY), (2, TODAY), (3, TODAY), (4, TODAY)):
        commit_call(world, number, day=day)
    commit_heard(world, transcript(1, "please cancel my contract"), day=YESTERDAY)
    commit_heard(
        world, transcript(2, "Cancel my", "CONTRACT, now"), transcript(3, "my contract, cancel"), transcript(4, "no")
    )

    assert numbers(world) == [2, 1]
    assert numbers(world, phrase=Phrase(("contract",))) == [3, 2, 1]
    assert numbers(world, phrase=Phrase(("nothing",))) == []


def test_the_other_filters_hold_too(world: World) -> None:
    for number in (1, 2, 3):
        commit_call(world, number, agent=f"Agent {number}")
        commit_heard(world, transcript(number, "cancel my contract"))

    assert numbers(world, replace(ALL, agents=frozenset({"agent 2"}))) == [2]
    commit_call(world, 4)
    assert numbers(world, replace(ALL, ids=frozenset(f"thulium-{number:032x}" for number in (3, 4, 5)))) == [3]
    assert numbers(world, replace(ALL, ids=frozenset({"thulium-other"}))) == [], "not all calls"
    assert numbers(world, replace(ALL, sources=frozenset({"conpeek"}))) == []
    assert numbers(world, replace(ALL, last=YESTERDAY)) == []


def test_a_call_says_where_the_words_were_said_and_who_heard_them(world: World) -> None:
    commit_call(world, 1, agent="Anna Invented")
    said = sides(
        (0.0, 2.0, 0, "Good morning"), (2.5, 4.0, 1, "please cancel"), (3.0, 3.5, 0, "aha"), (4.0, 6.0, 1, "it")
    )
    commit_heard(world, transcript(1, *said, engine="local"), transcript(1, *said), transcript(1, "no", engine="a"))

    ((row, found),) = search(world, phrase=Phrase(("cancel", "it")))

    assert row["agent"] == "Anna Invented"
    assert (found.engine, found.total) == ("aws", 1)
    (hit,) = found.hits
    assert (hit.at_s, hit.channel, hit.before, hit.words) == (2.5, 1, "please ", "cancel … it")


def test_of_a_word_that_is_said_all_the_time_some_places_are_kept_and_all_are_counted(world: World) -> None:
    commit_call(world, 1)
    commit_heard(world, transcript(1, *["yes"] * (HITS_MAX + 5)))

    ((_, found),) = search(world, phrase=Phrase(("yes",)))

    assert (len(found.hits), found.total) == (HITS_MAX, HITS_MAX + 5)


def test_days_without_the_words_cost_the_column_of_texts_alone(world: World) -> None:
    commit_call(world, 1)
    commit_heard(world, transcript(1, *(f"something else {number * 7919 % 10_007}" for number in range(20_000))))
    world.calls.log.clear()

    assert numbers(world) == []

    assert [call.method for call in world.calls.log] == ["list", "list", "get", "get_range", "get_range"]


def test_a_damaged_file_ends_the_search(world: World) -> None:
    commit_call(world, 1)
    commit_heard(world, transcript(1, "cancel my contract"))
    (key,) = files_of(world, TRANSCRIPTS.at(Partition("thulium", TODAY)))
    world.store.delete([key])

    with pytest.raises(LakeDamaged):
        numbers(world)


def test_the_rows_of_one_recording_are_read_alone(world: World) -> None:
    first = transcript(1, "yes")
    commit_heard(world, first, transcript(1, "yeah", engine="local"), transcript(2, "no"))
    here = Partition("thulium", TODAY)

    heard = transcripts_of(world.store, here, first.recording_id)

    assert sorted((found.engine, found.text, found.words) for found in heard) == [
        ("aws", "yes", 1),
        ("local", "yeah", 1),
    ]
    assert heard[0].segments[0] == first.segments[0]
    assert transcripts_of(world.store, Partition("thulium", YESTERDAY), first.recording_id) == []
    assert rows_of_recording(world.store, CALLS.at(here), first.recording_id) == []
    assert {engine for id, engine in transcript_keys(world.store, here) if id == first.recording_id} == {"aws", "local"}
