"""The compactor: rows from the inbox into the lake, days closed, old files collected (design rules 16 to 21).

Each partition goes through the same steps: read inbox objects, set aside the rows that do not fit, commit the others,
and only then delete exactly those objects. Whatever dies in between is done again, and changes nothing.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from itertools import batched, islice

from call_lake.bucket.inbox import InboxObject, id_of, list_inbox, read_lines
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.lake.arrow_rows import table_of
from call_lake.lake.errors import OutOfTime
from call_lake.lake.file_cache import Index
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.lake.projection import why_misplaced
from call_lake.model.layout import QUARANTINE, Partition
from call_lake.observability import log
from call_lake.ports import Clock, ObjectStore, Table
from call_lake.settings import CompactorSettings

PARTITIONS_AT_ONCE = 4
REQUESTS_AT_ONCE = 16  # of a partition: to read its inbox, to set rows aside
SET_ASIDE_AT_ONCE = 100  # between two looks at the clock
OBJECTS_A_RUN = 100_000
OBJECTS_A_COMMIT = 5_000
BYTES_A_COMMIT = 16 * 1024 * 1024
QUARANTINE_COUNTED = 1_000  # one request: who has more has to look anyway


@dataclass(slots=True)
class CompactionResult:
    """``rows``: new in the lake, or a newer version. ``conflicts``: swaps that another compactor won. ``closed``: days
    made one file. ``collected``: files deleted. ``left_over``: inbox objects that were listed and are still there.
    ``quarantined``: rows set aside by this run; ``in_quarantine``: all that lie there, up to 1,000.
    ``failed``: partitions that met an error, with its cause; they are tried again by the next run."""

    rows: int = 0
    partitions: int = 0
    conflicts: int = 0
    quarantined: int = 0
    in_quarantine: int = 0
    closed: int = 0
    collected: int = 0
    left_over: int = 0
    failed: list[str] = field(default_factory=list)


def compact(
    store: ObjectStore,
    table: Table,
    clock: Clock,
    settings: CompactorSettings,
    until_s: float,
    *,
    index: Index | None = None,
    threads: int = PARTITIONS_AT_ONCE,
) -> CompactionResult:
    """Do what there is to do until ``until_s`` (monotonic); the next run goes on from there. A partition that fails
    stops no other. ``index``: what a warm function remembers of the lake's files."""
    run = _Run(store, table, clock, settings, until_s, index, threads)
    run.drain_inbox()
    run.close_days()
    run.follow()
    run.collect()
    run.count_quarantine()
    return run.result


class _Run:
    def __init__(
        self,
        store: ObjectStore,
        table: Table,
        clock: Clock,
        settings: CompactorSettings,
        until_s: float,
        index: Index | None,
        threads: int,
    ) -> None:
        self.result = CompactionResult()
        self._store = store
        self._clock = clock
        self._settings = settings
        self._until_s = until_s
        self._threads = threads
        self._open_table = OpenTable(store, create=True) if settings.open_table else None
        self._lake = Lake(
            store, table, clock, settings.grace_s, until_s=until_s, index=index, open_table=self._open_table
        )
        self._lock = threading.Lock()

    def drain_inbox(self) -> None:
        waiting: dict[Partition | None, list[InboxObject]] = {}
        for one in islice(list_inbox(self._store), OBJECTS_A_RUN):
            waiting.setdefault(one.partition, []).append(one)
            self.result.left_over += 1
        # The newest first: a backfill must not hold up today's calls.
        newest = sorted(waiting, key=lambda p: p.call_date if p else date.min, reverse=True)
        self._each(lambda partition: self._drain(partition, waiting[partition]), newest)

    def close_days(self) -> None:
        self._each(self._close, self._lake.to_close())

    def follow(self) -> None:
        """What a run that died has left behind, or all, where the open table is new."""
        if self._open_table:
            self._each(self._open_table.follow, self._open_table.behind())

    def collect(self) -> None:
        self._each(self._collect, self._lake.garbage.look())

    def count_quarantine(self) -> None:
        self.result.in_quarantine = sum(1 for _ in islice(self._store.list(QUARANTINE), QUARANTINE_COUNTED))

    def _each[P](self, work: Callable[[P], object], partitions: Iterable[P]) -> None:
        """Work on all partitions, some at a time, while there is time."""
        queue = deque(partitions)

        def worker() -> None:
            while self._clock.monotonic() < self._until_s:
                try:
                    partition = queue.popleft()
                except IndexError:
                    return
                try:
                    work(partition)
                except OutOfTime:
                    return
                except Exception as error:
                    log.exception("partition failed, the next run tries again", partition=str(partition))
                    self.result.failed.append(f"{partition}: {type(error).__name__}")

        if self._threads == 1:
            worker()
            return
        with ThreadPoolExecutor(self._threads) as pool:
            for future in [pool.submit(worker) for _ in range(self._threads)]:
                future.result()

    def _drain(self, partition: Partition | None, objects: list[InboxObject]) -> None:
        batches = list(_batched(objects))
        for number, batch in enumerate(batches, 1):
            if self._clock.monotonic() >= self._until_s:
                break
            self._commit(partition, [one.key for one in batch], more_to_come=number < len(batches))
        with self._lock:
            self.result.partitions += 1

    def _commit(self, partition: Partition | None, keys: list[str], more_to_come: bool) -> None:
        lines = [(key, line) for key, of_key in zip(keys, self._read(keys), strict=True) for line in of_key]
        misplaced = self._misplaced(partition)
        if partition is None or misplaced:
            rejected = [RejectedRow(key, line, misplaced) for key, line in lines]
        else:
            table, unfit = table_of([line for _, line in lines], partition)
            rejected = [RejectedRow(*lines[position], reason) for position, reason in unfit]
            if table.num_rows:
                outcome = self._lake.commit(partition, table, more_to_come=more_to_come)
                with self._lock:
                    self.result.rows += outcome.rows
                    self.result.conflicts += outcome.conflicts
        self._set_aside(rejected)
        self._store.delete(keys)
        with self._lock:
            self.result.left_over -= len(keys)

    def _set_aside(self, rejected: list[RejectedRow]) -> None:
        """Into the quarantine, but for what was erased meanwhile: an erasure writes its tombstone, then searches the
        quarantine. So either we see the tombstone, or it finds the row."""
        for some in batched(rejected, SET_ASIDE_AT_ONCE, strict=False):
            if self._clock.monotonic() >= self._until_s:
                raise OutOfTime
            erased = self._erased(some)
            kept = [one for one in some if id_of(one.text) not in erased]
            keys = dict(zip(self._map(lambda one: quarantine(self._store, one), kept), kept, strict=True))
            if erased := self._erased(kept):
                self._store.delete([key for key, one in keys.items() if id_of(one.text) in erased])
            for key, one in keys.items():
                log.error("row set aside", key=key, reason=one.reason)
            with self._lock:
                self.result.quarantined += len(kept)

    def _erased(self, rows: Iterable[RejectedRow]) -> set[str]:
        return self._lake.erased({id for one in rows if (id := id_of(one.text))})

    def _read(self, keys: list[str]) -> list[list[str]]:
        return self._map(lambda key: read_lines(self._store, key), keys)

    def _map[A, B](self, request: Callable[[A], B], items: Sequence[A]) -> list[B]:
        if self._threads == 1 or len(items) < 2:
            return [request(item) for item in items]
        with ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(items))) as pool:
            return list(pool.map(request, items))

    def _misplaced(self, partition: Partition | None) -> str:
        return why_misplaced(partition, self._settings, self._clock.now().date())

    def _close(self, partition: Partition) -> None:
        self._lake.close(partition)
        with self._lock:
            self.result.closed += 1

    def _collect(self, partition: Partition) -> None:
        collected = self._lake.garbage.collect(partition)
        with self._lock:
            self.result.collected += collected


def _batched(objects: list[InboxObject]) -> Iterator[list[InboxObject]]:
    """What one commit takes: bounded, so that memory is."""
    batch: list[InboxObject] = []
    size_bytes = 0
    for one in objects:
        if batch and (size_bytes + one.size_bytes > BYTES_A_COMMIT or len(batch) == OBJECTS_A_COMMIT):
            yield batch
            batch, size_bytes = [], 0
        batch.append(one)
        size_bytes += one.size_bytes
    yield batch
