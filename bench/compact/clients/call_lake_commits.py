"""Call Lake's commits, four partitions at once as in the compactor. The ledger has no tombstones and costs nothing."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from bench.compact import worker
from bench.compact.dataset import NOW
from bench.compact.worker import Job, by_partition
from call_lake.aws.client import client
from call_lake.aws.s3 import S3ObjectStore
from call_lake.lake.arrow_rows import arrow_schema
from call_lake.lake.compactor import PARTITIONS_AT_ONCE
from call_lake.lake.lake import Lake
from call_lake.lake.manifest import list_partitions, read_manifest
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.ports import Item

GRACE_S = 86_400.0  # the compactor's default


class Clock:
    """The bench's day; its seconds pass."""

    def __init__(self) -> None:
        self._ahead = NOW - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def advance(self, by: timedelta) -> None:
        self._ahead += by


class NobodyErased:
    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        return {}


class Table(worker.Table):
    def __init__(self, job: Job) -> None:
        self.store = S3ObjectStore(client("s3"), job.bucket)
        self.clock, self.ledger = Clock(), NobodyErased()
        self._lake = Lake(self.store, self.ledger, self.clock, GRACE_S)

    def load(self, rows: pa.Table) -> None:
        self.merge(rows)

    def merge(self, rows: pa.Table) -> None:
        with ThreadPoolExecutor(PARTITIONS_AT_ONCE) as pool:
            commits = [
                pool.submit(
                    self._lake.commit,
                    Partition(source, date.fromisoformat(day)),
                    part.select(arrow_schema(CALLS).names),
                )
                for (source, day), part in by_partition(rows)
            ]
            for one in commits:
                one.result()

    def tidy(self) -> None:
        """The next day's run closes days, the run a day after that collects. The next day by the S3's clock, which is
        that of the machine."""
        self.clock.advance(datetime.now(UTC) + timedelta(days=2) - self.clock.now())
        for partition in self._lake.to_close():
            self._lake.close(partition)
        self.clock.advance(timedelta(days=2))
        for partition in self._lake.garbage.look():
            self._lake.garbage.collect(partition)

    def files(self) -> list[str]:
        return [
            key for one in list_partitions(self.store, CALLS) for key in read_manifest(self.store, one.partition).keys
        ]
