"""Plain Parquet, one file a partition: pyarrow, DuckDB and Polars read it, merge and overwrite it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileSelector, FileType

from bench.compact.worker import Job, Table, by_partition, s3_of

THREADS = 4
CODEC = "zstd"


class Plain(Table):
    def __init__(self, job: Job) -> None:
        self.job = job
        self.s3 = s3_of(job.s3_url)
        self._root = f"{job.bucket}/calls"

    def each(self, rows: pa.Table, work: Callable[[str, pa.Table], Any]) -> None:
        """``work`` on each partition: the path of its file, and its rows."""
        with ThreadPoolExecutor(THREADS) as pool:
            jobs = [
                pool.submit(
                    work,
                    f"{self._root}/source={source}/call_date={day}/part.parquet",
                    part.drop_columns(["source", "call_date"]),
                )
                for (source, day), part in by_partition(rows)
            ]
            for job in jobs:
                job.result()

    def write(self, path: str, rows: pa.Table) -> None:
        pq.write_table(rows, path, filesystem=self.s3, compression=CODEC)

    def files(self) -> list[str]:
        found = self.s3.get_file_info(FileSelector(self._root, recursive=True))
        return [info.path.removeprefix(f"{self.job.bucket}/") for info in found if info.type is FileType.File]
