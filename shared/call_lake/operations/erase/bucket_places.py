"""Erase from the bucket: audio, transcripts, rows in the inbox and in the quarantine, results of Athena's queries.

Deleting is permanent. If the bucket keeps older versions of an object, they are deleted too, and so are its deletion
markers.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from call_lake.bucket.inbox import id_of
from call_lake.bucket.inventory import ONE_ROW
from call_lake.model.lake_tables import TABLES, TablePartition
from call_lake.model.layout import ATHENA_RESULTS, INBOX, Partition
from call_lake.model.times import iso
from call_lake.operations.erase.place import SearchResult
from call_lake.operations.erase.targets import Targets
from call_lake.ports import ObjectVersion, VersionedStore


class BucketObjects(ABC):
    """Objects of the bucket, with all their versions. A subclass says where they are and which ones are hits."""

    def __init__(self, name: str, store: VersionedStore) -> None:
        self.name = name
        self._store = store

    @abstractmethod
    def _prefixes(self, targets: Targets) -> Iterable[str]: ...

    @abstractmethod
    def _is_hit(self, version: ObjectVersion, targets: Targets) -> bool: ...

    def _before_deletion(self, versions: list[ObjectVersion], targets: Targets) -> None:  # noqa: B027 - most do nothing
        """Save what the object holds of other recordings."""

    def search(self, targets: Targets) -> SearchResult:
        searched = hits = 0
        for versions in self._by_key(targets):
            bodies = [one for one in versions if not one.is_marker]
            searched += len(bodies)
            hits += sum(self._is_hit(one, targets) for one in bodies)
        return SearchResult(searched, hits)

    def clear(self, targets: Targets) -> None:
        dead: list[ObjectVersion] = []
        for versions in self._by_key(targets):
            if any(self._is_hit(one, targets) for one in versions if not one.is_marker):
                self._before_deletion(versions, targets)
                dead += versions
        self._store.delete_versions(dead)

    def _by_key(self, targets: Targets) -> Iterator[list[ObjectVersion]]:
        for prefix in self._prefixes(targets):
            for _, versions in groupby(self._store.list_versions(prefix), attrgetter("key")):
                yield list(versions)


class ObjectsNamedById(BucketObjects):
    """Objects ``<recording id>.<anything>`` under what ``prefix_of`` says of the recording's partition."""

    def __init__(self, name: str, store: VersionedStore, prefix_of: Callable[[Partition], str]) -> None:
        super().__init__(name, store)
        self._prefix_of = prefix_of

    def _prefixes(self, targets: Targets) -> Iterable[str]:
        return map(self._prefix_of, targets.by_partition)

    def _is_hit(self, version: ObjectVersion, targets: Targets) -> bool:
        return version.key.rpartition("/")[2].partition(".")[0] in targets.ids


class InboxObjects(BucketObjects):
    """Rows that wait for the compactor. An object may also hold rows of other recordings. They are written to a new
    object before the old one is deleted."""

    def __init__(self, store: VersionedStore) -> None:
        super().__init__("inbox", store)

    def _prefixes(self, targets: Targets) -> Iterable[str]:
        return [INBOX]

    def _is_hit(self, version: ObjectVersion, targets: Targets) -> bool:
        name = version.key.rpartition("/")[2]
        place = TablePartition.of_key(version.key)
        if place is not None and place.partition not in targets.by_partition:
            return False
        if named := ONE_ROW.fullmatch(name):
            return named[1] in targets.ids
        return any(_is_theirs(line, targets) for line in self._lines(version))

    def _before_deletion(self, versions: list[ObjectVersion], targets: Targets) -> None:
        """For a moment a row is in both objects. To the compactor that is one row (rule 18)."""
        if versions[0].is_marker:
            return
        old = versions[0]
        kept = {n: line for n, line in enumerate(self._lines(old)) if not _is_theirs(line, targets)}
        if kept:
            body = b"".join(line + b"\n" for line in kept.values())
            # Of where the lines were, not of their text: a number in it could be guessed from a hash (ADR 0026).
            name = hashlib.sha256(f"{old.key}\n{iso(old.last_modified)}\n{list(kept)}".encode()).hexdigest()[:40]
            self._store.put(f"{old.key.rpartition('/')[0]}/{name}.json", body, content_type="application/x-ndjson")

    def _lines(self, version: ObjectVersion) -> list[bytes]:
        return [line for line in (self._store.get_version(version) or b"").split(b"\n") if line.strip()]


class QuarantineObjects(BucketObjects):
    """Rows that the table cannot hold, one in each object."""

    def __init__(self, store: VersionedStore) -> None:
        super().__init__("quarantine", store)

    def _prefixes(self, targets: Targets) -> Iterable[str]:
        return [table.quarantine for table in TABLES]

    def _is_hit(self, version: ObjectVersion, targets: Targets) -> bool:
        body = self._store.get_version(version) or b""
        return any(id.encode() in body for id in targets.ids)


class QueryResults:
    """What Athena wrote for queries, everybody's. All of it is deleted: no key and no search says for sure what an
    object holds of a call (docs/adr/0035). It would be deleted after a week anyway (template.yaml)."""

    name = "query_results"

    def __init__(self, store: VersionedStore) -> None:
        self._store = store
        self._cleared: set[tuple[str, str]] | None = None

    def search(self, targets: Targets) -> SearchResult:
        """After the first ``clear`` only what was there by then is a hit: later queries do not see the rows. If there
        is nothing to erase, no result is a hit."""
        found = {(one.key, one.version_id) for one in self._versions() if not one.is_marker}
        hits = found if self._cleared is None else found & self._cleared
        return SearchResult(len(found), len(hits) if targets.all else 0)

    def clear(self, targets: Targets) -> None:
        dead = list(self._versions())
        self._cleared = (self._cleared or set()) | {(one.key, one.version_id) for one in dead}
        self._store.delete_versions(dead)

    def _versions(self) -> Iterator[ObjectVersion]:
        return self._store.list_versions(ATHENA_RESULTS)


def _is_theirs(line: bytes, targets: Targets) -> bool:
    """Whether a line is of one of the recordings. A line that is not a row counts if it contains one of the ids."""
    text = line.decode("utf-8", "backslashreplace")
    id = id_of(text)
    return id in targets.ids if id else any(id in text for id in targets.ids)
