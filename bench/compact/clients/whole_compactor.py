"""The whole compactor: rows come as JSON in the inbox, ten an object as the copier's batches write them; each run
lists, reads, sets aside, commits, deletes, closes and collects."""

import math
from itertools import batched

import pyarrow as pa

from bench.compact.clients import call_lake_commits
from bench.compact.worker import Job, by_partition
from call_lake.bucket.inbox import put_rows
from call_lake.lake.arrow_rows import arrow_schema, rows_of
from call_lake.lake.compactor import Compactor
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.settings import CompactorSettings
from tests.support.fakes import Calls, MemoryCatalog

BATCH = 10


class Table(call_lake_commits.Table):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        settings = CompactorSettings("ledger", self.store.bucket, "call_lake")
        self._compactor = Compactor(self.store, self.ledger, MemoryCatalog(Calls()), self.clock, settings)
        self._lake = self._compactor.lake  # so that the compactor is warm after the load

    def prepare(self, rows: pa.Table) -> None:
        for (source, day), part in by_partition(rows):
            partition = Partition.of_key(f"source={source}/call_date={day}/", "")
            assert partition is not None
            for batch in batched(rows_of(part.select(arrow_schema(CALLS).names), partition), BATCH, strict=False):
                put_rows(self.store, batch, CALLS)

    def load(self, rows: pa.Table) -> None:
        """The commits alone: only increments go through the inbox."""
        super().merge(rows)

    def merge(self, rows: None) -> None:
        result = self._compactor.run(math.inf)
        assert not result.failed, result.failed
        assert not result.left_over, result.left_over
