"""What the descriptions of the lake's tables promise each other."""

from datetime import date

import pytest

from call_lake.model.lake_tables import CALLS_OPEN, TABLES, LakeTable, TablePartition, table_of_key
from call_lake.model.layout import Partition

DAY = Partition("thulium", date(2026, 10, 20))
ALL = (*TABLES, CALLS_OPEN)


@pytest.mark.parametrize("table", ALL, ids=str)
def test_a_key_says_its_table_and_partition(table: LakeTable) -> None:
    place = table.at(DAY)
    prefixes = [place.data, place.garbage, place.quarantine, *([place.inbox] if table in TABLES else [])]
    assert {TablePartition.of_key(key) for key in (place.manifest, *(f"{prefix}any" for prefix in prefixes))} == {place}


@pytest.mark.parametrize(
    "key",
    [
        "inbox/stray.json",
        f"inbox/{DAY.path}of-no-table.json",
        f"inbox/calls_open/{DAY.path}a-twin-has-no-inbox.json",
        f"inbox/another/{DAY.path}a.json",
        "inbox/calls/source=thulium/call_date=2026-02-30/a.json",
        f"lake/calls/{DAY.path}a.json",
        f"audio/{DAY.path}a.wav",
    ],
)
def test_a_key_that_names_no_partition_of_a_table_has_none(key: str) -> None:
    assert TablePartition.of_key(key) is None


def test_a_stray_object_in_the_inbox_of_a_table_is_the_tables() -> None:
    assert [table_of_key(f"{table.inbox}stray.json") for table in TABLES] == list(TABLES)


@pytest.mark.parametrize("table", ALL, ids=str)
def test_a_description_names_only_columns_that_the_table_has(table: LakeTable) -> None:
    named = {*table.key, table.rank, table.sort, *table.required, *table.bloom, *table.unique, *table.differences}
    named |= {*table.unsearched, *table.unnamed, *([table.tie] if table.tie else [])}
    assert named <= set(table.columns)
    assert table.key[0] == "recording_id"
    assert {*table.key, table.rank, table.sort} <= set(table.required)
    assert [table.columns[name] for name in (table.rank, table.sort)] == ["timestamp", "timestamp"]
