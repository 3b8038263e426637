"""Data files: Parquet files that are written once, read in ranges, and never changed (rule 16).

The footer of a file holds what the compactor has to know about it: the schema version, its tier, and when its oldest
rows were committed.
"""

import io
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import SCHEMA, VERSIONS, conform, schema_of, versions_of
from call_lake.lake.errors import FileGone, NewerSchema
from call_lake.model.lake_tables import CALLS, data_key
from call_lake.model.layout import DATA, Partition
from call_lake.model.table import COLUMNS, SCHEMA_VERSION
from call_lake.model.times import iso, parse_iso
from call_lake.ports import Clock, ObjectStore

ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 128 * 1024 * 1024  # of Arrow memory, which a merge holds before it writes
WHOLE_BYTES = 8 * 1024 * 1024  # a file up to this size is read in one request
READ_BYTES = 256 * 1024  # of each column of a larger file, in one request
TAIL_BYTES = 128 * 1024  # footer, page index and Bloom filters of most files
FOOTER_BYTES = 64 * 1024  # Arrow's first read of a file
INDEXED_ROWS = 200_000  # a summary lists the recordings of a file up to this size: some 5 MB in memory
SPOOL_BYTES = 32 * 1024 * 1024
PAGE_BYTES = 256 * 1024  # a merge holds one page of each column of each file, unpacked
BLOOM_FALSE_POSITIVES = 0.03
"""Here filters and columns that are read in vain have the fewest bytes together: a filter's size is a power of 2."""

# Nearly every value of these columns is different, so a dictionary only costs.
_UNIQUE = {"recording_id", "provider_key", "connection_id", "audio_uri", "audio_sha256", "raw"}
# These hardly repeat either. They are nearly sorted, so their differences are small.
_DIFFERENCES = {"started_at", "ended_at", "listed_at", "stored_at"}
# Nobody searches these for a range, and their least and largest values would be a sixth of a footer.
_NO_STATISTICS = {"audio_sha256", "raw"}

_VERSION_COLUMNS = ["recording_id", "stored_at", "audio_uri"]

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
    """What a commit has to know of a file. ``versions``: key and rank of every row (``arrow_rows.VERSIONS``), or None
    where there are too many rows to remember."""

    key: str
    size_bytes: int
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
        if version > SCHEMA_VERSION:
            raise NewerSchema(f"{key} has schema version {version}, this is {SCHEMA_VERSION}: deploy the newer one")
        self.rows = int(self._file.metadata.num_rows)
        self.footer = Footer(int(notes["call_lake.tier"]), parse_iso(notes["call_lake.since"]))

    def summary(self) -> FileSummary:
        """Read what ``FileSummary`` holds."""
        versions = None
        if self.rows <= INDEXED_ROWS:
            versions = pa.concat_tables([VERSIONS.empty_table(), *self.versions(INDEXED_ROWS)]).combine_chunks()
        return FileSummary(self.key, self.size_bytes, self.rows, self.footer, versions)

    def versions(self, rows: int) -> Iterator[pa.Table]:
        """Key and rank of all rows (``arrow_rows.VERSIONS``), so many ``rows`` at a time."""
        nothing_expired = self._nulls("audio_uri") == 0
        columns = _VERSION_COLUMNS[:2] if nothing_expired else _VERSION_COLUMNS
        for part in self.batches(rows, columns):
            yield versions_of(part, source_of(self.key))

    def _nulls(self, name: str) -> int | None:
        """How many rows have no value in this column; None where the footer does not say."""
        column = self._file.schema_arrow.get_field_index(name)
        groups = [self._file.metadata.row_group(n).column(column) for n in range(self._file.metadata.num_row_groups)]
        if not all(one.statistics and one.statistics.has_null_count for one in groups):
            return None
        return sum(int(one.statistics.null_count) for one in groups)

    def batches(self, rows: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The rows in the file's order, so many at a time: all columns, or the named ones, in today's schema."""
        schema = schema_of(columns) if columns else SCHEMA
        for batch in self._file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            yield conform(pa.Table.from_batches([batch]), schema)


def source_of(key: str) -> str:
    """The source whose rows the data file holds; empty for a key that is not of a data file."""
    partition = Partition.of_key(key, DATA)
    return partition.source if partition else ""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was just written, at ``put_at`` or later. ``body``: its bytes, unless there are too many."""

    summary: FileSummary
    put_at: datetime
    body: bytes | None


def write_file(
    store: ObjectStore,
    clock: Clock,
    partition: Partition,
    chunks: Iterable[pa.Table],
    footer: Footer,
    rows_at_most: int,
) -> WrittenFile:
    """Store sorted rows as one new file. However many rows there are, memory holds one row group."""
    key = data_key(CALLS.at(partition), uuid.uuid4().hex)
    rows, versions = 0, []
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
        with _writer(spool, footer, min(max(rows_at_most, 1), ROW_GROUP_ROWS)) as writer:
            for group in _row_groups(chunks):
                writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
                rows += group.num_rows
                if rows <= INDEXED_ROWS:
                    versions.append(versions_of(group, partition.source))
        size_bytes = spool.tell()
        put_at = clock.now()
        spool.seek(0)
        body = spool.read() if size_bytes <= SPOOL_BYTES else None
        store.put(key, body or cast(BinaryIO, spool), content_type="application/vnd.apache.parquet")
    kept = pa.concat_tables([VERSIONS.empty_table(), *versions]).combine_chunks() if rows <= INDEXED_ROWS else None
    return WrittenFile(FileSummary(key, size_bytes, rows, footer, kept), put_at, body)


def _row_groups(chunks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held = SCHEMA.empty_table()
    for chunk in chunks:
        held = pa.concat_tables([held, chunk])
        while held.num_rows >= ROW_GROUP_ROWS or held.nbytes >= ROW_GROUP_BYTES:
            yield held.slice(0, ROW_GROUP_ROWS)
            held = held.slice(ROW_GROUP_ROWS)
    if held.num_rows:
        yield held


def _writer(sink: Any, footer: Footer, bloom_rows: int) -> Any:
    writer = pq.ParquetWriter(
        sink,
        SCHEMA,
        compression="zstd",
        use_dictionary=[name for name in COLUMNS if name not in _UNIQUE | _DIFFERENCES],
        column_encoding=dict.fromkeys(_DIFFERENCES, "DELTA_BINARY_PACKED"),
        write_statistics=[name for name in COLUMNS if name not in _NO_STATISTICS],
        write_page_index=True,
        data_page_size=PAGE_BYTES,
        sorting_columns=[pq.SortingColumn(SCHEMA.get_field_index("started_at"))],
        # With random ids, minimum and maximum exclude nothing. A Bloom filter lets a reader skip a file that does not
        # hold an id. One end of a call is nearly always ours, so each column has at most half as many numbers as rows.
        bloom_filter_options={
            name: {"ndv": max(bloom_rows // share, 1), "fpp": BLOOM_FALSE_POSITIVES}
            for name, share in (("recording_id", 1), ("caller", 2), ("callee", 2))
        },
        store_schema=False,  # Parquet's own types say everything, and this copy would make every small read larger
    )
    notes = {"schema_version": str(SCHEMA_VERSION), "tier": str(footer.tier), "since": iso(footer.since)}
    writer.add_key_value_metadata({f"call_lake.{name}": value for name, value in notes.items()})
    return writer


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
