"""The twin of a table: its rows with fewer columns, in separate files. ``calls_open`` is ``calls`` without numbers and
names (ADR 0009).

S3 and IAM protect whole files, not columns: who may read a file may read all of it. So analysts read other files. Each
data file has a twin of the same name without the personal columns, and each partition has a manifest of the twins. The
twins are made after the commit. So this table is moments behind ``calls``, or one compaction behind after a crash.
"""

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.errors import Reason, Transient
from call_lake.lake.arrow_rows import arrow_schema
from call_lake.lake.data_file import SPOOL_BYTES, DataFile
from call_lake.lake.errors import FileGone
from call_lake.lake.manifest import read_manifest
from call_lake.model.lake_tables import LakeTable, TablePartition
from call_lake.ports import ObjectStore, PreconditionFailed, WriteConflict

TRIES = 5
BATCH_ROWS = 65_536


class OpenTable:
    """Keeps the twins equal to the data files. ``create``: also make twins for partitions that have none yet. Without
    it only partitions that have twins already are updated."""

    def __init__(self, store: ObjectStore, *, create: bool) -> None:
        self._store = store
        self._create = create

    def follow(self, partition: TablePartition) -> bool:
        """Make the twins of a partition match its data files; return False where they matched already, or the table has
        no twin. Raises Transient after too many lost swaps."""
        twin = partition.twin
        if twin is None:
            return False
        for _ in range(TRIES):
            # The twin's manifest first: if somebody else follows a newer manifest meanwhile, our swap fails.
            old = self._store.get(twin.manifest)
            if old is None and not self._create:
                return False
            keys = read_manifest(self._store, partition).keys
            body = "".join(f"s3://{self._store.bucket}/{_twin_key(key, twin)}\n" for key in keys).encode()
            if not keys or (old is not None and old[0] == body):
                return False
            try:
                for key in keys:
                    self._make_twin(key, twin)
                etag = old[1] if old else None
                self._store.put(twin.manifest, body, if_match=etag, if_none_match=etag is None)
            except (PreconditionFailed, WriteConflict, FileGone):
                continue
            if read_manifest(self._store, partition).keys == keys:
                return True  # else somebody committed meanwhile and may have died: our manifest would look newer
        raise Transient(Reason.BUSY, f"{twin}: it met faster ones; the next run follows")

    def drop(self, partition: TablePartition, keys: Iterable[str]) -> None:
        """Delete the twins of data files that are about to be deleted."""
        self.follow(partition)
        if partition.twin is not None:
            self._store.delete([_twin_key(key, partition.twin) for key in keys])

    def behind(self, table: LakeTable) -> list[TablePartition]:
        """Partitions of a table whose last commit is newer than their twins. Costs two listings, reads no object."""
        if table.twin is None:
            return []
        prefix = table.twin.manifests
        followed = {info.key.removeprefix(prefix): info.last_modified for info in self._store.list(prefix)}
        found = []
        for info in self._store.list(table.manifests):
            partition, path = TablePartition.of_key(info.key), info.key.removeprefix(table.manifests)
            missing = self._create if path not in followed else followed[path] < info.last_modified
            if partition is not None and missing and info.size:  # an empty manifest names no file to follow
                found.append(partition)
        return found

    def _make_twin(self, key: str, twin: TablePartition) -> None:
        copy = _twin_key(key, twin)
        info = self._store.head(key)
        if info is None:
            raise FileGone(key)
        if self._store.head(copy) is None:
            file = DataFile(self._store, key, info.size)
            with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool, suppress(PreconditionFailed):
                _write(file.batches(BATCH_ROWS), twin.table, spool)
                # If somebody else wrote it meanwhile, it has the same bytes: data files never change.
                body = cast(BinaryIO, spool)
                self._store.put(copy, body, if_none_match=True, content_type="application/vnd.apache.parquet")


def _twin_key(key: str, twin: TablePartition) -> str:
    return f"{twin.data}{key.rpartition('/')[2]}"


def _write(batches: Iterable[pa.Table], table: LakeTable, sink: Any) -> None:
    schema = arrow_schema(table)
    with pq.ParquetWriter(sink, schema, compression="zstd", write_page_index=True, store_schema=False) as writer:
        for batch in batches:
            writer.write_table(batch.select(schema.names))
