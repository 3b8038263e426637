"""The table ``calls_open``: the rows of ``calls`` without numbers and names, in separate files (ADR 0009).

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
from call_lake.lake.arrow_rows import SCHEMA
from call_lake.lake.data_file import SPOOL_BYTES, DataFile
from call_lake.lake.errors import FileGone
from call_lake.lake.manifest import read_manifest
from call_lake.model.layout import MANIFEST, OPEN_MANIFEST, Partition
from call_lake.model.table import ABOUT_PEOPLE
from call_lake.ports import ObjectStore, PreconditionFailed, WriteConflict

PERSONAL = (*ABOUT_PEOPLE, "audio_uri")
"""Columns about people, and the one that leads to the audio."""
OPEN_SCHEMA = pa.schema([field for field in SCHEMA if field.name not in PERSONAL])
TRIES = 5
BATCH_ROWS = 65_536


class OpenTable:
    """Keeps the twins equal to the data files. ``create``: also make twins for partitions that have none yet. Without
    it only partitions that have twins already are updated."""

    def __init__(self, store: ObjectStore, *, create: bool) -> None:
        self._store = store
        self._create = create

    def follow(self, partition: Partition) -> bool:
        """Make the twins of a partition match its data files; return False where they matched already. Raises
        Transient after too many lost swaps."""
        for _ in range(TRIES):
            # The open manifest first: if somebody else follows a newer manifest meanwhile, our swap fails.
            old = self._store.get(partition.open_manifest)
            if old is None and not self._create:
                return False
            keys = read_manifest(self._store, partition).keys
            body = "".join(f"s3://{self._store.bucket}/{_twin(key, partition)}\n" for key in keys).encode()
            if not keys or (old is not None and old[0] == body):
                return False
            try:
                for key in keys:
                    self._make_twin(key, partition)
                etag = old[1] if old else None
                self._store.put(partition.open_manifest, body, if_match=etag, if_none_match=etag is None)
            except (PreconditionFailed, WriteConflict, FileGone):
                continue
            if read_manifest(self._store, partition).keys == keys:
                return True  # else somebody committed meanwhile and may have died: our manifest would look newer
        raise Transient(Reason.BUSY, f"{partition}: the open table met faster ones; the next run follows")

    def drop(self, partition: Partition, keys: Iterable[str]) -> None:
        """Delete the twins of data files that are about to be deleted."""
        self.follow(partition)
        self._store.delete([_twin(key, partition) for key in keys])

    def behind(self) -> list[Partition]:
        """Partitions whose last commit is newer than their twins. Costs two listings, and reads no object."""
        followed = {
            info.key.removeprefix(OPEN_MANIFEST): info.last_modified for info in self._store.list(OPEN_MANIFEST)
        }
        found = []
        for info in self._store.list(MANIFEST):
            partition, path = Partition.of_key(info.key, MANIFEST), info.key.removeprefix(MANIFEST)
            missing = self._create if path not in followed else followed[path] < info.last_modified
            if partition is not None and missing and info.size:  # an empty manifest names no file to follow
                found.append(partition)
        return found

    def _make_twin(self, key: str, partition: Partition) -> None:
        twin = _twin(key, partition)
        info = self._store.head(key)
        if info is None:
            raise FileGone(key)
        if self._store.head(twin) is None:
            file = DataFile(self._store, key, info.size)
            with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool, suppress(PreconditionFailed):
                _write_without_people(file.batches(BATCH_ROWS), spool)
                # If somebody else wrote it meanwhile, it has the same bytes: data files never change.
                body = cast(BinaryIO, spool)
                self._store.put(twin, body, if_none_match=True, content_type="application/vnd.apache.parquet")


def _twin(key: str, partition: Partition) -> str:
    return f"{partition.open_data}{key.rpartition('/')[2]}"


def _write_without_people(batches: Iterable[pa.Table], sink: Any) -> None:
    with pq.ParquetWriter(sink, OPEN_SCHEMA, compression="zstd", write_page_index=True, store_schema=False) as writer:
        for batch in batches:
            writer.write_table(batch.select(OPEN_SCHEMA.names))
