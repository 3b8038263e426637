"""One reader: `python -m tests.torture.reader JOB`. It plans from a manifest and reads the files that it names, with
pyarrow or with DuckDB, over HTTP, until it is told to stop. Nothing is deduplicated and nothing tried again."""

import os
import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import S3FileSystem

from call_lake.aws.client import client
from call_lake.aws.s3 import S3ObjectStore
from call_lake.lake.manifest import read_manifest
from call_lake.model.lake_tables import TablePartition
from tests.torture.job import Job, Notes, now_ns
from tests.torture.model import QuerySeen


def with_pyarrow(s3: S3FileSystem, paths: list[str], columns: list[str]) -> pa.Table:
    return pa.concat_tables(pq.read_table(path, filesystem=s3, columns=columns, partitioning=None) for path in paths)


def with_duckdb(s3: S3FileSystem, paths: list[str], columns: list[str]) -> pa.Table:
    """DuckDB asks, pyarrow opens, as docs/reading has it: DuckDB's own S3 is an extension."""
    with duckdb.connect() as connection:
        connection.register("calls", ds.dataset(paths, filesystem=s3))
        return connection.sql("FROM calls").select(*columns).to_arrow_table()


READERS = {"pyarrow": with_pyarrow, "duckdb": with_duckdb}


class Reader:
    def __init__(self, job: Job, notes: Notes) -> None:
        self._job, self._notes = job, notes
        self._luck = random.Random(job.number)
        self._name = list(READERS)[job.number % len(READERS)]
        self._store = S3ObjectStore(client("s3"), job.bucket)
        self._s3 = S3FileSystem(endpoint_override=job.endpoint_url, region=os.environ["AWS_REGION"])

    def turn(self) -> None:
        partition = self._luck.choice(self._job.partitions())
        before = now_ns()
        keys, rank = self._planned(partition), partition.table.rank
        after = now_ns()
        if not keys:
            return  # nothing was committed yet
        try:
            table = READERS[self._name](self._s3, [f"{self._job.bucket}/{key}" for key in keys], ["recording_id", rank])
            times = table[rank].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_pylist()
            rows, error = list(zip(table["recording_id"].to_pylist(), times, strict=True)), ""
        except (OSError, pa.ArrowException, duckdb.Error) as failed:
            rows, error = None, f"{type(failed).__name__}: {str(failed)[:200]}"
        read_s = (now_ns() - before) / 1e9
        self._notes.add(QuerySeen(self._name, str(partition), before, after, read_s, rows, error))

    def _planned(self, partition: TablePartition) -> list[str]:
        if self._job.naive:
            return [info.key for info in self._store.list(partition.data)]
        return list(read_manifest(self._store, partition).keys)


def main() -> None:
    job = Job.given()
    with (Path(job.notes) / f"reader-{job.number}.notes").open("w") as file:
        reader = Reader(job, Notes(file))
        job.is_ready()
        while job.goes_on():
            reader.turn()


if __name__ == "__main__":
    main()
