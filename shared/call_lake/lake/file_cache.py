"""What a warm function remembers of the lake: what each data file holds, the bytes of small files that it wrote itself,
and the manifests that it left behind.

Data files never change, so what was read of one stays true. A manifest may have been replaced meanwhile. A commit
that was planned from a remembered manifest has to swap it, or to read it again (``lake.py``; ADR 0012).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake.arrow_rows import keys_of, row_key
from call_lake.lake.data_file import DataFile, FileSummary, partition_of
from call_lake.lake.errors import FileGone
from call_lake.lake.manifest import Manifest
from call_lake.model.lake_tables import TablePartition
from call_lake.ports import ObjectStore

CACHE_BYTES = 96 * 1024 * 1024  # of summaries and small files, some 3 million rows; the least recently used go first
SMALL_BYTES = 512 * 1024  # a file up to this size is kept whole, because it is merged again soon
SCAN_ROWS = 65_536


class FileCache:
    """Opens data files and remembers what they hold. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._bytes = 0
        self._summaries: OrderedDict[str, FileSummary] = OrderedDict()
        self._bodies: dict[str, bytes] = {}
        self._manifests: dict[TablePartition, Manifest] = {}
        self._lock = threading.Lock()

    # -- files

    def summary(self, key: str, size_bytes: int | None = None) -> FileSummary:
        """What the file holds. ``size_bytes`` saves a request where the caller knows it. Raises FileGone."""
        with self._lock:
            summary = self._summaries.get(key)
            if summary is not None:
                self._summaries.move_to_end(key)
                return summary
        summary = self.data_file(key, size_bytes).summary()
        self.remember(summary)
        return summary

    def data_file(self, key: str, size_bytes: int | None = None) -> DataFile:
        """Open the file for reading. Raises FileGone."""
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

    def ranks(self, summary: FileSummary, ids: Iterable[str]) -> dict[str, int]:
        """The rows that the file holds of these recordings, by key (``arrow_rows.row_keys``), each with its rank
        (``versions_of``). Raises FileGone."""
        wanted = pa.chunked_array([pa.array(sorted(ids), pa.string())])
        keys = keys_of(wanted, partition_of(summary.key).source)
        names = dict(zip(keys.to_pylist(), wanted.to_pylist(), strict=True))
        found: dict[str, int] = {}
        for part in self._versions(summary):
            held = part.filter(pc.is_in(part["key"], value_set=keys))
            keys_held: Iterable[str] = (names[key] for key in held["key"].to_pylist())
            if "part" in held.column_names:
                keys_held = map(row_key, keys_held, held["part"].to_pylist())
            found |= zip(keys_held, held["rank"].to_pylist(), strict=True)
        return found

    def remember(self, summary: FileSummary, body: bytes | None = None) -> None:
        """``body``: the whole file, where the caller has it. It is kept if it is small."""
        with self._lock:
            if summary.key in self._summaries:
                return
            self._summaries[summary.key] = summary
            self._bytes += _bytes(summary)
            if body is not None and len(body) <= SMALL_BYTES:
                self._bodies[summary.key] = body
                self._bytes += len(body)
            while self._bytes > CACHE_BYTES:
                self._drop(next(iter(self._summaries)))

    def forget(self, keys: Iterable[str]) -> None:
        """Drop files that no manifest names any more."""
        with self._lock:
            for key in keys:
                if key in self._summaries:
                    self._drop(key)

    def _drop(self, key: str) -> None:
        self._bytes -= _bytes(self._summaries.pop(key)) + len(self._bodies.pop(key, b""))

    def _versions(self, summary: FileSummary) -> Iterable[pa.Table]:
        if summary.versions is not None:
            return [summary.versions]
        return self.data_file(summary.key, summary.size_bytes).versions(SCAN_ROWS)

    # -- manifests

    def take_manifest(self, partition: TablePartition) -> Manifest | None:
        """Return and forget the manifest that was current when this process last looked; None where it does not know.
        A caller that leaves the partition with a manifest that it knows calls ``keep_manifest``."""
        with self._lock:
            return self._manifests.pop(partition, None)

    def keep_manifest(self, partition: TablePartition, manifest: Manifest) -> None:
        """Remember that this manifest is the current one."""
        with self._lock:
            self._manifests[partition] = manifest


def _bytes(summary: FileSummary) -> int:
    return 500 + (summary.versions.nbytes if summary.versions is not None else 0)
