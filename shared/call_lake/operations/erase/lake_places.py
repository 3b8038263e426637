"""Erase from the lake, from every table: rows that the table shows, old data files, and the files of twins.

Recording id, source and call date are enough to search for. So an erasure that died can go on from the tombstones.
"""

from datetime import datetime

from call_lake.lake.garbage import Garbage
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.lake.search import files_holding, holds_any
from call_lake.model.lake_tables import TABLES, TablePartition
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import Targets
from call_lake.ports import ObjectVersion, VersionedStore


def _places(targets: Targets) -> list[tuple[TablePartition, set[str]]]:
    """Each partition of each table, with the recordings that it may hold rows of."""
    return [(table.at(partition), ids) for table in TABLES for partition, ids in targets.by_partition.items()]


class TableRows:
    """The rows that a query sees."""

    name = "rows"

    def __init__(self, store: VersionedStore, lake: Lake) -> None:
        self._store = store
        self._lake = lake

    def search(self, targets: Targets) -> SearchResult:
        searched = hits = 0
        for partition, ids in _places(targets):
            found = files_holding(self._store, partition, ids)
            searched += found.files
            hits += sum(map(len, found.named.values()))
        return SearchResult(searched, hits)

    def clear(self, targets: Targets) -> None:
        """Change the manifest of every partition, even where it has no row. So a compactor that has not seen the
        tombstones loses its swap."""
        for partition, ids in _places(targets):
            self._lake.remove(partition, ids)


class UnreferencedFiles:
    """Data files that hold the rows and that no manifest names any more.

    No manifest will name them again. A compactor that planned before the tombstones were written has lost its swap, and
    one that plans later leaves these rows out. So the files may be deleted as soon as no query reads them.
    """

    name = "old_data_files"

    def __init__(self, store: VersionedStore, garbage: Garbage) -> None:
        self._store = store
        self._garbage = garbage

    def replaced_at(self, targets: Targets) -> datetime | None:
        """When the last of these files was replaced, so that a query may still be reading it; None where there is none.
        A file without a mark was never named, so no query reads it."""
        moments = []
        for partition, ids in _places(targets):
            marked = self._garbage.replaced_at(partition)
            unnamed = files_holding(self._store, partition, ids).unnamed
            moments += [marked[key] for key in unnamed if key in marked]
        return max(moments, default=None)

    def search(self, targets: Targets) -> SearchResult:
        found = [self._found(partition, ids) for partition, ids in _places(targets)]
        return SearchResult(sum(searched for searched, _ in found), sum(len(dead) for _, dead in found))

    def clear(self, targets: Targets) -> None:
        for partition, ids in _places(targets):
            self._store.delete_versions(self._found(partition, ids)[1])

    def _found(self, partition: TablePartition, ids: set[str]) -> tuple[int, list[ObjectVersion]]:
        """How many files were searched, and the versions that hold the rows."""
        found = files_holding(self._store, partition, ids)
        searched, dead = found.files, list[ObjectVersion]()
        for version in self._store.list_versions(partition.data):
            if version.is_marker:
                continue
            if version.is_latest:
                dead += [version] if version.key in found.unnamed else []
            else:
                searched += 1
                body = self._store.get_version(version)
                dead += [version] if body and holds_any(body, ids) else []
        return searched, dead


class OpenTableFiles:
    """Files of a table's twin, like ``calls_open``. They hold no number and no name, but the recording's row."""

    name = "open_table"

    def __init__(self, store: VersionedStore, open_table: OpenTable) -> None:
        self._store = store
        self._open_table = open_table

    def search(self, targets: Targets) -> SearchResult:
        found = [self._found(partition, ids) for partition, ids in _places(targets)]
        return SearchResult(sum(searched for searched, _ in found), sum(len(dead) for _, dead in found))

    def clear(self, targets: Targets) -> None:
        for partition, ids in _places(targets):
            self._open_table.follow(partition)
            self._store.delete_versions(self._found(partition, ids)[1])

    def _found(self, partition: TablePartition, ids: set[str]) -> tuple[int, list[ObjectVersion]]:
        """How many files were searched, and the versions that hold the rows."""
        if partition.twin is None:
            return 0, []
        versions = [one for one in self._store.list_versions(partition.twin.data) if not one.is_marker]
        bodies = ((one, self._store.get_version(one)) for one in versions)
        return len(versions), [one for one, body in bodies if body and holds_any(body, ids)]
