"""One lake, several tables (ADR 0041): what the tables of transcripts and sound need beyond ``calls``."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from call_lake.bucket.inbox import BYTES_PER_OBJECT, put_rows
from call_lake.bucket.quarantine import list_quarantine, put_back
from call_lake.lake import data_file
from call_lake.lake.arrow_rows import digests_of, rows_of, table_of
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.lake.data_file import DataFile
from call_lake.lake.partition_rebuild import LedgerRows, PartitionRebuilder
from call_lake.lake.search import read_partition
from call_lake.model import lake_tables
from call_lake.model.lake_tables import CALLS, SOUND, TABLES, TRANSCRIPTS, LakeTable
from call_lake.model.layout import INBOX, Partition
from call_lake.model.table import Row
from tests.support.fakes.world import World
from tests.support.lake_samples import (
    IN_TIME_S,
    SETTINGS,
    TODAY,
    compacted,
    erase_in_ledger,
    files_of,
    lake_of,
    row_of,
    rows_in,
    sound_of,
    table_from,
    transcript_of,
)

DAY = Partition("thulium", TODAY)
HERE = TRANSCRIPTS.at(DAY)
OLD = TRANSCRIPTS.at(Partition("thulium", TODAY - timedelta(days=9)))
LATER = f"{TODAY}T11:00:00.000Z"


@pytest.fixture
def world() -> World:
    return World.make()


def commit(world: World, *rows: Row) -> int:
    return lake_of(world).commit(HERE, table_from(list(rows), HERE)).rows


def heard(world: World) -> list[tuple[str, str, str]]:
    """Recording, engine and text of each row that a query sees."""
    seen = ((row["recording_id"][-1], row["engine"], row["text"]) for row in rows_in(world, TRANSCRIPTS))
    return sorted(seen)


def test_a_row_with_an_array_of_structs_is_read_as_it_was_given(world: World) -> None:
    rows = [transcript_of(1), transcript_of(2, segments=[], text="", words=0), transcript_of(3, segments=None)]
    commit(world, *rows)
    assert read_partition(world.store, HERE) == rows


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ("text", "segments: str instead of array"),
        (["text"], "segments: str instead of struct"),
        ([None], "segments: NoneType instead of struct"),
        ([{"start_s": "0"}], "segments.start_s: str instead of double"),
        ([{"start_s": True}], "segments.start_s: bool instead of double"),
        ([{"channel": 0.5}], "segments.channel: float instead of int"),
        ([{"text": {}}], "segments.text: dict instead of string"),
        ([{"number": "+48500600700"}], "segments: 1 fields that the column does not have"),
        ([{"text": "\ud83d"}], "segments: UnicodeEncodeError, does not fit array"),
        ([{"channel": 2**40}], "segments: ArrowInvalid, does not fit array"),
    ],
)
def test_what_does_not_fit_inside_is_refused_by_name_and_never_by_value(segments: Any, reason: str) -> None:
    lines = [json.dumps(transcript_of(1, segments=segments)), json.dumps(transcript_of(2))]
    table, rejected = table_of(lines, HERE)
    assert rejected == [(0, reason)]
    assert rows_of(table, HERE) == [transcript_of(2)]


def test_a_difference_inside_is_a_difference() -> None:
    rows = [transcript_of(1), transcript_of(1, segments=[{"start_s": 0.5, "text": "dobry"}]), transcript_of(1)]
    first, other, again = digests_of(table_from(rows, HERE), TRANSCRIPTS).to_pylist()
    assert first == again != other


def test_each_engine_has_its_row_and_a_later_one_replaces_its_own_alone(world: World) -> None:
    commit(world, transcript_of(1, "aws"), transcript_of(1, "whisper"))
    assert commit(world, transcript_of(1, "whisper", text="halo", transcribed_at=LATER), transcript_of(1, "third")) == 2
    assert commit(world, transcript_of(1, "whisper", text="old")) == 0
    assert heard(world) == [("1", "aws", "dobry"), ("1", "third", "dobry"), ("1", "whisper", "halo")]


@pytest.mark.parametrize("order", list(permutations(["raz", "raz dwa", "raz dwa trzy"])))
@pytest.mark.parametrize("together", [True, False])
def test_of_two_rows_of_one_moment_the_same_one_stays_in_any_order(world: World, order: Any, together: bool) -> None:
    rows = [transcript_of(1, text=text) for text in order]
    for some in [rows] if together else [[row] for row in rows]:
        commit(world, *some)
    assert heard(world) == [("1", "aws", "raz dwa trzy")]


def test_of_two_rows_that_nothing_ranks_the_first_one_stays_and_there_is_one(world: World) -> None:
    commit(world, transcript_of(1, text="tak"), transcript_of(1, text="nie"))
    commit(world, transcript_of(1, text="nie"))
    assert heard(world) == [("1", "aws", "tak")]


@pytest.mark.parametrize("day", [HERE, OLD], ids=["today", "an old day"])
def test_an_erased_recording_loses_the_rows_of_every_engine(world: World, day: Any) -> None:
    lake, when = lake_of(world), day.call_date
    for engine in ("aws", "whisper"):
        rows = [transcript_of(number, engine, day=when) for number in (1, 2)]
        lake.commit(day, table_from(rows, day))
    erase_in_ledger(world, transcript_of(1)["recording_id"])
    assert lake.remove(day, {transcript_of(1)["recording_id"]}) == 2
    late = [transcript_of(1, "third", day=when), transcript_of(3, day=when)]
    assert lake.commit(day, table_from(late, day)).rows == 1
    assert [one[:2] for one in heard(world)] == [("2", "aws"), ("2", "whisper"), ("3", "aws")]


def test_one_run_serves_all_tables(world: World) -> None:
    put_rows(world.store, [row_of(1)], CALLS)
    put_rows(world.store, [transcript_of(1), transcript_of(1, "whisper"), transcript_of(2, words="many")], TRANSCRIPTS)
    put_rows(world.store, [sound_of(1)], SOUND)

    assert compacted(world) == CompactionResult(rows=4, partitions=3, quarantined=1, in_quarantine=1)

    assert [len(rows_in(world, table)) for table in TABLES] == [1, 2, 1]
    assert [world.catalog.seen(table.name) for table in TABLES] == [{DAY}, {DAY}, {DAY}]
    (aside,) = list_quarantine(world.store)
    assert (aside.rejected.reason, aside.key.startswith(HERE.quarantine)) == ("words: str instead of int", True)


@pytest.mark.parametrize(("used", "listings"), [([], 1 + 5 + 2), ([sound_of(1)], 1 + 5 + 5 + 1)])
def test_the_inbox_is_listed_once_and_a_table_that_nobody_fills_once(
    world: World, used: list[Row], listings: int
) -> None:
    put_rows(world.store, [row_of(1)], CALLS)
    put_rows(world.store, used, SOUND)
    warm = Compactor(world.store, world.table, world.catalog, world.clock, SETTINGS, threads=1)
    warm.run(IN_TIME_S)
    before = len(world.calls.log)
    warm.run(IN_TIME_S)
    assert Counter(call.method for call in world.calls.log[before:]) == {"list": listings}


FOURTH = LakeTable(
    name="topics",
    columns={"recording_id": "string", "topic": "string", "told_at": "timestamp", "schema_version": "int"},
    schema_version=1,
    key=("recording_id", "topic"),
    rank="told_at",
    tie=None,
    sort="told_at",
    required=("recording_id", "topic", "told_at"),
)


def topic_of(number: int, topic: str, **more: Any) -> Row:
    named = {"recording_id": f"thulium-{number:032x}", "topic": topic, "told_at": f"{TODAY}T10:00:00.000Z"}
    return named | {"schema_version": 1, "source": "thulium", "call_date": TODAY.isoformat()} | more


def test_a_fourth_table_is_a_description(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads ``TABLES`` serves it: commit, merge, quarantine, erasure, rebuild. Nothing else has to know it."""
    four = (*TABLES, FOURTH)
    modules = [one for one in sys.modules.values() if getattr(one, "TABLES", None) is TABLES]
    for module in modules:
        monkeypatch.setattr(module, "TABLES", four)
    monkeypatch.setitem(lake_tables._BY_NAME, FOURTH.name, FOURTH)
    there, row = FOURTH.at(DAY), topic_of(1, "price")

    put_rows(world.store, [row, topic_of(1, "delay"), topic_of(2, "price"), topic_of(3, "price", told_at=7)], FOURTH)
    assert compacted(world) == CompactionResult(rows=3, partitions=1, quarantined=1, in_quarantine=1)
    assert world.catalog.seen("topics") == {DAY}
    assert row in read_partition(world.store, there)
    (aside,) = list_quarantine(world.store)
    assert put_back(world.store, aside).startswith(there.inbox)

    put_rows(world.store, [topic_of(1, "price", told_at=LATER)], FOURTH)
    assert compacted(world).rows == 1
    erase_in_ledger(world, row["recording_id"])
    assert lake_of(world).remove(there, {row["recording_id"]}) == 2
    world.clock.advance(timedelta(days=2))
    compacted(world)
    assert len(files_of(world, there)) == 1
    assert PartitionRebuilder(world.store, world.clock, 86_400).rebuild(there, [], erases(2)).dropped == 1
    assert rows_in(world, FOURTH) == []


def test_what_fails_is_named_with_its_table(world: World) -> None:
    put_rows(world.store, [transcript_of(1)], TRANSCRIPTS)
    world.store.put(HERE.manifest, f"s3://{world.store.bucket}/{HERE.data}gone.parquet\n".encode())
    assert compacted(world).failed == [f"transcripts {DAY}: LakeDamaged"]


def test_a_past_day_becomes_one_file_in_every_table(world: World) -> None:
    for number in range(3):
        put_rows(world.store, [transcript_of(number)], TRANSCRIPTS)
        compacted(world)
    world.clock.advance(timedelta(days=2))
    assert compacted(world).closed == 1
    assert len(files_of(world, HERE)) == 1
    assert len(heard(world)) == 3


def test_large_rows_are_written_and_read_in_small_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_file, "LARGE_ROWS_GROUP_BYTES", 100_000)
    words = [f"{number:06d}" for number in range(5_000)]  # 35 kB
    commit(world, *(transcript_of(number, text=" ".join(words), segments=[]) for number in range(12)))
    (key,) = files_of(world, HERE)
    body = world.store.bodies()[key]
    assert pq.ParquetFile(pa.BufferReader(body)).metadata.num_row_groups > 3
    parts = list(DataFile(world.store, key, len(body)).batches(65_536, bytes_at_most=80_000))
    assert sum(part.num_rows for part in parts) == 12
    assert max(part.nbytes for part in parts) < 120_000


def test_many_large_rows_are_spread_over_several_objects_of_the_inbox(world: World) -> None:
    rows = [transcript_of(number, text="a" * (BYTES_PER_OBJECT // 3)) for number in range(4)]
    put_rows(world.store, rows, TRANSCRIPTS)
    assert max(map(len, world.store.bodies(INBOX).values())) <= BYTES_PER_OBJECT + 1000
    assert compacted(world).rows == 4


def nothing(ids: object) -> LedgerRows:
    return LedgerRows([], set())


def erases(*numbers: int) -> Callable[[object], LedgerRows]:
    return lambda ids: LedgerRows([], {transcript_of(number)["recording_id"] for number in numbers})


def test_a_rebuild_of_a_table_that_the_ledger_cannot_make_keeps_its_rows(world: World) -> None:
    commit(world, transcript_of(1), transcript_of(1, "whisper"))
    commit(world, transcript_of(2))
    before = world.store.bodies()
    rebuilder = PartitionRebuilder(world.store, world.clock, 86_400)

    unchanged = rebuilder.rebuild(HERE, [], nothing)
    assert (unchanged.changed, unchanged.kept, len(unchanged.held)) == (False, 3, 2)
    assert world.store.bodies() == before

    erased = rebuilder.rebuild(HERE, [], erases(1))
    assert (erased.changed, erased.dropped, erased.kept) == (True, 2, 1)
    assert [one[:2] for one in heard(world)] == [("2", "aws")]


def test_a_rebuild_drops_a_file_that_cannot_be_read_and_a_row_that_is_there_twice(world: World) -> None:
    commit(world, transcript_of(1))
    (first,) = files_of(world, HERE)
    commit(world, transcript_of(2))
    _, broken = files_of(world, HERE)
    copy = f"{HERE.data}copy.parquet"
    world.store.put(copy, world.store.bodies()[first])
    world.store.put(broken, b"no Parquet file")
    lines = (f"s3://{world.store.bucket}/{key}\n" for key in (first, copy, broken))
    world.store.put(HERE.manifest, "".join(lines).encode())

    done = PartitionRebuilder(world.store, world.clock, 86_400).rebuild(HERE, [], nothing)

    assert (done.unreadable, done.dropped, done.kept) == ((broken,), 1, 1)
    assert [one[:2] for one in heard(world)] == [("1", "aws")]
