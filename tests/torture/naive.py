"""The control: a lake as it is often written. A commit adds a file, or merges the partition's files into
one and deletes them; a reader takes what it finds in the folder."""

import uuid

import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import arrow_schema, newest_of, without_ids
from call_lake.lake.lake import CommitResult
from call_lake.model.lake_tables import TablePartition
from call_lake.ports import ObjectStore

FILES_MOST = 4


class NaiveLake:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def commit(self, partition: TablePartition, rows: pa.Table) -> CommitResult:
        files = [info.key for info in self._store.list(partition.data)]
        if len(files) < FILES_MOST:
            self._write(partition, rows)
        else:
            self._rewrite(partition, files, rows, set())
        return CommitResult(rows.num_rows, 0)

    def remove(self, partition: TablePartition, ids: set[str]) -> int:
        self._rewrite(
            partition,
            [info.key for info in self._store.list(partition.data)],
            arrow_schema(partition.table).empty_table(),
            ids,
        )
        return len(ids)

    def _rewrite(self, partition: TablePartition, files: list[str], rows: pa.Table, without: set[str]) -> None:
        found = [self._store.get(key) for key in files]
        standing = [pq.read_table(pa.BufferReader(body)) for body, _ in filter(None, found)]
        self._write(partition, without_ids(newest_of(pa.concat_tables([*standing, rows]), partition.table), without))
        self._store.delete(files)

    def _write(self, partition: TablePartition, rows: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, store_schema=False)
        self._store.put(f"{partition.data}{uuid.uuid4().hex}.parquet", sink.getvalue().to_pybytes())
