"""Garbage collection: mark the data files that no manifest names, and delete them after a grace period (rule 17).

A mark is an empty object. Its key says everything: ``lake/<table>/garbage/source=…/call_date=…/<file>-<file>….<time>``.
Why no reader and no commit loses a file:

- A commit marks the files that it replaces *before* it swaps the manifest. So the newest mark of a file is never older
  than its last replacement, even if crashes or lost swaps left older marks behind.
- A commit gives up when more than half of the grace period has passed since it wrote its files. So a file that has been
  marked for the whole grace period, and that no manifest names now, will never be named.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, groupby

from call_lake.lake.manifest import Manifest, list_partitions, read_manifest
from call_lake.lake.open_table import OpenTable
from call_lake.model.lake_tables import LakeTable, TablePartition, data_key
from call_lake.ports import Clock, ObjectStore

FILES_OF_A_MARK = 24  # a key has 1,024 bytes at most
_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class _Mark:
    key: str
    partition: TablePartition
    data_keys: tuple[str, ...]
    at: datetime


class Garbage:
    """Marks and deletes unreferenced files. ``grace_s``: for so many seconds a replaced file stays, for queries that
    read the old manifest. Safe to use from threads."""

    def __init__(self, store: ObjectStore, clock: Clock, grace_s: float, open_table: OpenTable | None = None) -> None:
        self._store = store
        self._open_table = open_table
        self._clock = clock
        self._grace = timedelta(seconds=grace_s)

    def mark_replaced(self, partition: TablePartition, old: Manifest, keys: Sequence[str], put_at: datetime) -> bool:
        """Call this right before you swap ``old`` for a manifest of ``keys``: it marks the files that ``keys`` leaves
        out. ``put_at``: when the first new file was written. Return False where that is so long ago that the new files
        may be collected before a manifest names them; then do not swap."""
        self.mark(partition, [key for key in old.keys if key not in keys and key.startswith(partition.data)])
        return self._clock.now() - put_at <= self._grace / 2

    def mark(self, partition: TablePartition, keys: Iterable[str]) -> None:
        """Note that no manifest names these data files from now on."""
        moment = self._clock.now().astimezone(UTC).strftime(_TIME)
        stems = (key.rpartition("/")[2].removesuffix(".parquet") for key in keys)
        for some in batched(stems, FILES_OF_A_MARK, strict=False):
            self._store.put(f"{partition.garbage}{'-'.join(some)}.{moment}", b"")

    def look(self, table: LakeTable) -> list[TablePartition]:
        """Mark every unreferenced file of a table that has no mark; return the partitions that have files or marks to
        delete.

        Costs three listings. A manifest is read only where there are more files than it names.
        """
        marks = list(self._marks(table.garbage))
        marked: dict[TablePartition, set[str]] = {}
        for mark in marks:
            marked.setdefault(mark.partition, set()).update(mark.data_keys)
        named = {listed.partition: listed.files for listed in list_partitions(self._store, table)}
        for partition, keys in self._data(table):
            unmarked = keys - marked.get(partition, set())
            if len(unmarked) > named.get(partition, 0):
                # Read after the files were listed: a commit that is under way may be named by now.
                self.mark(partition, sorted(unmarked.difference(read_manifest(self._store, partition).keys)))
        return sorted({mark.partition for mark in marks if self._is_due(mark.at)}, key=str)

    def collect(self, partition: TablePartition) -> int:
        """Delete the files that were unreferenced for the whole grace period; return how many. Raises
        PartialFailure."""
        # The manifest first: the marks of every swap that it shows are older, so the listing of marks has them.
        named = set(read_manifest(self._store, partition).keys)
        marks = list(self._marks(partition.garbage))
        dead = sorted({key for key, at in _newest(marks).items() if self._is_due(at)} - named)
        if self._open_table and dead:
            self._open_table.drop(partition, dead)
        self._store.delete(dead)
        # The marks last, so that a run that dies in between finds them again. A file that a manifest names after all
        # loses its mark too. A file that was marked again later keeps that mark.
        self._store.delete([mark.key for mark in marks if self._is_due(mark.at)])
        return len(dead)

    def replaced_at(self, partition: TablePartition) -> dict[str, datetime]:
        """When each marked file was marked last. For a file that a manifest named, that is right before its
        replacement."""
        return _newest(self._marks(partition.garbage))

    def _is_due(self, marked_at: datetime) -> bool:
        return marked_at + self._grace <= self._clock.now()

    def _data(self, table: LakeTable) -> Iterator[tuple[TablePartition, set[str]]]:
        """The data files that exist, by partition."""
        listed = ((TablePartition.of_key(info.key), info.key) for info in self._store.list(table.data))
        for partition, found in groupby(listed, lambda one: one[0]):
            if partition is not None:
                yield partition, {key for _, key in found}

    def _marks(self, prefix: str) -> Iterator[_Mark]:
        for info in self._store.list(prefix):
            partition = TablePartition.of_key(info.key)
            stems, _, moment = info.key.rpartition("/")[2].rpartition(".")
            if partition is None or not stems:
                continue  # not a mark of ours
            try:
                at = datetime.strptime(moment, _TIME).replace(tzinfo=UTC)
            except ValueError:
                continue
            yield _Mark(info.key, partition, tuple(data_key(partition, stem) for stem in stems.split("-")), at)


def _newest(marks: Iterable[_Mark]) -> dict[str, datetime]:
    newest: dict[str, datetime] = {}
    for mark in marks:
        for key in mark.data_keys:
            newest[key] = max(mark.at, newest.get(key, mark.at))
    return newest
