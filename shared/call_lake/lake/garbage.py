"""Collection: a data file that no manifest names is marked when that is first seen, and deleted after a grace period
if it still is (design rule 17).

A mark is an empty object whose name holds all: ``lake/calls/garbage/source=…/call_date=…/<commit id>-….<time>``.
Why no reader and no commit loses a file:

- whoever replaces files marks them *before* the swap. So the newest mark of a file is never older than its last
  replacement, however often a crash or a lost race left older ones behind;
- a commit gives up when more than half of the grace has passed since it wrote its files (``Garbage.swap``), so a file
  that has been marked for the whole grace, and is named by no manifest now, will never be named.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched, groupby

from call_lake.lake.errors import TooSlow
from call_lake.lake.manifest import Manifest, list_partitions, read_manifest, swap_manifest
from call_lake.lake.open_table import OpenTable
from call_lake.model.layout import DATA, GARBAGE, Partition, data_key
from call_lake.ports import Clock, ObjectStore

FILES_OF_A_MARK = 24  # a key has 1,024 bytes at most
_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class _Mark:
    key: str
    partition: Partition
    data_keys: tuple[str, ...]
    at: datetime


class Garbage:
    """``grace_s``: how long a replaced file stays for those who planned to read it. Safe to use from threads."""

    def __init__(self, store: ObjectStore, clock: Clock, grace_s: float, open_table: OpenTable | None = None) -> None:
        self._store = store
        self._open_table = open_table
        self._clock = clock
        self._grace = timedelta(seconds=grace_s)

    def swap(self, partition: Partition, old: Manifest, keys: Sequence[str], put_at: datetime) -> Manifest:
        """Let the manifest name ``keys``, the new ones of which stand since ``put_at`` or later, if ``old`` stands
        still; what it named before is marked. Raises TooSlow, and as ``swap_manifest``."""
        self.mark(partition, [key for key in old.keys if key not in keys and key.startswith(partition.data)])
        if self._clock.now() - put_at > self._grace / 2:
            raise TooSlow
        return swap_manifest(self._store, partition, old, keys)

    def mark(self, partition: Partition, keys: Iterable[str]) -> None:
        moment = self._clock.now().astimezone(UTC).strftime(_TIME)
        stems = (key.rpartition("/")[2].removesuffix(".parquet") for key in keys)
        for some in batched(stems, FILES_OF_A_MARK, strict=False):
            self._store.put(f"{partition.garbage}{'-'.join(some)}.{moment}", b"")

    def look(self) -> list[Partition]:
        """Mark every file that is found unreferenced and has no mark; return the partitions that have files, or marks,
        to delete. Three listings, and a manifest is read only where files seem to be left over."""
        marks = list(self._marks(GARBAGE))
        marked: dict[Partition, set[str]] = {}
        for mark in marks:
            marked.setdefault(mark.partition, set()).update(mark.data_keys)
        named = {listed.partition: listed.files for listed in list_partitions(self._store)}
        for partition, keys in self._data():
            unmarked = keys - marked.get(partition, set())
            if len(unmarked) > named.get(partition, 0):
                # Read after the files were listed: a commit that is under way may be named by now.
                self.mark(partition, sorted(unmarked.difference(read_manifest(self._store, partition).keys)))
        return sorted({mark.partition for mark in marks if self._is_due(mark.at)})

    def collect(self, partition: Partition) -> int:
        """Delete what has been unreferenced for the grace period; return how many files. Raises PartialFailure."""
        # In this order: a swap that the manifest shows has put its marks before, so this listing holds them.
        named = set(read_manifest(self._store, partition).keys)
        marks = list(self._marks(partition.garbage))
        dead = sorted({key for key, at in _newest(marks).items() if self._is_due(at)} - named)
        if self._open_table and dead:
            self._open_table.drop(partition, dead)
        self._store.delete(dead)
        # The marks go last: what dies in between finds them again. A file that is named after all loses its mark too,
        # and one that was marked again later has that mark still.
        self._store.delete([mark.key for mark in marks if self._is_due(mark.at)])
        return len(dead)

    def replaced_at(self, partition: Partition) -> dict[str, datetime]:
        """Of each marked file when that was last: for one that a manifest named, right before it was replaced."""
        return _newest(self._marks(partition.garbage))

    def _is_due(self, marked_at: datetime) -> bool:
        return marked_at + self._grace <= self._clock.now()

    def _data(self) -> Iterator[tuple[Partition, set[str]]]:
        """The data files that stand, by partition."""
        listed = ((Partition.of_key(info.key, DATA), info.key) for info in self._store.list(DATA))
        for partition, found in groupby(listed, lambda one: one[0]):
            if partition is not None:
                yield partition, {key for _, key in found}

    def _marks(self, prefix: str) -> Iterator[_Mark]:
        for info in self._store.list(prefix):
            partition = Partition.of_key(info.key, GARBAGE)
            stems, _, moment = info.key.rpartition("/")[2].rpartition(".")
            if partition is None or not stems:
                continue  # somebody else's
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
