"""Data files: written once, read in ranges, never changed (design rule 16, section 5).

A file carries in its own footer what the compactor has to know of it: schema version, tier, and when its oldest rows
were committed.
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

from call_lake.lake.arrow_rows import SCHEMA, VERSIONS, conform, versions_of
from call_lake.lake.errors import FileGone, NewerSchema
from call_lake.model.layout import DATA, Partition, data_key
from call_lake.model.table import COLUMNS, SCHEMA_VERSION
from call_lake.model.times import iso, parse_iso
from call_lake.ports import Clock, ObjectStore

ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 128 * 1024 * 1024  # of Arrow memory: what a merge holds before it writes
WHOLE_BYTES = 8 * 1024 * 1024  # a file up to this is read in one request
READ_BYTES = 256 * 1024  # and column, of a larger one
TAIL_BYTES = 128 * 1024  # footer, page index and Bloom filters of most files
INDEXED_ROWS = 200_000  # some 5 MB in memory
SPOOL_BYTES = 32 * 1024 * 1024
PAGE_BYTES = 256 * 1024  # a merge holds one page of each column of each file, unpacked
BLOOM_FALSE_POSITIVES = (
    0.03  # the fewest bytes of filters and of columns read in vain together: a filter's size is a power of 2
)

# Nearly every value of these is another: a dictionary only costs.
_UNIQUE = {"recording_id", "provider_key", "connection_id", "audio_uri", "audio_sha256", "raw"}
# Nor do these repeat; sorted, or nearly, they are small as differences.
_DIFFERENCES = {"started_at", "ended_at", "listed_at", "stored_at"}
# Nobody looks for a range of these, and their least and largest values are a sixth of a footer.
_NO_STATISTICS = {"audio_sha256", "raw"}

_OF_VERSIONS = ["recording_id", "stored_at", "audio_uri"]


@dataclass(frozen=True, slots=True)
class Facts:
    """``tier``: 0 appended, 1 merged once, 2 merged from merged ones. ``since``: the commit of its oldest rows."""

    tier: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What is worth remembering of a file, which never changes: ``versions`` holds key and rank of every
    row (``lake_rows.VERSIONS``), or is None where they are too many."""

    key: str
    size_bytes: int
    rows: int
    facts: Facts
    versions: pa.Table | None


class DataFile:
    """One file, opened: its footer is read, nothing else is kept. ``body``: its bytes, where the caller has them."""

    def __init__(self, store: ObjectStore, key: str, size_bytes: int, body: bytes | None = None) -> None:
        self.key = key
        self.size_bytes = size_bytes
        source = _source(store, key, size_bytes) if body is None else pa.BufferReader(body)
        # Else it would hold whole row groups of every file of a merge.
        self._file = pq.ParquetFile(source, buffer_size=READ_BYTES, pre_buffer=False)
        footer = {name.decode(): value.decode() for name, value in (self._file.metadata.metadata or {}).items()}
        version = int(footer["call_lake.schema_version"])
        if version > SCHEMA_VERSION:
            raise NewerSchema(f"{key} has schema version {version}, this is {SCHEMA_VERSION}: deploy the newer one")
        self.rows = int(self._file.metadata.num_rows)
        self.facts = Facts(int(footer["call_lake.tier"]), parse_iso(footer["call_lake.since"]))

    def known(self) -> Known:
        versions = None
        if self.rows <= INDEXED_ROWS:
            versions = pa.concat_tables([VERSIONS.empty_table(), *self.versions(INDEXED_ROWS)]).combine_chunks()
        return Known(self.key, self.size_bytes, self.rows, self.facts, versions)

    def versions(self, rows: int) -> Iterator[pa.Table]:
        """Key and rank of all rows (``lake_rows.VERSIONS``), some at a time."""
        nobody_expired = self._nulls("audio_uri") == 0
        columns = _OF_VERSIONS[:2] if nobody_expired else _OF_VERSIONS
        for part in self.batches(rows, columns):
            yield versions_of(part, source_of(self.key))

    def _nulls(self, name: str) -> int | None:
        """How many rows have no value there, as the footer tells; None where it does not."""
        column = self._file.schema_arrow.get_field_index(name)
        groups = [self._file.metadata.row_group(n).column(column) for n in range(self._file.metadata.num_row_groups)]
        if not all(one.statistics and one.statistics.has_null_count for one in groups):
            return None
        return sum(int(one.statistics.null_count) for one in groups)

    def batches(self, rows: int, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The rows in the file's order, some at a time; all columns in today's schema, or those named."""
        for batch in self._file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            table = pa.Table.from_batches([batch])
            yield table if columns else conform(table)


def source_of(key: str) -> str:
    """Whose rows a data file holds; empty where its key is none of ours."""
    partition = Partition.of_key(key, DATA)
    return partition.source if partition else ""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that stands since ``put_at`` at the earliest. ``body``: its bytes, unless they are many."""

    known: Known
    put_at: datetime
    body: bytes | None


def write_file(
    store: ObjectStore, clock: Clock, partition: Partition, chunks: Iterable[pa.Table], facts: Facts, rows_at_most: int
) -> Written:
    """Store sorted rows as one new file. Memory holds one row group, whatever comes."""
    key = data_key(partition, uuid.uuid4().hex)
    rows, versions = 0, []
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
        with _writer(spool, facts, min(max(rows_at_most, 1), ROW_GROUP_ROWS)) as writer:
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
    return Written(Known(key, size_bytes, rows, facts, kept), put_at, body)


def _row_groups(chunks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held = SCHEMA.empty_table()
    for chunk in chunks:
        held = pa.concat_tables([held, chunk])
        while held.num_rows >= ROW_GROUP_ROWS or held.nbytes >= ROW_GROUP_BYTES:
            yield held.slice(0, ROW_GROUP_ROWS)
            held = held.slice(ROW_GROUP_ROWS)
    if held.num_rows:
        yield held


def _writer(sink: Any, facts: Facts, bloom_rows: int) -> Any:
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
        # Random ids defeat min and max: this is what lets a reader skip a file that does not hold one. Of the two ends
        # of a call one is nearly always ours, so each column has half as many numbers as rows at most.
        bloom_filter_options={
            name: {"ndv": max(bloom_rows // share, 1), "fpp": BLOOM_FALSE_POSITIVES}
            for name, share in (("recording_id", 1), ("caller", 2), ("callee", 2))
        },
        store_schema=False,  # Parquet's own types say all, and the blob is in the way of every small read
    )
    footer = {"schema_version": str(SCHEMA_VERSION), "tier": str(facts.tier), "since": iso(facts.since)}
    writer.add_key_value_metadata({f"call_lake.{name}": value for name, value in footer.items()})
    return writer


def _source(store: ObjectStore, key: str, size_bytes: int) -> Any:
    try:
        if size_bytes <= WHOLE_BYTES:
            return pa.BufferReader(store.get_range(key, 0, size_bytes))
        return pa.PythonFile(cast(Any, _Ranges(store, key, size_bytes)), mode="r")
    except KeyError:
        raise FileGone(key) from None


class _Ranges(io.RawIOBase):
    """An object as a file: every read is one range request, but for the tail, which is fetched once."""

    def __init__(self, store: ObjectStore, key: str, size_bytes: int) -> None:
        self._store = store
        self._key = key
        self._size = size_bytes
        self._at = 0
        self._tail_at = max(0, size_bytes - TAIL_BYTES)
        self._tail = store.get_range(key, self._tail_at, TAIL_BYTES)

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
