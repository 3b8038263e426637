"""One writer: `python -m tests.torture.writer JOB`. It commits rows, old ones and others' again, in several
versions, erases some, closes days and collects, until it is told to stop."""

import random
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.s3 import S3ObjectStore
from call_lake.errors import Transient
from call_lake.lake.lake import CommitResult, Lake
from call_lake.model.lake_tables import TablePartition
from tests.torture.job import Job, Notes, name_of, now_ns, table_of
from tests.torture.model import NEVER, Committed, Erased, WriterTotals
from tests.torture.naive import NaiveLake

NEW_ROWS = 12
REPEATED_ROWS = 4
VERSIONS = 3
ERASE_EVERY, CLOSE_EVERY, COLLECT_EVERY = 7, 11, 5


class Commits(Protocol):
    def commit(self, partition: TablePartition, rows: pa.Table) -> CommitResult: ...

    def remove(self, partition: TablePartition, ids: set[str]) -> int: ...


class Writer:
    def __init__(self, job: Job, notes: Notes) -> None:
        self._job, self._notes = job, notes
        self._luck = random.Random(job.number)
        self._partitions = job.partitions()
        self._made = 0
        self._turn = 0
        self._collected = 0
        self._conflicts = 0
        self._store = S3ObjectStore(client("s3"), job.bucket)
        self._table = DynamoTable(client("dynamodb"), job.table)
        self._lake = Lake(self._store, self._table, SystemClock(), job.grace_s)

    def turn(self) -> None:
        self._turn += 1
        lake: Commits = NaiveLake(self._store) if self._job.naive else self._lake
        self._commit(lake, self._luck.choice(self._partitions))
        if self._turn % ERASE_EVERY == 0:
            self._erase(lake)
        if self._job.naive:
            return
        if self._turn % CLOSE_EVERY == 0:
            self._lake.close(self._luck.choice(self._partitions))
        if self._turn % COLLECT_EVERY == 0:
            garbage = self._lake.garbage
            for table in {partition.table for partition in self._partitions}:
                self._collected += sum(map(garbage.collect, garbage.look(table)))

    def end(self) -> None:
        self._notes.add(WriterTotals(self._collected, self._conflicts))

    def _commit(self, lake: Commits, partition: TablePartition) -> None:
        names = [name_of(self._job.number, number) for number in range(self._made, self._made + NEW_ROWS)]
        self._made += NEW_ROWS
        # A recording lies in one partition for ever: which one follows from its number.
        names = [name for name in names if self._place_of(name) == partition] + self._old_names(partition)
        versions = {name: _stored_at(name, self._luck.randrange(VERSIONS)) for name in names}
        if not versions:
            return
        try:
            result = lake.commit(partition, table_of(partition, versions))
        except Transient:
            return  # too many races in a row: nothing was promised
        self._conflicts += result.conflicts
        self._notes.add(Committed(str(partition), versions, now_ns()))

    def _old_names(self, partition: TablePartition) -> list[str]:
        """Of any writer, delivered already or not, erased or not."""
        drawn = [
            name_of(self._luck.randrange(self._job.writers), self._luck.randrange(self._made))
            for _ in range(REPEATED_ROWS * len(self._partitions))
        ]
        return [name for name in dict.fromkeys(drawn) if self._place_of(name) == partition]

    def _erase(self, lake: Commits) -> None:
        mine = name_of(self._job.number, self._luck.randrange(self._made))
        partition = self._place_of(mine)
        begun = now_ns()
        self._table.update(mine, {"state": "ERASED"})
        try:
            lake.remove(partition, {mine})
            done = now_ns()
        except Transient:  # the tombstone is there: the next commit may take the row out, or none
            done = NEVER
        self._notes.add(Erased(str(partition), mine, begun, done))

    def _place_of(self, name: str) -> TablePartition:
        return self._partitions[int(name[-8:], 16) % len(self._partitions)]


def _stored_at(name: str, version: int) -> int:
    """In ms; a later version is a minute later."""
    return 1_790_000_000_000 + int(name[-6:], 16) + 60_000 * version


def main() -> None:
    job = Job.given()
    with (Path(job.notes) / f"writer-{job.number}.notes").open("w") as file:
        writer = Writer(job, Notes(file))
        job.is_ready()
        while job.goes_on():
            writer.turn()
        writer.end()


if __name__ == "__main__":
    main()
