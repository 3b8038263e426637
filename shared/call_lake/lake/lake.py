"""The lake: add rows to a partition, remove recordings from it, and make a past day one file (rules 16 to 20).

Any number of compactors may work on one partition at the same time. Each one reads the manifest, plans from the files
that the manifest names, writes its new files, and swaps the manifest. A compactor that loses the swap reads and plans
again. It deletes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa

from call_lake.concurrency import BytesBudget
from call_lake.errors import Reason, Transient
from call_lake.lake.arrow_rows import (
    arrow_schema,
    newest_of,
    ranks_of,
    recording_of,
    row_keys,
    sorted_rows,
    without_ids,
    without_keys,
)
from call_lake.lake.data_file import FileSummary, Footer, WrittenFile, write_file
from call_lake.lake.errors import FileGone, LakeDamaged, OutOfTime
from call_lake.lake.file_cache import FileCache
from call_lake.lake.garbage import Garbage
from call_lake.lake.manifest import Manifest, list_partitions, read_manifest, swap_manifest
from call_lake.lake.merge import choose_on_closed_day, choose_on_current_day, merged
from call_lake.lake.open_table import OpenTable
from call_lake.ledger.entry import erased_among
from call_lake.model.lake_tables import LakeTable, TablePartition
from call_lake.ports import Clock, ObjectStore, Table

TRIES = 20
MERGES_BYTES = 60 * 1024 * 1024
ROW_BYTES = 3500  # of a row of calls that is merged, measured: as read, as sorted and as written
TIMES_IN_MEMORY = 4  # a larger row is in memory so often meanwhile
IDS_AT_ONCE = 65_536
NEW_ROW_BYTES = 1500  # of a row of calls that is only written: as sorted and as written


@dataclass(frozen=True, slots=True)
class PartitionSnapshot:
    """What a manifest says of one partition, and what is known of each file that it names."""

    manifest: Manifest
    files: tuple[FileSummary, ...]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to write: the rows of the files in ``replaces``, merged with the rows ``new``."""

    replaces: list[FileSummary]
    tier: int
    new: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class CommitPlan:
    """The files to write for one commit. Rows with the keys ``without`` are not copied from replaced files."""

    new_files: list[NewFile]
    without: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class CommitResult:
    """``rows``: how many rows were new, or newer than those in the lake. ``conflicts``: how often another commit was
    faster."""

    rows: int
    conflicts: int


class Lake:
    """The data files of all partitions of all tables. It remembers what it has read of them, so keep one for as long as
    you can.

    ``grace_s``: after so many seconds an unreferenced file is deleted. ``open_table`` is updated after each commit.
    ``is_time_over``: asked while files are merged; when it says yes, the merge ends with OutOfTime. Safe to use from
    threads.
    """

    def __init__(
        self,
        store: ObjectStore,
        ledger: Table,
        clock: Clock,
        grace_s: float,
        *,
        open_table: OpenTable | None = None,
        is_time_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._open_table = open_table
        self._is_time_over = is_time_over
        self._cache = FileCache(store)
        self._memory = BytesBudget(MERGES_BYTES, wait_s=None)
        self.garbage = Garbage(store, clock, grace_s, open_table)

    # -- what callers ask for

    def commit(self, partition: TablePartition, rows: pa.Table, *, more_to_come: bool = False) -> CommitResult:
        """Add rows (``arrow_rows.arrow_schema``) to the partition. Afterwards it holds one row of each key, the newest
        one, and no row of an erased recording.

        ``more_to_come``: the caller has further rows for this partition, so a closed day is not rewritten yet. Raises
        Transient after too many lost swaps, NewerSchema, LakeDamaged and OutOfTime.
        """
        table = partition.table
        fresh = newest_of(rows, table)
        ids = list(dict.fromkeys(fresh["recording_id"].to_pylist()))
        committed = 0

        def plan(snapshot: PartitionSnapshot) -> CommitPlan | None:
            nonlocal committed
            # After the manifest was read: an erasure writes its tombstone first and then changes the manifest. So
            # either we see the tombstone here, or our swap fails.
            erased = self.erased(ids)
            new, outdated = self._compare(table, snapshot, without_ids(fresh, erased), erased)
            committed = new.num_rows
            if not committed and not outdated:
                return None
            loses_rows = set(outdated)
            if more_to_come or not self._is_closed(partition):
                replaces, tier = choose_on_current_day(snapshot.files, loses_rows)
            else:
                replaces, tier = choose_on_closed_day(snapshot.files, loses_rows, committed, self._today())
            new_files = [NewFile(replaces, tier, sorted_rows(new, table))] if replaces or committed else []
            # A large file that only loses rows is not also made larger: it may lose some at each commit of the day.
            alone = [file for file in snapshot.files if file.key in outdated and file not in replaces]
            new_files += [NewFile([file], file.footer.tier) for file in alone]
            return CommitPlan(new_files, set().union(*outdated.values()))

        conflicts = self._change(partition, plan)
        if committed and (erased := self.erased(ids)):
            self.remove(partition, erased)
        return CommitResult(committed, conflicts)

    def remove(self, partition: TablePartition, ids: set[str]) -> int:
        """Remove recordings that have a tombstone already; return how many rows the partition held of them.

        The manifest changes even where there was no row. So a commit that was planned before the tombstones were
        written loses its swap. Raises as ``commit``.
        """
        nothing = arrow_schema(partition.table).empty_table()
        held = 0

        def plan(snapshot: PartitionSnapshot) -> CommitPlan:
            nonlocal held
            _, outdated = self._compare(partition.table, snapshot, nothing, ids)
            held = sum(map(len, outdated.values()))
            smallest = min(snapshot.files, key=lambda file: file.rows, default=None)
            replaces = [file for file in snapshot.files if file.key in outdated] or ([smallest] if smallest else [])
            tier = max((file.footer.tier for file in replaces), default=0)
            return CommitPlan([NewFile(replaces, tier)], set().union(*outdated.values()))

        self._change(partition, plan)
        return held

    def close(self, partition: TablePartition) -> None:
        """Merge all files of a past day into one. Raises as ``commit``."""

        def plan(snapshot: PartitionSnapshot) -> CommitPlan | None:
            if len(snapshot.files) < 2:
                return None
            return CommitPlan([NewFile(list(snapshot.files), 2)])

        self._change(partition, plan)

    def keys(self, partition: TablePartition) -> tuple[Manifest, set[tuple[str, ...]]]:
        """The partition's manifest as it is now, and the keys of the rows in its files. Raises FileGone."""
        manifest = read_manifest(self._store, partition)
        columns = list(partition.table.key)
        found: set[tuple[str, ...]] = set()
        for key in manifest.keys:
            for part in self._cache.data_file(key).batches(IDS_AT_ONCE, columns):
                found.update(zip(*(part[name].to_pylist() for name in columns), strict=True))
        return manifest, found

    def empty(self, partition: TablePartition, manifest: Manifest) -> bool:
        """Let the partition have no file. False where another commit has replaced ``manifest`` first. The files are
        deleted after the grace period. A commit that was planned before loses its swap, and reads tombstones again."""
        self.garbage.mark(partition, manifest.keys)
        if swap_manifest(self._store, partition, manifest, ()) is None:
            return False
        self._cache.take_manifest(partition)
        self._cache.forget(manifest.keys)
        return True

    def to_close(self, table: LakeTable) -> list[TablePartition]:
        """Past days of a table that have several files and had no commit today."""
        return [
            listed.partition
            for listed in list_partitions(self._store, table)
            if listed.files > 1 and self._is_closed(listed.partition) and listed.committed_at.date() < self._today()
        ]

    def erased(self, ids: Iterable[str]) -> set[str]:
        """Which of these recordings have a tombstone."""
        return erased_among(self._ledger, ids)

    # -- planning

    def _compare(
        self, table: LakeTable, snapshot: PartitionSnapshot, fresh: pa.Table, erased: set[str]
    ) -> tuple[pa.Table, dict[str, set[str]]]:
        """Return the fresh rows that are new or newer, and by file the keys of the rows that are outdated there."""
        ranks = dict(zip(row_keys(fresh, table).to_pylist(), ranks_of(fresh, table).to_pylist(), strict=True))
        ids = {*fresh["recording_id"].to_pylist(), *erased}
        outdated: dict[str, set[str]] = {}
        known: set[str] = set()
        for file in snapshot.files:
            held = self._cache.ranks(file, ids)
            leave = {
                key for key, rank in held.items() if ranks.get(key, rank) > rank or recording_of(key, table) in erased
            }
            known |= held.keys() - leave
            if leave:
                outdated[file.key] = leave
        return without_keys(fresh, known, table), outdated

    def _today(self) -> date:
        return self._clock.now().date()

    def _is_closed(self, partition: TablePartition) -> bool:
        """Older than yesterday in UTC: by then the day is over in every time zone."""
        return partition.call_date < self._today() - timedelta(days=1)

    # -- changing a partition

    def _change(self, partition: TablePartition, plan: Callable[[PartitionSnapshot], CommitPlan | None]) -> int:
        """Carry out what ``plan`` makes of the partition's snapshot, and plan again as long as another commit is
        faster. Return how often one was."""
        ours: set[str] = set()
        conflicts = 0
        broken: Manifest | None = None
        while conflicts < TRIES:
            remembered = self._cache.take_manifest(partition)
            manifest = remembered or read_manifest(self._store, partition)
            if ours.intersection(manifest.keys):  # the SDK sent our swap twice, and the first request succeeded
                return conflicts
            try:
                snapshot = PartitionSnapshot(manifest, tuple(self._cache.summary(key) for key in manifest.keys))
                commit = plan(snapshot)
                if commit is None and remembered:
                    continue  # only the manifest of this moment can prove that there is nothing to do
                current = manifest if commit is None else self._apply(partition, snapshot, commit, ours)
            except FileGone as gone:
                if manifest == broken:
                    raise LakeDamaged.by(partition, f"names {gone}, which somebody deleted") from None
                broken = manifest  # or there is a newer one
                current = None
            if current is not None:
                self._cache.keep_manifest(partition, current)
                return conflicts
            conflicts += 1
        raise Transient(Reason.BUSY, f"{partition}: {TRIES} commits in a row met a faster one; the next run goes on")

    def _apply(
        self, partition: TablePartition, snapshot: PartitionSnapshot, commit: CommitPlan, ours: set[str]
    ) -> Manifest | None:
        """Write the new files, mark the files that they replace, and swap the manifest. Return the new manifest, or
        None where another commit was faster or this one took too long. ``ours`` collects the keys of the new files."""
        written = [self._write(partition, file, commit.without) for file in commit.new_files]
        new = [one.summary.key for one in written]
        ours.update(new)
        replaced = [file.key for new_file in commit.new_files for file in new_file.replaces]
        # A new file is named even if it has no rows. Otherwise the manifest could become equal to an earlier one, and
        # a commit that was planned from that one would win its swap. Also, to Athena an empty file is no manifest.
        keys = [*(key for key in snapshot.manifest.keys if key not in replaced), *new]
        if not self.garbage.mark_replaced(partition, snapshot.manifest, keys, written[0].put_at):
            return None
        swapped = swap_manifest(self._store, partition, snapshot.manifest, keys)
        if swapped is None:
            return None
        for one in written:
            self._cache.remember(one.summary, one.body)
        self._cache.forget(replaced)
        if self._open_table:
            self._open_table.follow(partition)
        return swapped

    def _write(self, partition: TablePartition, file: NewFile, without: set[str]) -> WrittenFile:
        new = arrow_schema(partition.table).empty_table() if file.new is None else file.new
        merging = sum(replaced.rows for replaced in file.replaces)
        rows = merging + new.num_rows
        since = min([self._clock.now(), *(replaced.footer.since for replaced in file.replaces)])
        unpacked_bytes = sum(replaced.unpacked_bytes for replaced in file.replaces) + new.nbytes
        usual = merging * ROW_BYTES + new.num_rows * NEW_ROW_BYTES
        with self._memory.claim(max(usual, unpacked_bytes * TIMES_IN_MEMORY)):
            old = [self._cache.data_file(one.key, one.size_bytes) for one in file.replaces if one.rows]
            chunks = self._while_in_time(merged(partition.table, old, new, without))
            return write_file(self._store, self._clock, partition, chunks, Footer(file.tier, since), rows)

    def _while_in_time(self, chunks: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for chunk in chunks:
            if self._is_time_over():
                raise OutOfTime
            yield chunk
