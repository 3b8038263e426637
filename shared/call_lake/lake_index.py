"""Which recordings a file holds, in which version. Files never change, so what was read once stays true: a warm
function asks S3 only for the files that somebody else wrote since."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake_files import VERSION, DataFile, FileGone, Known
from call_lake.lake_rows import DIGEST, digests_of
from call_lake.ports import ObjectStore

CACHE_BYTES = 96 * 1024 * 1024  # some 1.4 million rows
SCAN_ROWS = 65_536
DIGESTED_ROWS = 8192  # at a time: their text is in memory twice


class Index:
    """``budget_bytes``: of ids kept in memory, the least recently used go first. Safe to use from threads."""

    def __init__(self, store: ObjectStore, budget_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._budget = budget_bytes
        self._bytes = 0
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._digests: dict[str, pa.ChunkedArray] = {}
        self._lock = threading.Lock()

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
        if size_bytes is None:
            info = self._store.head(key)
            if info is None:
                raise FileGone(key)
            size_bytes = info.size
        return DataFile(self._store, key, size_bytes)

    def remember(self, known: Known) -> Known:
        with self._lock:
            if known.key not in self._known:
                self._known[known.key] = known
                self._bytes += _bytes(known)
                self._forget()
        return known

    def _forget(self) -> None:
        while self._bytes > self._budget:
            key, known = self._known.popitem(last=False)
            self._bytes -= _bytes(known)
            if key in self._digests:
                self._bytes -= self._digests.pop(key).nbytes

    def versions(self, known: Known, ids: pa.Array) -> dict[str, int]:
        """Of these recordings those that the file holds, with their ``stored_at`` in ms since the epoch.
        Raises FileGone."""
        found: dict[str, int] = {}
        for part in self._versions(known):
            held = part.filter(pc.is_in(part["recording_id"], value_set=ids))
            found |= zip(held["recording_id"].to_pylist(), held["stored_at"].cast(pa.int64()).to_pylist(), strict=True)
        return found

    def _versions(self, known: Known) -> Iterable[pa.Table]:
        if known.versions is not None:
            return [known.versions]
        return self.open(known.key, known.size_bytes).batches(SCAN_ROWS, VERSION)

    def has_all(self, known: Known, rows: pa.Table) -> bool:
        """Whether the file holds exactly these rows. Of a file whose ids are kept, what its rows are is read once: a
        row that is delivered again is nearly always the same. False where the rows themselves have to be compared.
        Raises FileGone."""
        if known.versions is None:
            return False
        with self._lock:
            digests = self._digests.get(known.key)
        if digests is None:
            parts = self.open(known.key, known.size_bytes).batches(DIGESTED_ROWS)
            digests = pa.chunked_array([digests_of(part) for part in parts], DIGEST)
            with self._lock:
                if known.key in self._known and known.key not in self._digests:
                    self._digests[known.key] = digests
                    self._bytes += digests.nbytes
                    self._forget()
        places = pc.index_in(rows["recording_id"], value_set=known.versions["recording_id"].combine_chunks())
        held: bool = digests.take(places).combine_chunks().equals(digests_of(rows))
        return held

    def rows(self, known: Known, ids: set[str]) -> pa.Table:
        """The whole rows of these recordings. Raises FileGone."""
        wanted = pa.array(sorted(ids), pa.string())
        batches = self.open(known.key, known.size_bytes).batches(SCAN_ROWS)
        return pa.concat_tables(part.filter(pc.is_in(part["recording_id"], value_set=wanted)) for part in batches)


def _bytes(known: Known) -> int:
    return 500 + (known.versions.nbytes if known.versions is not None else 0)
