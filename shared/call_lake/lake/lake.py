"""The lake: commits and removals (design rules 16 to 20).

Any number of compactors may work on one partition. Each reads the manifest, decides from the files it names, writes
its new files and swaps the manifest. Who loses the swap reads again, decides again and deletes nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import batched

import pyarrow as pa

from call_lake.concurrency import BytesBudget
from call_lake.errors import Reason, Transient
from call_lake.lake.arrow_rows import SCHEMA, newest_of, ranks_of, sorted_rows, without_ids
from call_lake.lake.data_file import Facts, Known, Written, write_file
from call_lake.lake.errors import FileGone, LakeDamaged, OutOfTime, TooSlow
from call_lake.lake.file_cache import Index
from call_lake.lake.garbage import Garbage
from call_lake.lake.manifest import Manifest, list_partitions, read_manifest
from call_lake.lake.merge import choose_closed, choose_open, merged
from call_lake.lake.open_table import OpenTable
from call_lake.ledger.entry import State
from call_lake.model.layout import Partition
from call_lake.ports import Clock, ObjectStore, PreconditionFailed, Table, WriteConflict

TRIES = 20
MERGES_BYTES = 60 * 1024 * 1024
ROW_BYTES = 3500  # of a row that is merged, measured: as read, as sorted and as written
NEW_ROW_BYTES = 1500  # of one that is only written: as sorted and as written
LEDGER_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One partition as it stands."""

    manifest: Manifest
    files: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """``replace`` becomes one file of ``tier``, together with ``new``."""

    replace: list[Known]
    tier: int
    new: pa.Table = field(default_factory=SCHEMA.empty_table)


@dataclass(frozen=True, slots=True)
class Change:
    """New files in the place of others, by one swap. The recordings ``without`` leave the files that are replaced."""

    parts: list[Part]
    without: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Outcome:
    """``rows``: new or newer ones. ``conflicts``: how often another commit was faster."""

    rows: int
    conflicts: int


class Lake:
    """``grace_s``: after which an unreferenced file is deleted. ``until_s`` (monotonic): when a merge that still runs
    is given up with OutOfTime. ``open_table`` is made to follow each commit. Safe to use from threads."""

    def __init__(
        self,
        store: ObjectStore,
        ledger: Table,
        clock: Clock,
        grace_s: float,
        *,
        until_s: float = math.inf,
        index: Index | None = None,
        open_table: OpenTable | None = None,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._until_s = until_s
        self._index = index or Index(store)
        self._open_table = open_table
        self.garbage = Garbage(store, clock, grace_s, open_table)
        self._memory = BytesBudget(MERGES_BYTES, wait_s=None)

    # -- changes

    def commit(self, partition: Partition, rows: pa.Table, *, more_to_come: bool = False) -> Outcome:
        """Make the rows (``lake_rows.SCHEMA``) part of the partition: one row per recording, its newest version, and
        none of a recording that was erased. ``more_to_come``: the caller has further rows for this partition, so a
        closed day is not rewritten yet. Raises Transient after too many lost races, NewerSchema."""
        fresh = newest_of(rows)
        ids = fresh["recording_id"].to_pylist()
        committed = 0

        def plan(snapshot: Snapshot) -> Change | None:
            nonlocal committed
            # After the manifest was read: an erasure writes its tombstone first and then changes the manifest, so
            # either we see the tombstone here, or our swap fails.
            erased = self.erased(ids)
            new, stale = self._decide(snapshot, without_ids(fresh, erased), erased)
            committed = new.num_rows
            if not committed and not stale:
                return None
            must = set(stale)
            if more_to_come or not self._is_closed(partition):
                replace, tier = choose_open(snapshot.files, must)
            else:
                replace, tier = choose_closed(snapshot.files, must, committed, self._today())
            parts = [Part(replace, tier, sorted_rows(new))] if replace or committed else []
            # A large file that only loses rows is not also made larger: it may lose some at each commit of the day.
            alone = [file for file in snapshot.files if file.key in stale and file not in replace]
            parts += [Part([file], file.facts.tier) for file in alone]
            return Change(parts, set().union(*stale.values()))

        conflicts = self._swap(partition, plan)
        if committed and (erased := self.erased(ids)):
            self.remove(partition, erased)
        return Outcome(committed, conflicts)

    def remove(self, partition: Partition, ids: set[str]) -> int:
        """Take recordings out of the partition, whose tombstones stand already; return how many rows it held. The
        manifest changes in any case, so that whoever decided before the tombstones stood loses its swap."""
        held = 0

        def plan(snapshot: Snapshot) -> Change:
            nonlocal held
            _, stale = self._decide(snapshot, SCHEMA.empty_table(), ids)
            held = sum(map(len, stale.values()))
            smallest = min(snapshot.files, key=lambda file: file.rows, default=None)
            replace = [file for file in snapshot.files if file.key in stale] or ([smallest] if smallest else [])
            tier = max((file.facts.tier for file in replace), default=0)
            return Change([Part(replace, tier)], set().union(*stale.values()))

        self._swap(partition, plan)
        return held

    def close(self, partition: Partition) -> None:
        """Make a day that is over one file. Raises Transient after too many lost races, NewerSchema."""

        def plan(snapshot: Snapshot) -> Change | None:
            if len(snapshot.files) < 2:
                return None
            return Change([Part(list(snapshot.files), 2)])

        self._swap(partition, plan)

    def to_close(self) -> list[Partition]:
        """Days that are over, have several files, and got none of them today."""
        return [
            listed.partition
            for listed in list_partitions(self._store)
            if listed.files > 1 and self._is_closed(listed.partition) and listed.committed_at.date() < self._today()
        ]

    def erased(self, ids: Iterable[str]) -> set[str]:
        """Which of these recordings have a tombstone."""
        erased = set()
        for some in batched(ids, LEDGER_BATCH, strict=False):
            items = self._ledger.get_many(some)
            erased |= {name for name, item in items.items() if item.get("state") == State.ERASED}
        return erased

    # -- deciding

    def _decide(self, snapshot: Snapshot, fresh: pa.Table, erased: set[str]) -> tuple[pa.Table, dict[str, set[str]]]:
        """Which of the fresh rows are new or newer, and by file the recordings that have to leave it."""
        ranks = dict(zip(fresh["recording_id"].to_pylist(), ranks_of(fresh).to_pylist(), strict=True))
        stale: dict[str, set[str]] = {}
        known: set[str] = set()
        for file in snapshot.files:
            held = self._index.versions(file, {*ranks, *erased})
            leave = {name for name, rank in held.items() if name in erased or ranks[name] > rank}
            known |= held.keys() - leave
            if leave:
                stale[file.key] = leave
        return without_ids(fresh, known), stale

    def _today(self) -> date:
        return self._clock.now().date()

    def _is_closed(self, partition: Partition) -> bool:
        """Older than yesterday in UTC: by then the day is over in every time zone."""
        return partition.call_date < self._today() - timedelta(days=1)

    # -- swapping

    def _swap(self, partition: Partition, plan: Callable[[Snapshot], Change | None]) -> int:
        """Apply what ``plan`` makes of the partition as it stands; return how often that was in vain."""
        mine: set[str] = set()
        conflicts = 0
        broken: Manifest | None = None
        while conflicts < TRIES:
            remembered = self._index.take_manifest(partition)
            manifest = remembered or read_manifest(self._store, partition)
            if mine.intersection(manifest.keys):  # the SDK met its own success
                return conflicts
            try:
                snapshot = Snapshot(manifest, tuple(self._index.know(key, None) for key in manifest.keys))
                change = plan(snapshot)
                if change is not None:
                    manifest = self._apply(partition, snapshot, change, mine)
                elif remembered:
                    continue  # that nothing is to be done can be said only of what stands now
                self._index.keep_manifest(partition, manifest)
                return conflicts
            except FileGone as gone:
                if manifest == broken:
                    raise LakeDamaged.by(partition, f"names {gone}, which somebody deleted") from None
                broken = manifest  # or there is a newer one
            except (PreconditionFailed, WriteConflict, TooSlow):
                pass
            conflicts += 1
        raise Transient(Reason.BUSY, f"{partition}: {TRIES} commits in a row met a faster one; the next run goes on")

    def _apply(self, partition: Partition, snapshot: Snapshot, change: Change, mine: set[str]) -> Manifest:
        written = [self._write(partition, part, change.without) for part in change.parts]
        new = [one.known.key for one in written]
        mine.update(new)
        replaced = [file.key for part in change.parts for file in part.replace]
        # Always with a new file, rows or not: a manifest that came back to what it was would let those swap it who
        # decided before. And one that names nothing is no manifest to Athena.
        keys = [*(key for key in snapshot.manifest.keys if key not in replaced), *new]
        swapped = self.garbage.swap(partition, snapshot.manifest, keys, written[0].put_at)
        for one in written:
            self._index.remember(one.known, one.body)
        self._index.forget(replaced)
        if self._open_table:
            self._open_table.follow(partition)
        return swapped

    def _write(self, partition: Partition, part: Part, without: set[str]) -> Written:
        merging = sum(file.rows for file in part.replace)
        rows = merging + part.new.num_rows
        since = min([self._clock.now(), *(file.facts.since for file in part.replace)])
        with self._memory.claim(merging * ROW_BYTES + part.new.num_rows * NEW_ROW_BYTES):
            files = [self._index.open(file.key, file.size_bytes) for file in part.replace if file.rows]
            chunks = self._while_in_time(merged(files, part.new, without))
            return write_file(self._store, self._clock, partition, chunks, Facts(part.tier, since), rows)

    def _while_in_time(self, chunks: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for chunk in chunks:
            if self._clock.monotonic() >= self._until_s:
                raise OutOfTime
            yield chunk
