"""What a data file is, read from the file itself."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from call_lake.lake import data_file
from call_lake.lake.arrow_rows import arrow_schema, sorted_rows
from call_lake.lake.data_file import DataFile, Footer, WrittenFile, write_file
from call_lake.lake.errors import FileGone, NewerSchema
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.table import SCHEMA_VERSION
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, row_of, table_from

PARTITION = CALLS.at(Partition("thulium", TODAY))
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)
TABLE = sorted_rows(table_from([row_of(n) for n in range(1000)], PARTITION), CALLS)


def written(world: World, table: pa.Table = TABLE) -> WrittenFile:
    return write_file(world.store, world.clock, PARTITION, [table], Footer(1, NOON), table.num_rows)


def parquet(world: World, file: WrittenFile) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(world.store.bodies()[file.summary.key]))


def opened(world: World, file: WrittenFile) -> DataFile:
    return DataFile(world.store, file.summary.key, file.summary.size_bytes)


def columns_of(file: pq.ParquetFile) -> dict[str, Any]:
    group = file.metadata.row_group(0)
    return {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}


def test_a_file_lies_in_its_partition_under_a_name_that_is_never_used_again(world):
    one, other = written(world), written(world)
    assert one.summary.key.startswith("lake/calls/data/source=thulium/call_date=2026-10-20/")
    assert one.summary.key != other.summary.key


def test_every_column_is_compressed_with_zstd_and_has_statistics_and_a_page_index_where_they_serve(world):
    columns = columns_of(parquet(world, written(world)))
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert all(column.has_offset_index for column in columns.values())
    served = {name for name, column in columns.items() if column.has_column_index and column.is_stats_set}
    assert served == columns.keys() - {"raw", "audio_sha256"}


def test_times_that_hardly_repeat_are_kept_as_differences(world):
    columns = columns_of(parquet(world, written(world)))
    packed = {name for name, column in columns.items() if "DELTA_BINARY_PACKED" in column.encodings}
    assert packed == {"started_at", "ended_at", "listed_at", "stored_at"}


def test_the_footer_says_that_rows_are_sorted_by_started_at(world):
    (order,) = parquet(world, written(world)).metadata.row_group(0).sorting_columns
    assert arrow_schema(CALLS).names[order.column_index] == "started_at"
    assert not order.descending


def test_recording_ids_and_numbers_have_a_bloom_filter_and_nothing_else_has(world):
    group = parquet(world, written(world)).metadata.row_group(0)
    filtered = [arrow_schema(CALLS).names[n] for n in range(group.num_columns) if group.column(n).bloom_filter_offset]
    assert filtered == ["recording_id", "caller", "callee"]


def test_times_are_milliseconds_in_utc(world):
    kind = parquet(world, written(world)).schema.column(arrow_schema(CALLS).names.index("started_at")).logical_type
    assert "isAdjustedToUTC=true, timeUnit=milliseconds" in str(kind)


def test_a_file_carries_its_schema_version(world):
    assert parquet(world, written(world)).metadata.metadata[b"call_lake.schema_version"] == b"3"


def test_what_the_writer_knows_of_a_file_is_what_a_reader_finds_in_it(world):
    file = written(world)
    found = opened(world, file).summary()
    assert found.versions is not None
    assert found.versions.equals(file.summary.versions)
    assert (found.key, found.size_bytes, found.rows, found.footer) == (
        file.summary.key,
        file.summary.size_bytes,
        1000,
        Footer(1, NOON),
    )


def test_a_large_file_is_read_in_ranges_and_is_the_same(monkeypatch, world):
    file = written(world)
    monkeypatch.setattr(data_file, "WHOLE_BYTES", 0)
    monkeypatch.setattr(data_file, "TAIL_BYTES", 10_000)
    assert pa.concat_tables(opened(world, file).batches(300)).equals(TABLE)


def test_a_large_file_spools_to_disk_and_is_the_same(monkeypatch, world):
    monkeypatch.setattr(data_file, "SPOOL_BYTES", 1)
    assert pa.concat_tables(opened(world, written(world)).batches(300)).equals(TABLE)


def test_row_groups_are_bounded_whatever_the_chunks(monkeypatch, world):
    monkeypatch.setattr(data_file, "ROW_GROUP_ROWS", 256)
    chunks = [TABLE.slice(n, 100) for n in range(0, 1000, 100)]
    file = write_file(world.store, world.clock, PARTITION, chunks, Footer(0, NOON), 1000)
    metadata = parquet(world, file).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [256, 256, 256, 232]
    assert pa.concat_tables(opened(world, file).batches(1000)).equals(TABLE)


def test_a_file_collected_while_it_is_read_is_told_from_a_broken_one(monkeypatch, world):
    file = written(world)
    monkeypatch.setattr(data_file, "WHOLE_BYTES", 0)
    monkeypatch.setattr(data_file, "TAIL_BYTES", 10_000)
    reader = opened(world, file)
    world.store.delete([file.summary.key])
    with pytest.raises(FileGone):
        list(reader.batches(300))
    with pytest.raises(FileGone):
        opened(world, file)


def test_a_file_of_a_newer_version_is_not_touched(monkeypatch, world):
    monkeypatch.setitem(vars(CALLS), "schema_version", SCHEMA_VERSION + 1)
    file = written(world)
    monkeypatch.setitem(vars(CALLS), "schema_version", SCHEMA_VERSION)
    with pytest.raises(NewerSchema, match=f"schema version {SCHEMA_VERSION + 1}"):
        opened(world, file)
