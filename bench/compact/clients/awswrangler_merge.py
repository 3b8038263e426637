"""awswrangler: read the touched partitions, merge in pandas, overwrite them (mode ``overwrite_partitions``)."""

import awswrangler as wr
import pandas as pd
import pyarrow as pa

from bench.compact import worker
from bench.compact.worker import PARTITIONED_BY, Job


class Table(worker.Table):
    def __init__(self, job: Job) -> None:
        wr.config.s3_endpoint_url = job.s3_url
        self._root = f"s3://{job.bucket}/calls/"
        self._bucket = job.bucket

    def load(self, rows: pa.Table) -> None:
        self._write(_newest(rows.to_pandas()))

    def merge(self, rows: pa.Table) -> None:
        new = rows.to_pandas()
        touched = set(zip(*(new[name] for name in PARTITIONED_BY), strict=True))
        standing = wr.s3.read_parquet(
            self._root,
            dataset=True,
            partition_filter=lambda values: (values["source"], values["call_date"]) in touched,
        )
        for name in PARTITIONED_BY:
            standing[name] = standing[name].astype(str)
        self._write(_newest(pd.concat([standing, new], ignore_index=True)))

    def _write(self, rows: pd.DataFrame) -> None:
        wr.s3.to_parquet(
            rows,
            path=self._root,
            dataset=True,
            mode="overwrite_partitions",
            partition_cols=list(PARTITIONED_BY),
            compression="zstd",
        )

    def files(self) -> list[str]:
        found: list[str] = wr.s3.list_objects(self._root)
        return [uri.removeprefix(f"s3://{self._bucket}/") for uri in found]


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("stored_at").drop_duplicates("recording_id", keep="last")
