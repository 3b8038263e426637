"""Rebuild a partition from what the ledger says, whatever is there now: nothing, or files that cannot be read.

The ledger makes the rows of ``calls``. The rows of other tables are kept, except those of erased recordings.

A rebuild is a commit like any other (``lake.py``). It reads the manifest, then everything that it decides from, writes
new files, and swaps the manifest. If another commit is faster, the rebuild decides again. So a compactor beside it
loses nothing, and a reader sees the partition before or after. A partition that is right is left as it is. So a rebuild
that was interrupted is simply started again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import batched, chain

import pyarrow as pa

from call_lake.errors import Reason, Transient
from call_lake.lake.arrow_rows import (
    arrow_schema,
    digests_of,
    is_one_of,
    newest_of,
    recording_of,
    row_keys,
    sorted_rows,
)
from call_lake.lake.data_file import UNREADABLE, DataFile, Footer, write_file
from call_lake.lake.errors import FileGone
from call_lake.lake.file_cache import FileCache
from call_lake.lake.garbage import Garbage
from call_lake.lake.manifest import Manifest, read_manifest, swap_manifest
from call_lake.lake.merge import merged
from call_lake.model.lake_tables import LakeTable, TablePartition
from call_lake.ports import Clock, ObjectStore

TRIES = 20
ROWS_A_FILE = 65_536  # and in memory: a larger partition becomes several files, which the compactor merges
ROWS_HASHED = 8192  # at a time: their text is in memory twice
WHOLE_TIER = 2

type Digests = dict[str, bytes]
"""By key (``arrow_rows.row_keys``) a hash over all columns of the row."""


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """What the ledger says of some recordings. ``pieces``: tables with their rows (``arrow_rows.arrow_schema``); none
    for a table whose rows the ledger cannot make. ``erased``: those with a tombstone. A recording in neither keeps the
    rows that the partition has of it."""

    pieces: Sequence[pa.Table]
    erased: set[str]

    def rows(self, table: LakeTable) -> pa.Table:
        return pa.concat_tables([arrow_schema(table).empty_table(), *self.pieces])


type AskLedger = Callable[[Sequence[str]], LedgerRows]
"""Called with recording ids, at any time, any number of times. The answers have to be strongly consistent."""


@dataclass(frozen=True, slots=True)
class RebuiltPartition:
    """The result for one partition. ``held``: recordings that have a row now. ``mended``: rows that were missing or
    different. ``dropped``: rows that were removed, because the recording was erased or had a second row. ``kept``: rows
    that are left although the ledger cannot make them. ``unreadable``: keys of files that the manifest named and that
    could not be read."""

    held: frozenset[str]
    mended: int
    dropped: int
    kept: int
    unreadable: tuple[str, ...]
    changed: bool


@dataclass(slots=True)
class _CurrentFiles:
    """What the partition holds before the rebuild. ``files``: those that could be read to the end; ``rows``: how many
    rows they hold. ``twice``: keys that several rows have."""

    files: list[DataFile] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    digests: Digests = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    rows: int = 0


@dataclass(slots=True)
class _LedgerAnswer:
    """What the ledger said of all recordings. ``with_row``: keys of its rows. ``first``: its rows for the first new
    file, which is the only one of most partitions."""

    first: pa.Table
    with_row: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    mended: int = 0


class PartitionRebuilder:
    """Rebuilds partitions. ``grace_s``: the compactor's, after which it deletes unreferenced files. Safe to use from
    threads."""

    def __init__(self, store: ObjectStore, clock: Clock, grace_s: float) -> None:
        self._store = store
        self._clock = clock
        self._cache = FileCache(store)
        self._garbage = Garbage(store, clock, grace_s)

    def rebuild(self, partition: TablePartition, ids: Iterable[str], ask_ledger: AskLedger) -> RebuiltPartition:
        """Make the partition hold what the ledger says. ``ids``: recordings that the ledger has for the partition. The
        ledger is also asked for the recordings that the files hold. Raises Transient after too many lost swaps,
        NewerSchema."""
        listed = set(ids)
        ours: dict[str, RebuiltPartition] = {}
        for _ in range(TRIES):
            try:
                result = self._attempt(partition, listed, ask_ledger, ours)
            except FileGone:  # a commit replaced it after we read the manifest
                continue
            if result is not None:
                return result
        raise Transient(Reason.BUSY, f"{partition}: {TRIES} commits in a row met a faster one; try again")

    def _attempt(
        self, partition: TablePartition, listed: set[str], ask_ledger: AskLedger, ours: dict[str, RebuiltPartition]
    ) -> RebuiltPartition | None:
        """Rebuild once; None where that has to be decided again. ``ours``: the result of each attempt so far, by the
        keys of its new files."""
        table = partition.table
        manifest = read_manifest(self._store, partition)
        for key in manifest.keys:
            if key in ours:  # the SDK sent our swap twice, and the first request succeeded
                return ours[key]
        current = self._read(partition, manifest)
        # Ask after the manifest was read: if a copier or an erasure wrote to the ledger before the manifest changed, we
        # see it here. If the manifest changes later, our swap fails.
        ids = sorted(listed.union(recording_of(key, table) for key in current.digests))
        answer = _ask_for_all(table, ids, current, ask_ledger)
        erased = {key for key in current.digests if recording_of(key, table) in answer.erased}
        kept = current.digests.keys() - answer.with_row - erased
        dropped = current.rows - len(current.digests) + len(erased)
        names_nothing = manifest.etag is not None and not manifest.keys  # to Athena that is no manifest
        changed = bool(answer.mended or dropped or current.unreadable or names_nothing)
        held = frozenset(recording_of(key, table) for key in answer.with_row | kept)
        result = RebuiltPartition(held, answer.mended, dropped, len(kept), tuple(current.unreadable), changed)
        if not changed:
            return result
        began = self._clock.now()
        keys = []

        def write(chunks: Iterable[pa.Table], rows: int) -> None:
            written = write_file(self._store, self._clock, partition, chunks, Footer(WHOLE_TIER, began), rows)
            keys.append(written.summary.key)
            ours[written.summary.key] = result

        write(_with_kept(table, answer.first, current, kept), len(answer.first) + len(kept))
        for some in batched(ids[ROWS_A_FILE:], ROWS_A_FILE, strict=False):
            # The ledger is asked again, because memory holds the rows of one file.
            rows = ask_ledger(some).rows(table)
            asked = set(some)
            if set(row_keys(rows, table).to_pylist()) != {
                key for key in answer.with_row if recording_of(key, table) in asked
            }:
                return None
            if rows.num_rows:
                write([sorted_rows(rows, table)], rows.num_rows)
        if not self._garbage.mark_replaced(partition, manifest, keys, began):
            return None
        return result if swap_manifest(self._store, partition, manifest, keys) else None

    def _read(self, partition: TablePartition, manifest: Manifest) -> _CurrentFiles:
        sizes = {info.key: info.size for info in self._store.list(partition.data)}
        current = _CurrentFiles()
        for key in manifest.keys:
            try:
                file = self._cache.data_file(key, sizes.get(key))
                digests, twice, rows = _digests_of(partition.table, file.batches(ROWS_HASHED))
            except (ConnectionError, TimeoutError):  # see UNREADABLE
                raise
            except (*UNREADABLE, FileGone):  # if it was collected since the manifest was read, our swap will fail
                current.unreadable.append(key)
            else:
                current.files.append(file)
                current.twice |= twice | (digests.keys() & current.digests.keys())
                current.digests |= digests
                current.rows += rows
        return current


def _ask_for_all(table: LakeTable, ids: Sequence[str], current: _CurrentFiles, ask_ledger: AskLedger) -> _LedgerAnswer:
    answer = _LedgerAnswer(arrow_schema(table).empty_table())
    for number, some in enumerate(batched(ids, ROWS_A_FILE, strict=False)):
        said = ask_ledger(some)
        rows = said.rows(table)
        digests, _, _ = _digests_of(table, [rows])
        answer.with_row |= digests.keys()
        answer.erased |= said.erased
        answer.mended += sum(current.digests.get(key) != digest for key, digest in digests.items())
        if number == 0:
            answer.first = rows
    return answer


def _with_kept(table: LakeTable, first: pa.Table, current: _CurrentFiles, kept: set[str]) -> Iterable[pa.Table]:
    """The rows of ``first`` and the kept ones of the files, one of each key, in the order of a file. Memory holds of
    the files only what their merge holds, and the rows whose key several have."""
    twice = current.twice & kept
    newest = newest_of(_rows_of(table, current.files, twice), table)
    new = sorted_rows(pa.concat_tables([first, newest]), table)
    without = current.digests.keys() - kept | twice
    return merged(table, current.files if kept else [], new, without)


def _rows_of(table: LakeTable, files: Iterable[DataFile], keys: set[str]) -> pa.Table:
    parts = chain.from_iterable(file.batches(ROWS_A_FILE) for file in files) if keys else ()
    found = [part.filter(is_one_of(row_keys(part, table), keys)) for part in parts]
    return pa.concat_tables([arrow_schema(table).empty_table(), *found])


def _digests_of(table: LakeTable, parts: Iterable[pa.Table]) -> tuple[Digests, set[str], int]:
    """The hash of the row of each key, the keys that several rows have, and how many rows there are."""
    digests: Digests = {}
    twice: set[str] = set()
    rows = 0
    for whole in parts:
        for start in range(0, whole.num_rows, ROWS_HASHED):
            part = whole.slice(start, ROWS_HASHED)
            for key, digest in zip(row_keys(part, table).to_pylist(), digests_of(part, table).to_pylist(), strict=True):
                if key in digests:
                    twice.add(key)
                digests[key] = digest
        rows += whole.num_rows
    return digests, twice, rows
