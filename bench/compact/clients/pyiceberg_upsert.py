"""pyiceberg's upsert with a catalog in SQLite."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException

from bench.compact import worker
from bench.compact.worker import PARTITIONED_BY, Job, again_after, newest

NAME = "bench.calls"


class Table(worker.Table):
    def __init__(self, job: Job) -> None:
        self._bucket = job.bucket
        self._catalog = SqlCatalog(
            "bench",
            **{
                "uri": f"sqlite:///{Path(job.state) / 'catalog.db'}",
                "warehouse": f"s3://{job.bucket}",
                "s3.endpoint": job.s3_url,
                "s3.region": "eu-central-1",
                "s3.access-key-id": "test",
                "s3.secret-access-key": "test",
                "downcast-ns-timestamp-to-us-on-write": "true",
            },
        )

    def load(self, rows: pa.Table) -> None:
        self._catalog.create_namespace("bench")
        table = self._catalog.create_table(NAME, schema=rows.schema)
        with table.update_spec() as spec:
            for name in PARTITIONED_BY:
                spec.add_identity(name)
        table.append(newest(rows))

    def merge(self, rows: pa.Table) -> None:
        unique = newest(rows)
        again_after(CommitFailedException, lambda: self._table().upsert(unique, join_cols=["recording_id"]))

    def tidy(self) -> None:
        """Snapshots expire; pyiceberg deletes no file."""
        table = self._table()
        expire = table.maintenance.expire_snapshots()
        for snapshot in table.snapshots()[:-1]:
            expire.by_id(snapshot.snapshot_id)
        expire.commit()

    def files(self) -> list[str]:
        start = f"s3://{self._bucket}/"
        return [task.file.file_path.removeprefix(start) for task in self._table().scan().plan_files()]

    def _table(self) -> Any:
        return self._catalog.load_table(NAME)
