"""The compactor: move rows from the inbox into the lake, close past days, delete old files (rules 16 to 21).

It serves all tables: one listing of the inbox finds the rows of each. Each partition of a table goes through the same
steps: read inbox objects, commit the rows that fit, register the partition, set aside the other rows, and only then
delete exactly those objects. If a run dies in between, the next one repeats the steps, and that changes nothing.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import batched, islice

from call_lake.bucket.inbox import InboxObject, id_of, list_inbox, read_lines
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.concurrency import in_threads
from call_lake.lake.arrow_rows import table_of
from call_lake.lake.errors import OutOfTime
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.lake.registration import Registration, tables_of
from call_lake.lake.retention import RowRetention
from call_lake.lake.transcript_retention import TranscriptRetention
from call_lake.model.lake_tables import TABLES, LakeTable, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.retention import TranscriptsKept
from call_lake.observability import log
from call_lake.ports import Catalog, Clock, ObjectStore, Table
from call_lake.settings import CompactorSettings

PARTITIONS_AT_ONCE = 4
REQUESTS_AT_ONCE = 16  # of a partition: to read its inbox, to set rows aside
SET_ASIDE_AT_ONCE = 100  # between two looks at the clock
IDS_AT_ONCE = 1_000  # between two looks at the clock
OBJECTS_A_RUN = 100_000
OBJECTS_A_COMMIT = 5_000
BYTES_A_COMMIT = 16 * 1024 * 1024
LARGE_ROWS_A_COMMIT_BYTES = 4 * 1024 * 1024  # their many small values take ten times the memory of their text
QUARANTINE_COUNTED = 1_000  # in one request; who has more has to look anyway


@dataclass(slots=True)
class CompactionResult:
    """What one run did. ``rows``: rows that were new, or newer than those in the lake. ``conflicts``: swaps that
    another compactor won. ``closed``: past days that became one file. ``removed``: days that were older than
    RowRetentionDays; ``kept_for_audio``: those that wait until their audio is gone. ``transcripts_removed``: days whose
    transcripts were too old. ``collected``: files deleted.
    ``left_over``: inbox objects that were listed and are still there. ``quarantined``: rows that this run set aside;
    ``in_quarantine``: all rows there, counted up to 1,000. ``failed``: partitions with an error, each with its table,
    and which error; the next run tries them again."""

    rows: int = 0
    partitions: int = 0
    conflicts: int = 0
    quarantined: int = 0
    in_quarantine: int = 0
    closed: int = 0
    removed: int = 0
    kept_for_audio: int = 0
    transcripts_removed: int = 0
    collected: int = 0
    left_over: int = 0
    failed: list[str] = field(default_factory=list)


class Compactor:
    """Compacts all partitions, one run after the other. Keep one for as long as you can: ``lake`` remembers its
    files. ``threads``: how many partitions it works on at once."""

    def __init__(
        self,
        store: ObjectStore,
        table: Table,
        catalog: Catalog,
        clock: Clock,
        settings: CompactorSettings,
        *,
        threads: int = PARTITIONS_AT_ONCE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._threads = threads
        self._open_table = OpenTable(store, create=True) if settings.open_table else None
        self.lake = Lake(
            store, table, clock, settings.grace_s, open_table=self._open_table, is_time_over=self._is_time_over
        )
        self._registration = Registration(store, catalog, clock, tables_of(open_table=settings.open_table))
        self._retention = RowRetention(store, table, clock, self.lake, self._registration, settings.row_retention_days)
        kept = TranscriptsKept(settings.transcript_retention_days, settings.audio_retention_days)
        self._transcripts = TranscriptRetention(store, table, clock, self.lake, self._registration, kept)
        self._used: set[LakeTable] = set()
        self._lock = threading.Lock()
        self._until_s = 0.0
        self._result = CompactionResult()

    def run(self, until_s: float) -> CompactionResult:
        """Do what there is to do until ``until_s`` (monotonic). The next run does the rest. A partition that fails does
        not stop the others."""
        self._until_s = until_s
        self._result = CompactionResult()
        self._each(self._registration.compare, self._registration.due())
        self._drain_inbox()
        if self._transcripts.is_due():
            self._remove_old_transcripts()
        if self._retention.is_due():
            self._remove_old_days()
        for table in filter(self._is_used, TABLES):
            self._each(self._close, self.lake.to_close(table))
            if self._open_table:  # what a run that died has left, or everything where the open table is new
                self._each(partial(self._follow, self._open_table), self._open_table.behind(table))
            self._each(self._collect, self.lake.garbage.look(table))
            set_aside = islice(self._store.list(table.quarantine), QUARANTINE_COUNTED)
            self._result.in_quarantine += sum(1 for _ in set_aside)
        return self._result

    def _is_used(self, table: LakeTable) -> bool:
        """Whether the table ever had an object. A table that nobody fills costs one request a run."""
        if table not in self._used and next(iter(self._store.list(table.prefix)), None) is not None:
            self._used.add(table)
        return table in self._used

    def _is_time_over(self) -> bool:
        return self._clock.monotonic() >= self._until_s

    # -- the inbox

    def _drain_inbox(self) -> None:
        waiting: dict[TablePartition | None, list[InboxObject]] = {}
        for one in islice(list_inbox(self._store), OBJECTS_A_RUN):
            waiting.setdefault(one.place, []).append(one)
            self._result.left_over += 1
        # The newest first: a backfill must not delay today's calls.
        newest = sorted(waiting, key=lambda p: p.call_date if p else date.min, reverse=True)
        self._each(lambda partition: self._drain(partition, waiting[partition]), newest)

    def _drain(self, partition: TablePartition | None, objects: list[InboxObject]) -> None:
        has_large_rows = partition is not None and partition.table.has_large_rows
        batches = list(_batches(objects, LARGE_ROWS_A_COMMIT_BYTES if has_large_rows else BYTES_A_COMMIT))
        for number, batch in enumerate(batches, 1):
            if self._is_time_over():
                break
            self._commit(partition, [one.key for one in batch], more_to_come=number < len(batches))
        with self._lock:
            self._result.partitions += 1

    def _commit(self, partition: TablePartition | None, keys: list[str], more_to_come: bool) -> None:
        """Commit the rows of some inbox objects, let queries see them, set aside those that do not fit, then delete
        these objects."""
        found = self._at_once(lambda key: read_lines(self._store, key), keys)
        lines = [(key, n, line) for key, of_key in zip(keys, found, strict=True) for n, line in enumerate(of_key)]
        if partition is None:
            rejected = [RejectedRow(key, line, "the key names no partition of a table", n) for key, n, line in lines]
        else:
            table, unfit = table_of([line for _, _, line in lines], partition)
            places = [(*lines[position], reason) for position, reason in unfit]
            rejected = [RejectedRow(key, line, reason, n) for key, n, line, reason in places]
            if table.num_rows:
                committed = self.lake.commit(partition, table, more_to_come=more_to_come)
                self._registration.register(partition)
                with self._lock:
                    self._result.rows += committed.rows
                    self._result.conflicts += committed.conflicts
        self._set_aside(rejected)
        self._store.delete(keys)
        with self._lock:
            self._result.left_over -= len(keys)

    def _set_aside(self, rejected: list[RejectedRow]) -> None:
        """Put rows into the quarantine, except those of recordings that are erased meanwhile. An erasure writes its
        tombstone and then searches the quarantine. So either we see the tombstone, or the erasure finds the row.

        Raises OutOfTime.
        """
        for some in batched(rejected, SET_ASIDE_AT_ONCE, strict=False):
            if self._is_time_over():
                raise OutOfTime
            erased = self._erased(some)
            kept = [one for one in some if id_of(one.text) not in erased]
            keys = dict(zip(self._at_once(lambda one: quarantine(self._store, one), kept), kept, strict=True))
            if erased := self._erased(kept):
                self._store.delete([key for key, one in keys.items() if id_of(one.text) in erased])
            for key, one in keys.items():
                log.error("row set aside", key=key, reason=one.reason)
            with self._lock:
                self._result.quarantined += len(kept)

    def _erased(self, rows: Iterable[RejectedRow]) -> set[str]:
        return self.lake.erased({id for one in rows if (id := id_of(one.text))})

    # -- days and files

    def _follow(self, open_table: OpenTable, partition: TablePartition) -> None:
        open_table.follow(partition)
        self._registration.register(partition)

    def _close(self, partition: TablePartition) -> None:
        self.lake.close(partition)
        with self._lock:
            self._result.closed += 1

    def _remove_old_transcripts(self) -> None:
        failed = len(self._result.failed)
        self._each(self._remove_transcripts, self._transcripts.old_days())
        if len(self._result.failed) == failed and not self._is_time_over():
            self._transcripts.done()

    def _remove_transcripts(self, partition: Partition) -> None:
        is_removed = self._transcripts.remove(partition, self._each_id)
        with self._lock:
            self._result.transcripts_removed += is_removed

    def _remove_old_days(self) -> None:
        failed = len(self._result.failed)
        self._each(self._remove, self._retention.old_days())
        self._each(lambda source: self._retention.remove_unsettled(source, self._each_id), self._retention.sources())
        if len(self._result.failed) == failed and not self._is_time_over():
            self._retention.done()

    def _remove(self, partition: Partition) -> None:
        is_removed = self._retention.remove(partition, self._each_id)
        with self._lock:
            self._result.removed += is_removed
            self._result.kept_for_audio += not is_removed

    def _each_id(self, request: Callable[[str], object], ids: list[str]) -> None:
        """Raises OutOfTime."""
        for some in batched(ids, IDS_AT_ONCE, strict=False):
            if self._is_time_over():
                raise OutOfTime
            self._at_once(request, list(some))

    def _collect(self, partition: TablePartition) -> None:
        collected = self.lake.garbage.collect(partition)
        with self._lock:
            self._result.collected += collected

    # -- several at once

    def _each[P](self, work: Callable[[P], object], partitions: Iterable[P]) -> None:
        """Work on all partitions, some at once, while there is time."""

        def step(partition: P) -> None:
            if self._is_time_over():
                return
            try:
                work(partition)
            except OutOfTime:
                return
            except Exception as error:
                log.exception("partition failed, the next run tries again", partition=str(partition))
                self._result.failed.append(f"{partition}: {type(error).__name__}")

        in_threads(step, list(partitions), self._threads)

    def _at_once[A, B](self, request: Callable[[A], B], items: list[A]) -> list[B]:
        """Send the requests of one partition."""
        return in_threads(request, items, 1 if self._threads == 1 else REQUESTS_AT_ONCE)


def _batches(objects: list[InboxObject], bytes_a_commit: int) -> Iterator[list[InboxObject]]:
    """Divide a partition's inbox objects among commits, each small enough for memory."""
    batch: list[InboxObject] = []
    size_bytes = 0
    for one in objects:
        if batch and (size_bytes + one.size_bytes > bytes_a_commit or len(batch) == OBJECTS_A_COMMIT):
            yield batch
            batch, size_bytes = [], 0
        batch.append(one)
        size_bytes += one.size_bytes
    yield batch
