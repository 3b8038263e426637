"""Calls found in the lake, without Athena: which ones, in which order, and what is read for it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from call_lake.lake.calls import CallFilter, CallReader
from call_lake.lake.errors import LakeDamaged
from call_lake.lake.manifest import partitions_between, read_manifest
from call_lake.model.lake_tables import CALLS, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.phone_numbers import Likeness, WantedNumber
from call_lake.model.table import COLUMNS
from tests.support.fakes import World
from tests.support.lake_samples import TODAY, Before, lake_of, row_of, table_from

YESTERDAY = TODAY - timedelta(days=1)
SHOWN = ("direction", "caller", "callee", "agent", "duration_s")
ALL = CallFilter(TODAY - timedelta(days=30), TODAY)


@pytest.fixture
def world() -> World:
    return World.make()


def commit(world: World, *rows: dict[str, Any]) -> None:
    """One commit for each source and day."""
    by_partition: dict[TablePartition, list[dict[str, Any]]] = {}
    for row in rows:
        by_partition.setdefault(CALLS.at(Partition(row["source"], date.fromisoformat(row["call_date"]))), []).append(
            row
        )
    for partition, some in by_partition.items():
        lake_of(world).commit(partition, table_from(some, partition))


def found(world: World, wanted: CallFilter = ALL, columns: tuple[str, ...] = SHOWN) -> list[int]:
    """The numbers of the recordings that are found, in their order."""
    reader = CallReader(world.store, {"thulium": "PL", "berlin": "DE"}, columns)
    return [int(row["recording_id"].rpartition("-")[2], 16) for row in reader.calls(wanted)]


def test_the_newest_day_comes_first_and_of_a_day_the_newest_call(world: World) -> None:
    commit(world, row_of(1, day=YESTERDAY), row_of(2), row_of(3), row_of(9, day=YESTERDAY, source="berlin"))

    assert found(world) == [3, 2, 9, 1]


def test_a_row_has_what_was_asked_for_and_what_orders_it(world: World) -> None:
    commit(world, row_of(7, agent="Anna Invented"))

    (row,) = CallReader(world.store, {}, ("agent",)).calls(ALL)

    assert row == {
        "recording_id": f"thulium-{7:032x}",
        "started_at": "2026-10-20T08:00:07.000Z",
        "agent": "Anna Invented",
        "source": "thulium",
        "call_date": "2026-10-20",
    }


def test_all_columns_are_the_row_as_it_was_stored(world: World) -> None:
    row = row_of(7, caller="+48800000003", duration_s=1.5)
    commit(world, row)

    assert list(CallReader(world.store, {}, tuple(COLUMNS)).calls(ALL)) == [row]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (replace(ALL, first=TODAY), [4, 3, 2]),
        (replace(ALL, last=YESTERDAY), [1]),
        (replace(ALL, sources=frozenset({"berlin"})), [4]),
        (replace(ALL, directions=frozenset({"outbound"})), [3, 1]),
        (replace(ALL, longer_than_s=60), [3]),
        (replace(ALL, longer_than_s=59.9), [3, 1]),
        (replace(ALL, ids=frozenset({f"thulium-{2:032x}"})), [2]),
        (replace(ALL, agents=frozenset({"zak lucja"})), [2]),
        (replace(ALL, agents=frozenset({"zak lucja", "invented"})), [3, 2]),
        (replace(ALL, directions=frozenset({"outbound"}), longer_than_s=60), [3]),
    ],
)
def test_a_filter_leaves_what_fits_all_of_it(world: World, wanted: CallFilter, expected: list[int]) -> None:
    commit(
        world,
        row_of(1, day=YESTERDAY, direction="outbound", duration_s=None, audio_s=60.0, talk_s=100.0),
        row_of(2, direction="inbound", duration_s=59.0, agent="Łucja Anna Żak"),
        row_of(3, direction="outbound", duration_s=61.0, agent="An Invented"),
        row_of(4, source="berlin", duration_s=None),
    )

    assert found(world, wanted) == expected


@pytest.mark.parametrize("text", ["800 000 003", "+48800000003", "0048-800-000-003"])
def test_a_number_finds_all_its_spellings_at_either_end(world: World, text: str) -> None:
    commit(
        world,
        row_of(1, caller="+48800000003", callee="+48800000001"),
        row_of(2, caller="+48800000001", callee="800000003"),
        row_of(3, caller="0048 800 000 003", callee=None),
        row_of(4, caller="+48800000004", callee=None),
        row_of(5, caller=None, callee=None),
    )

    assert found(world, replace(ALL, numbers=(WantedNumber(text, "PL"),))) == [3, 2, 1]


def test_a_stored_number_is_read_as_one_of_its_sources_country(world: World) -> None:
    commit(world, row_of(1, caller="030 800000"), row_of(2, source="berlin", caller="030 800001"))
    asked = set()

    class Wanted(WantedNumber):
        def compare(self, stored: str | None, country: str) -> Likeness:
            asked.add((stored, country))
            return Likeness.SAME

    found(world, replace(ALL, numbers=(Wanted("1", "PL"),)))

    assert asked == {("030 800000", "PL"), ("030 800001", "DE")}


def test_only_files_with_a_row_that_fits_are_read_further(world: World) -> None:
    random = Random(1)
    noise = [
        row_of(n, day=day, raw=json.dumps({"invented": random.randbytes(700).hex()}), agent=f"Agent {day}")
        for day in (TODAY, YESTERDAY)
        for n in range(1000)
    ]
    commit(world, *noise)
    read = bytes_read(world)

    assert found(world, replace(ALL, agents=frozenset({"nobody"})), tuple(COLUMNS)) == []
    nothing = sum(read)
    read.clear()
    assert len(found(world, replace(ALL, agents=frozenset({f"{TODAY}"})), tuple(COLUMNS))) == 1000
    one_day = sum(read)
    read.clear()
    assert len(found(world, ALL, tuple(COLUMNS))) == 2000

    sizes = [len(body) for key, body in world.store.bodies("lake/calls/data/").items()]
    assert nothing < 0.2 * sum(sizes), "only footers and agents"
    assert one_day < 0.7 * sum(sizes)
    assert sum(read) >= 0.9 * sum(sizes)


def bytes_read(world: World) -> list[int]:
    read: list[int] = []

    def count(call: Any, proceed: Any) -> Any:
        answer = proceed()
        if call.method == "get_range":
            read.append(len(answer))
        return answer

    world.calls.on_call(count)
    return read


def test_each_file_of_a_day_is_read_and_none_that_was_replaced(world: World) -> None:
    commit(world, row_of(1), row_of(2))
    commit(world, row_of(3))
    lake_of(world).remove(CALLS.at(Partition("thulium", TODAY)), {f"thulium-{2:032x}"})

    assert found(world) == [3, 1]


def test_a_commit_meanwhile_is_followed(world: World) -> None:
    partition = CALLS.at(Partition("thulium", TODAY))
    commit(world, row_of(1))
    old = read_manifest(world.store, partition).keys

    def replace_the_file() -> None:
        lake_of(world).remove(partition, {"none"})
        world.store.delete(list(old))

    replacing = Before(world, 4, replace_the_file)  # list, list, get the manifest; then the file

    assert found(world) == [1]
    assert replacing.happened


def test_a_file_that_is_missing_is_no_empty_answer(world: World) -> None:
    commit(world, row_of(1))
    world.store.delete(read_manifest(world.store, CALLS.at(Partition("thulium", TODAY))).keys)

    with pytest.raises(LakeDamaged, match=r"call_date=2026-10-20.*call-lake rebuild"):
        found(world)


def test_a_file_of_an_older_version_has_nulls(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(world, row_of(1, agent="An Invented", direction="inbound"))
    read = pq.ParquetFile.iter_batches

    def without_agent(file: Any, *, columns: list[str] | None, **options: Any) -> Iterator[Any]:
        return read(file, columns=[name for name in columns or () if name != "agent"], **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", without_agent)

    assert [row["agent"] for row in CallReader(world.store, {}, ("agent",)).calls(ALL)] == [None]


def test_partitions_are_those_of_the_days_and_sources_newest_first(world: World) -> None:
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 1)]
    commit(world, *(row_of(n, day=day, source=name) for n, day in enumerate(days) for name in ("thulium", "berlin")))

    between = partitions_between(world.store, CALLS, days[0], days[2])
    of_one = partitions_between(world.store, CALLS, days[1], days[2], {"berlin"})

    assert between == [CALLS.at(Partition(name, day)) for day in reversed(days[:3]) for name in ("berlin", "thulium")]
    assert of_one == [CALLS.at(Partition("berlin", day)) for day in (days[2], days[1])]


def test_days_without_calls_have_none(world: World) -> None:
    assert found(world) == []
