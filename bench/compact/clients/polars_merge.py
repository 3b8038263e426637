"""Read, merge, write with Polars and its own S3."""

from typing import Any

import polars as pl
import pyarrow as pa

from bench.compact.clients.plain import CODEC, Plain


class Table(Plain):
    def __init__(self, job: Any) -> None:
        super().__init__(job)
        self._options = {"aws_endpoint_url": job.s3_url, "aws_allow_http": "true", "aws_region": "eu-central-1"}
        self._options |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def load(self, rows: pa.Table) -> None:
        self.each(rows, lambda path, part: self._write(path, pl.from_arrow(part)))

    def merge(self, rows: pa.Table) -> None:
        def one(path: str, part: pa.Table) -> None:
            standing = pl.read_parquet(f"s3://{path}", storage_options=self._options, hive_partitioning=False)
            self._write(path, pl.concat([standing, pl.from_arrow(part)]))

        self.each(rows, one)

    def _write(self, path: str, rows: Any) -> None:
        newest = rows.sort("stored_at", descending=True).unique("recording_id", keep="first", maintain_order=True)
        newest.write_parquet(f"s3://{path}", compression=CODEC, storage_options=self._options)
