"""The places in which something of a recording may lie. Each can be searched, and cleared.

What to look for follows from recording id, source and call date alone: a tombstone is enough to go on from.
"""

from datetime import datetime

from call_lake.lake.garbage import Garbage
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.lake.search import holders, holds_any
from call_lake.model.layout import Partition
from call_lake.operations.erase.place import Search
from call_lake.operations.erase.targets import Targets
from call_lake.ports import ObjectVersion, VersionedStore


class Rows:
    """The rows that a reader of the table sees."""

    name = "rows"

    def __init__(self, store: VersionedStore, lake: Lake) -> None:
        self._store = store
        self._lake = lake

    def search(self, targets: Targets) -> Search:
        searched = hits = 0
        for partition, ids in targets.by_partition.items():
            found = holders(self._store, partition, ids)
            searched += found.files
            hits += sum(map(len, found.named.values()))
        return Search(searched, hits)

    def clear(self, targets: Targets) -> None:
        """Changes every partition's manifest, rows or not: so that a compactor that has not seen the tombstones loses
        its commit."""
        for partition, ids in targets.by_partition.items():
            self._lake.remove(partition, ids)


class OldFiles:
    """Data files that held the rows, and that no manifest names any more.

    None of them will be named again: a compactor that decided before the tombstones stood has lost its swap, and one
    that decides later leaves these rows out. So they may go as soon as nobody reads them.
    """

    name = "old_data_files"

    def __init__(self, store: VersionedStore, garbage: Garbage) -> None:
        self._store = store
        self._garbage = garbage

    def replaced_at(self, targets: Targets) -> datetime | None:
        """When the last of them that a query may be reading was replaced. One without a mark was never named."""
        moments = []
        for partition, ids in targets.by_partition.items():
            marked = self._garbage.replaced_at(partition)
            unnamed = holders(self._store, partition, ids).unnamed
            moments += [marked[key] for key in unnamed if key in marked]
        return max(moments, default=None)

    def search(self, targets: Targets) -> Search:
        found = [self._found(partition, ids) for partition, ids in targets.by_partition.items()]
        return Search(sum(searched for searched, _ in found), sum(len(dead) for _, dead in found))

    def clear(self, targets: Targets) -> None:
        for partition, ids in targets.by_partition.items():
            self._store.delete_versions(self._found(partition, ids)[1])

    def _found(self, partition: Partition, ids: set[str]) -> tuple[int, list[ObjectVersion]]:
        """How many files were looked into, and the versions that hold the rows."""
        standing = holders(self._store, partition, ids)
        searched, dead = standing.files, list[ObjectVersion]()
        for version in self._store.list_versions(partition.data):
            if version.is_marker:
                continue
            if version.is_latest:
                dead += [version] if version.key in standing.unnamed else []
            else:
                searched += 1
                body = self._store.get_version(version)
                dead += [version] if body and holds_any(body, ids) else []
        return searched, dead


class OpenFiles:
    """Files of the table ``calls_open``. They hold no number and no name, but the recording's row."""

    name = "open_table"

    def __init__(self, store: VersionedStore, open_table: OpenTable) -> None:
        self._store = store
        self._open_table = open_table

    def search(self, targets: Targets) -> Search:
        found = [self._found(partition, ids) for partition, ids in targets.by_partition.items()]
        return Search(sum(searched for searched, _ in found), sum(len(dead) for _, dead in found))

    def clear(self, targets: Targets) -> None:
        for partition, ids in targets.by_partition.items():
            self._open_table.follow(partition)
            self._store.delete_versions(self._found(partition, ids)[1])

    def _found(self, partition: Partition, ids: set[str]) -> tuple[int, list[ObjectVersion]]:
        """How many files were looked into, and the versions that hold the rows."""
        versions = [one for one in self._store.list_versions(partition.open_data) if not one.is_marker]
        bodies = ((one, self._store.get_version(one)) for one in versions)
        return len(versions), [one for one, body in bodies if body and holds_any(body, ids)]
