"""Plain Parquet, one file a partition: pyarrow, DuckDB and Polars read it, merge and overwrite it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType, S3FileSystem

from bench.compact.task import Contender, Job, by_partition

THREADS = 4
CODEC = "zstd"


def s3(job: Job) -> S3FileSystem:
    return S3FileSystem(
        endpoint_override=job.s3_url, region=os.environ["AWS_REGION"], access_key="test", secret_key="test"
    )


class Plain(Contender):
    def __init__(self, job: Job) -> None:
        self.job = job
        self.s3 = s3(job)
        self.root = f"{job.bucket}/calls"

    def path(self, where: tuple[str, str]) -> str:
        return f"{self.root}/source={where[0]}/call_date={where[1]}/part.parquet"

    def each(self, rows: pa.Table, work: Callable[[str, pa.Table], Any]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            jobs = [
                pool.submit(work, self.path(where), part.drop_columns(["source", "call_date"]))
                for where, part in by_partition(rows)
            ]
            for job in jobs:
                job.result()

    def write(self, path: str, rows: pa.Table) -> None:
        pq.write_table(rows, path, filesystem=self.s3, compression=CODEC)

    def files(self) -> list[str]:
        found = self.s3.get_file_info(FileSelector(self.root, recursive=True))
        return [info.path.removeprefix(f"{self.job.bucket}/") for info in found if info.type is FileType.File]
