"""Collection: a data file that no manifest names is marked when that is first seen, and deleted after a grace period
if it still is (design rule 17).

A mark is an empty object whose name holds all: ``lake/calls/garbage/source=…/call_date=…/<commit id>.<time>``.
Why no reader and no commit loses a file:

- whoever replaces files marks them *before* the swap. So the newest mark of a file is never older than its last
  replacement, however often a crash or a lost race left older ones behind;
- a commit gives up when more than half of the grace has passed since it wrote its file (``lake.py``), so a file that
  has been marked for the whole grace, and is named by no manifest now, will never be named.
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from call_lake.lake_layout import GARBAGE, Partition
from call_lake.lake_manifest import data_key, read_manifest
from call_lake.lake_open import OpenTable
from call_lake.ports import Clock, ObjectStore

_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class _Mark:
    key: str
    partition: Partition
    data_key: str
    at: datetime


class Garbage:
    """``grace_s``: how long a replaced file stays for those who planned to read it. Safe to use from threads."""

    def __init__(self, store: ObjectStore, clock: Clock, grace_s: float, open_table: OpenTable | None = None) -> None:
        self._store = store
        self._open_table = open_table
        self._clock = clock
        self._grace = timedelta(seconds=grace_s)
        self._lock = threading.Lock()
        self._seen: set[str] | None = None

    def replace(self, partition: Partition, keys: Iterable[str]) -> None:
        """Mark files that a swap is about to replace."""
        moment = self._clock.now().astimezone(UTC).strftime(_TIME)
        for key in keys:
            stem = key.rpartition("/")[2].removesuffix(".parquet")
            self._store.put(f"{partition.garbage}{stem}.{moment}", b"")

    def orphans(self, partition: Partition, keys: Iterable[str]) -> None:
        """Mark files that were found unreferenced, unless they are marked already."""
        with self._lock:
            if self._seen is None:
                self._seen = {mark.data_key for mark in self._marks(GARBAGE)}
            new = [key for key in keys if key not in self._seen]
            self._seen.update(new)
        self.replace(partition, new)

    def collect(self, until_s: float) -> int:
        """Delete what has been unreferenced for the grace period; return how many files. Stops at ``until_s``
        (monotonic). Raises PartialFailure."""
        partitions = sorted({mark.partition for mark in self._marks(GARBAGE) if self._is_due(mark.at)})
        collected = 0
        for partition in partitions:
            if self._clock.monotonic() >= until_s:
                break
            collected += self._collect(partition)
        return collected

    def replaced_at(self, partition: Partition) -> dict[str, datetime]:
        """Of each marked file when that was last: for one that a manifest named, right before it was replaced."""
        return _newest(self._marks(partition.garbage))

    def _collect(self, partition: Partition) -> int:
        # In this order: a swap that the manifest shows has put its marks before, so this listing holds them.
        named = set(read_manifest(self._store, partition).keys)
        marks = list(self._marks(partition.garbage))
        newest = _newest(marks)
        due = {key for key, at in newest.items() if self._is_due(at)}
        dead = sorted(due - named)
        if self._open_table and dead:
            self._open_table.drop(partition, dead)
        self._store.delete(dead)
        # The marks go last: what dies in between finds them again. A file that is named after all loses its mark too.
        self._store.delete([mark.key for mark in marks if mark.data_key in due])
        return len(dead)

    def _is_due(self, marked_at: datetime) -> bool:
        return marked_at + self._grace <= self._clock.now()

    def _marks(self, prefix: str) -> Iterator[_Mark]:
        for info in self._store.list(prefix):
            partition = Partition.of_key(info.key, GARBAGE)
            if partition is not None:
                stem, _, moment = info.key.removeprefix(partition.garbage).rpartition(".")
                at = datetime.strptime(moment, _TIME).replace(tzinfo=UTC)
                yield _Mark(info.key, partition, data_key(partition, stem), at)


def _newest(marks: Iterable[_Mark]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for mark in marks:
        newest[mark.data_key] = max(mark.at, newest.get(mark.data_key, mark.at))
    return newest
