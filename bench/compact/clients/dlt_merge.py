"""dlt: disposition ``merge``, strategy ``upsert``, to Delta tables on its filesystem destination."""

from typing import Any

import dlt
import pyarrow as pa
from dlt.common.libs.deltalake import get_delta_tables
from dlt.destinations import filesystem
from dlt.sources.credentials import AwsCredentials

from bench.compact.clients.deltalake_merge import Delta
from bench.compact.worker import PARTITIONED_BY, Job, newest


class Table(Delta):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        credentials = AwsCredentials(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="eu-central-1",
            endpoint_url=job.s3_url,
        )
        target = filesystem(
            bucket_url=f"s3://{job.bucket}",
            credentials=credentials,
            deltalake_storage_options={"AWS_ALLOW_HTTP": "true", "aws_conditional_put": "etag"},
        )
        self._pipeline = dlt.pipeline(
            "bench", pipelines_dir=f"{job.state}/dlt", destination=target, dataset_name="lake"
        )

    def load(self, rows: pa.Table) -> None:
        self.merge(rows)

    def merge(self, rows: pa.Table) -> None:
        calls = dlt.resource(
            newest(rows),
            name="calls",
            primary_key="recording_id",
            write_disposition={"disposition": "merge", "strategy": "upsert"},
            columns={name: {"partition": True} for name in PARTITIONED_BY},
            table_format="delta",
        )
        self._pipeline.run(calls)

    def table(self) -> Any:
        return get_delta_tables(self._pipeline, "calls")["calls"]
