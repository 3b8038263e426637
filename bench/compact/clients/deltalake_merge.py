"""delta-rs: MERGE with the newer version as its condition, vacuum without retention to tidy."""

from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from bench.compact import worker
from bench.compact.worker import PARTITIONED_BY, Job, again_after, newest

SAME = "t.source = s.source AND t.call_date = s.call_date AND t.recording_id = s.recording_id"


class Delta(worker.Table):
    """A Delta table; the subclass says how rows get into it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def table(self) -> Any:
        raise NotImplementedError

    def tidy(self) -> None:
        table = self.table()
        table.optimize.compact()
        table.vacuum(0, dry_run=False, enforce_retention_duration=False)

    def files(self) -> list[str]:
        return [uri.removeprefix(f"s3://{self._job.bucket}/") for uri in self.table().file_uris()]


class Table(Delta):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._uri = f"s3://{job.bucket}/calls"
        self._options = {
            "AWS_ENDPOINT_URL": job.s3_url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "aws_conditional_put": "etag",
        }

    def load(self, rows: pa.Table) -> None:
        write_deltalake(self._uri, newest(rows), partition_by=list(PARTITIONED_BY), storage_options=self._options)

    def merge(self, rows: pa.Table) -> None:
        unique = newest(rows)

        def once() -> None:
            merging: Any = self.table().merge(unique, SAME, source_alias="s", target_alias="t")
            merging.when_matched_update_all("s.stored_at > t.stored_at").when_not_matched_insert_all().execute()

        again_after(CommitFailedError, once)

    def table(self) -> Any:
        return DeltaTable(self._uri, storage_options=self._options)
