"""Data files: Parquet files that are written once, read in ranges, and never changed (rule 16).

The footer of a file holds what the compactor has to know about it: the schema version, its tier, and when its oldest
rows were committed.
"""

import io
import tempfile
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import arrow_schema, conform, version_columns, versions_of, versions_schema
from call_lake.lake.errors import FileGone, NewerSchema
from call_lake.model.lake_tables import LakeTable, TablePartition, data_key
from call_lake.model.times import iso, parse_iso
from call_lake.ports import Clock, ObjectStore

ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 128 * 1024 * 1024  # of Arrow memory, which a merge holds before it writes
LARGE_ROWS_GROUP_BYTES = 16 * 1024 * 1024  # the same, of a table that has large rows
LARGE_ROWS_A_PAGE = 16  # at most: Arrow looks at a page's size after so many rows, 1,024 where nothing is said
BATCH_BYTES = 64 * 1024 * 1024  # unpacked, of rows that are read at once
WHOLE_BYTES = 8 * 1024 * 1024  # a file up to this size is read in one request
READ_BYTES = 256 * 1024  # of each column of a larger file, in one request
TAIL_BYTES = 128 * 1024  # footer, page index and Bloom filters of most files
FOOTER_BYTES = 64 * 1024  # Arrow's first read of a file
INDEXED_ROWS = 200_000  # a summary lists the recordings of a file up to this size: some 5 MB in memory
SPOOL_BYTES = 32 * 1024 * 1024
PAGE_BYTES = 256 * 1024  # a merge holds one page of each column of each file, unpacked
BLOOM_FALSE_POSITIVES = 0.03
"""Here filters and columns that are read in vain have the fewest bytes together: a filter's size is a power of 2."""

UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError)
"""What pyarrow, or our own reading of a footer, raises for bytes that are not a data file. ``ConnectionError`` and
``TimeoutError`` are OSErrors too, and say nothing against the file: catch them first."""


@dataclass(frozen=True, slots=True)
class Footer:
    """``tier``: 0 for a file that one commit added, 1 for a merge of such files, 2 for a merge of merged files.
    ``since``: when its oldest rows were committed."""

    tier: int
    since: datetime


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What a commit has to know of a file. ``unpacked_bytes``: of all rows, before compression. ``versions``: key and
    rank of every row (``arrow_rows.versions_of``), or None where there are too many rows to remember."""

    key: str
    size_bytes: int
    unpacked_bytes: int
    rows: int
    footer: Footer
    versions: pa.Table | None


class DataFile:
    """A data file that is open for reading. Only its footer is kept in memory. ``body``: its bytes, where the caller
    has them. ``few_columns``: the caller reads some columns of some files, so ask for no other bytes, and for
    neighbouring columns at once. Raises FileGone, NewerSchema, and one of ``UNREADABLE`` for bytes that are not a data
    file."""

    def __init__(
        self, store: ObjectStore, key: str, size_bytes: int, body: bytes | None = None, *, few_columns: bool = False
    ) -> None:
        self.key = key
        self.size_bytes = size_bytes
        self.partition = partition_of(key)
        if body is not None:
            source = pa.BufferReader(body)
        elif few_columns:
            source = _source(store, key, size_bytes, whole_bytes=FOOTER_BYTES, tail_bytes=FOOTER_BYTES)
        else:
            source = _source(store, key, size_bytes, whole_bytes=WHOLE_BYTES, tail_bytes=TAIL_BYTES)
        # Without these options a merge would hold whole row groups of every file.
        self._file = pq.ParquetFile(source, buffer_size=0 if few_columns else READ_BYTES, pre_buffer=few_columns)
        notes = {name.decode(): value.decode() for name, value in (self._file.metadata.metadata or {}).items()}
        version = int(notes["call_lake.schema_version"])
        known = self.partition.table.schema_version
        if version > known:
            raise NewerSchema(f"{key} has schema version {version}, this is {known}: deploy the newer one")
        self.rows = int(self._file.metadata.num_rows)
        self.footer = Footer(int(notes["call_lake.tier"]), parse_iso(notes["call_lake.since"]))

    def summary(self) -> FileSummary:
        """Read what ``FileSummary`` holds."""
        versions = None
        if self.rows <= INDEXED_ROWS:
            empty = versions_schema(self.partition.table).empty_table()
            versions = pa.concat_tables([empty, *self.versions(INDEXED_ROWS)]).combine_chunks()
        unpacked_bytes = sum(int(group.total_byte_size) for group in self._groups())
        return FileSummary(self.key, self.size_bytes, unpacked_bytes, self.rows, self.footer, versions)

    def versions(self, rows: int) -> Iterator[pa.Table]:
        """Key and rank of all rows (``arrow_rows.versions_of``), so many ``rows`` at a time."""
        table = self.partition.table
        is_text = table.tie is not None and table.columns[table.tie] == "string"
        nothing_ties = is_text and table.tie is not None and self._nulls(table.tie) == 0
        for part in self.batches(rows, version_columns(table, ties=not nothing_ties)):
            yield versions_of(part, self.partition)

    def _nulls(self, name: str) -> int | None:
        """How many rows have no value in this column; None where the footer does not say."""
        found = [chunk for group in self._groups() for chunk in _chunks(group) if chunk.path_in_schema == name]
        if not all(one.statistics and one.statistics.has_null_count for one in found):
            return None
        return sum(int(one.statistics.null_count) for one in found)

    def _groups(self) -> list[Any]:
        return [self._file.metadata.row_group(n) for n in range(self._file.metadata.num_row_groups)]

    def batches(
        self, rows: int, columns: list[str] | None = None, *, bytes_at_most: int = BATCH_BYTES
    ) -> Iterator[pa.Table]:
        """The rows in the file's order: all columns, or the named ones, in today's schema. So many at a time, and
        fewer where they would be more than ``bytes_at_most``."""
        schema = arrow_schema(self.partition.table, columns)
        fitting = max(1, bytes_at_most // max(1, self._row_bytes(columns)))
        for batch in self._file.iter_batches(batch_size=min(rows, fitting), columns=columns, use_threads=False):
            yield conform(pa.Table.from_batches([batch]), schema)

    def _row_bytes(self, columns: Collection[str] | None) -> int:
        """How large the rows of the group with the largest rows are on average."""
        sizes = [0]
        for group in self._groups():
            read = (one for one in _chunks(group) if not columns or one.path_in_schema.partition(".")[0] in columns)
            sizes.append(sum(one.total_uncompressed_size for one in read) // max(1, group.num_rows))
        return max(sizes)


def partition_of(key: str) -> TablePartition:
    """The partition whose rows the data file holds. Raises ValueError for a key that is not of a data file."""
    partition = TablePartition.of_key(key)
    if partition is None:
        raise ValueError(f"{key} is of no partition")
    return partition


def _chunks(group: Any) -> Iterator[Any]:
    """What a footer says of the columns of one row group."""
    return (group.column(n) for n in range(group.num_columns))


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was just written, at ``put_at`` or later. ``body``: its bytes, unless there are too many."""

    summary: FileSummary
    put_at: datetime
    body: bytes | None


def write_file(
    store: ObjectStore,
    clock: Clock,
    partition: TablePartition,
    chunks: Iterable[pa.Table],
    footer: Footer,
    rows_at_most: int,
) -> WrittenFile:
    """Store sorted rows as one new file. However many rows there are, memory holds one row group."""
    key = data_key(partition, uuid.uuid4().hex)
    rows, unpacked_bytes, versions = 0, 0, []
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
        with _writer(spool, partition.table, footer, min(max(rows_at_most, 1), ROW_GROUP_ROWS)) as writer:
            for group in _row_groups(chunks, partition.table):
                writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
                rows += group.num_rows
                unpacked_bytes += group.nbytes
                if rows <= INDEXED_ROWS:
                    versions.append(versions_of(group, partition))
        size_bytes = spool.tell()
        put_at = clock.now()
        spool.seek(0)
        body = spool.read() if size_bytes <= SPOOL_BYTES else None
        store.put(key, body or cast(BinaryIO, spool), content_type="application/vnd.apache.parquet")
    empty = versions_schema(partition.table).empty_table()
    kept = pa.concat_tables([empty, *versions]).combine_chunks() if rows <= INDEXED_ROWS else None
    return WrittenFile(FileSummary(key, size_bytes, unpacked_bytes, rows, footer, kept), put_at, body)


def _row_groups(chunks: Iterable[pa.Table], table: LakeTable) -> Iterator[pa.Table]:
    held = arrow_schema(table).empty_table()
    group_bytes = LARGE_ROWS_GROUP_BYTES if table.has_large_rows else ROW_GROUP_BYTES
    for chunk in chunks:
        held = pa.concat_tables([held, chunk])
        while held.num_rows >= ROW_GROUP_ROWS or held.nbytes >= group_bytes:
            rows = min(ROW_GROUP_ROWS, max(1, held.num_rows * group_bytes // held.nbytes))
            yield held.slice(0, rows)
            held = held.slice(rows)
    if held.num_rows:
        yield held


def _writer(sink: Any, table: LakeTable, footer: Footer, bloom_rows: int) -> Any:
    schema = arrow_schema(table)
    leaves = _leaves(schema)
    writer = pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        use_dictionary=[leaf for name, leaf in leaves if name not in table.unique | table.differences],
        column_encoding=dict.fromkeys(table.differences, "DELTA_BINARY_PACKED"),
        # The least and largest values of a hash or a text would be a sixth of a footer.
        write_statistics=[leaf for name, leaf in leaves if name not in table.unsearched],
        write_page_index=True,
        data_page_size=PAGE_BYTES,
        write_batch_size=LARGE_ROWS_A_PAGE if table.has_large_rows else None,
        sorting_columns=[pq.SortingColumn(schema.get_field_index(table.sort))],
        # With random ids, minimum and maximum exclude nothing. A Bloom filter lets a reader skip a file that does not
        # hold an id.
        bloom_filter_options={
            name: {"ndv": max(bloom_rows // share, 1), "fpp": BLOOM_FALSE_POSITIVES}
            for name, share in table.bloom.items()
        },
        store_schema=False,  # Parquet's own types say everything, and this copy would make every small read larger
    )
    notes = {"schema_version": str(table.schema_version), "tier": str(footer.tier), "since": iso(footer.since)}
    writer.add_key_value_metadata({f"call_lake.{name}": value for name, value in notes.items()})
    return writer


def _leaves(schema: pa.Schema) -> list[tuple[str, str]]:
    """Each column with the paths of what Parquet stores of it: several of an array of structs."""
    paths = []
    for field in schema:
        inner = field.type.value_type if pa.types.is_list(field.type) else []
        paths += [(field.name, f"{field.name}.list.element.{one.name}") for one in inner] or [(field.name, field.name)]
    return paths


def _source(store: ObjectStore, key: str, size_bytes: int, *, whole_bytes: int, tail_bytes: int) -> Any:
    try:
        if size_bytes <= whole_bytes:
            return pa.BufferReader(store.get_range(key, 0, size_bytes))
        return pa.PythonFile(cast(Any, _Ranges(store, key, size_bytes, tail_bytes)), mode="r")
    except KeyError:
        raise FileGone(key) from None


class _Ranges(io.RawIOBase):
    """An S3 object that can be read like a file. Each read is one range request; the tail is fetched once."""

    def __init__(self, store: ObjectStore, key: str, size_bytes: int, tail_bytes: int) -> None:
        self._store = store
        self._key = key
        self._size = size_bytes
        self._at = 0
        self._tail_at = max(0, size_bytes - tail_bytes)
        self._tail = store.get_range(key, self._tail_at, tail_bytes)

    def read(self, size: int = -1) -> bytes:
        length = self._size - self._at if size < 0 else min(size, self._size - self._at)
        start, self._at = self._at, self._at + length
        if start >= self._tail_at:
            return self._tail[start - self._tail_at : start - self._tail_at + length]
        try:
            return self._store.get_range(self._key, start, length)
        except KeyError:
            raise FileGone(self._key) from None

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
