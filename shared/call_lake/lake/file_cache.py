"""What a warm function remembers of the lake: which recordings a file holds, in which version, the bytes of small files
that it wrote itself, and the manifests that it left.

Files never change, so what was read once stays true. A manifest may have been replaced since: whoever decides from one
that is remembered has to swap it, or to read it again (``lake.py``).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake.arrow_rows import keys_of
from call_lake.lake.data_file import DataFile, Known, source_of
from call_lake.lake.errors import FileGone
from call_lake.lake.manifest import Manifest
from call_lake.model.layout import Partition
from call_lake.ports import ObjectStore

CACHE_BYTES = 96 * 1024 * 1024  # some 3 million rows
SMALL_BYTES = 512 * 1024  # a file up to this is kept whole: it is merged again soon
SCAN_ROWS = 65_536


class Index:
    """``budget_bytes``: of ids and small files kept in memory, the least recently used go first. Safe to use from
    threads."""

    def __init__(self, store: ObjectStore, budget_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._budget = budget_bytes
        self._bytes = 0
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._bodies: dict[str, bytes] = {}
        self._manifests: dict[Partition, Manifest] = {}
        self._lock = threading.Lock()

    # -- files

    def know(self, key: str, size_bytes: int | None) -> Known:
        """What is known of a file; ``size_bytes`` spares a request where the caller has it. Raises FileGone."""
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        return self.remember(self.open(key, size_bytes).known())

    def open(self, key: str, size_bytes: int | None = None) -> DataFile:
        """Raises FileGone."""
        with self._lock:
            body = self._bodies.get(key)
        if body is not None:
            return DataFile(self._store, key, len(body), body)
        if size_bytes is None:
            info = self._store.head(key)
            if info is None:
                raise FileGone(key)
            size_bytes = info.size
        return DataFile(self._store, key, size_bytes)

    def remember(self, known: Known, body: bytes | None = None) -> Known:
        """``body``: the whole file, where the caller has it; kept if it is small."""
        with self._lock:
            if known.key not in self._known:
                self._known[known.key] = known
                self._bytes += _bytes(known)
                if body is not None and len(body) <= SMALL_BYTES:
                    self._bodies[known.key] = body
                    self._bytes += len(body)
                while self._bytes > self._budget:
                    self._drop(next(iter(self._known)))
        return known

    def forget(self, keys: Iterable[str]) -> None:
        """Files that no manifest names any more."""
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._drop(key)

    def _drop(self, key: str) -> None:
        self._bytes -= _bytes(self._known.pop(key)) + len(self._bodies.pop(key, b""))

    def versions(self, known: Known, ids: Iterable[str]) -> dict[str, int]:
        """Of these recordings those that the file holds, with the rank of their row (``lake_rows.versions_of``).
        Raises FileGone."""
        wanted = pa.chunked_array([pa.array(sorted(ids), pa.string())])
        keys = keys_of(wanted, source_of(known.key))
        names = dict(zip(keys.to_pylist(), wanted.to_pylist(), strict=True))
        found: dict[str, int] = {}
        for part in self._versions(known):
            held = part.filter(pc.is_in(part["key"], value_set=keys))
            found |= zip((names[key] for key in held["key"].to_pylist()), held["rank"].to_pylist(), strict=True)
        return found

    def _versions(self, known: Known) -> Iterable[pa.Table]:
        if known.versions is not None:
            return [known.versions]
        return self.open(known.key, known.size_bytes).versions(SCAN_ROWS)

    # -- manifests

    def take_manifest(self, partition: Partition) -> Manifest | None:
        """The one that stood when this process last looked, or None where that is not known. It is forgotten by that:
        whoever comes to an end that leaves a known manifest says so with ``keep_manifest``."""
        with self._lock:
            return self._manifests.pop(partition, None)

    def keep_manifest(self, partition: Partition, manifest: Manifest) -> None:
        with self._lock:
            self._manifests[partition] = manifest


def _bytes(known: Known) -> int:
    return 500 + (known.versions.nbytes if known.versions is not None else 0)
