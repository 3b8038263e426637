"""Make a partition anew of what the ledger says, whatever stands there now: nothing, or a file that cannot be read.

A rebuild is a commit like any other (``lake.py``): the manifest is read, then everything that is decided from, new
files are written, and one conditional swap makes them the partition. Who loses the swap decides again, so a compactor
beside it loses nothing; a reader sees the partition before or after. What is right already is left as it is: a
rebuild that was broken off is simply started again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched

import pyarrow as pa

from call_lake.errors import Reason, Transient
from call_lake.lake.arrow_rows import SCHEMA, digests_of, is_one_of, newest_of, sorted_rows
from call_lake.lake.data_file import DataFile, Facts, write_file
from call_lake.lake.errors import FileGone, TooSlow
from call_lake.lake.file_cache import Index
from call_lake.lake.garbage import Garbage
from call_lake.lake.manifest import Manifest, read_manifest
from call_lake.model.layout import Partition
from call_lake.ports import Clock, ObjectStore, PreconditionFailed, WriteConflict

TRIES = 20
ROWS_A_FILE = 65_536  # and in memory: a larger partition becomes several files, which the compactor merges
ROWS_A_LOOK = 8192  # whose text is in memory twice, to be hashed
UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError)
"""What pyarrow, or our own reading of a footer, makes of bytes that are no data file."""
WHOLE_TIER = 2

type Digests = dict[str, bytes]
"""Of every recording, a hash of all columns of its row."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger says of some recordings: their rows (``lake_rows.SCHEMA``, in pieces), and which of them were
    erased. Of the others it cannot make a row: what stands of them is kept."""

    pieces: Sequence[pa.Table]
    erased: set[str]

    @property
    def rows(self) -> pa.Table:
        return pa.concat_tables([SCHEMA.empty_table(), *self.pieces])


type Truth = Callable[[Sequence[str]], Told]
"""Asked for recordings by id, at any time, any number of times. Has to be strongly consistent."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One partition. ``held``: recordings with a row now. ``mended``: rows that were missing or different. ``dropped``:
    rows that had to go, erased ones and second ones. ``kept``: rows that stand though the ledger cannot make them.
    ``unreadable``: keys of files that were named and could not be read."""

    held: frozenset[str]
    mended: int
    dropped: int
    kept: int
    unreadable: tuple[str, ...]
    changed: bool


@dataclass(slots=True)
class _Standing:
    """What is there: ``files`` are those that could be read to their ends, ``rows`` how many they hold."""

    manifest: Manifest
    files: list[DataFile] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    digests: Digests = field(default_factory=dict)
    rows: int = 0


@dataclass(slots=True)
class _Plan:
    """``first``: the told rows of the first file, and of most partitions' only one."""

    told: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    mended: int = 0
    first: pa.Table = field(default_factory=SCHEMA.empty_table)


class _Again(Exception):
    """What was decided does not hold any more: the ledger told something else."""


class PartitionRebuilder:
    """``grace_s``: that of the compactor, which collects what it finds unreferenced. Safe to use from threads."""

    def __init__(self, store: ObjectStore, clock: Clock, grace_s: float) -> None:
        self._store = store
        self._clock = clock
        self._index = Index(store)
        self._garbage = Garbage(store, clock, grace_s)

    def rebuild(self, partition: Partition, ids: Iterable[str], truth: Truth) -> Rebuilt:
        """``ids``: recordings of the partition that are known without its files; those that its files hold are asked
        for, too. Raises Transient after too many lost races, NewerSchema."""
        listed = set(ids)
        mine: dict[str, Rebuilt] = {}
        for _ in range(TRIES):
            try:
                return self._attempt(partition, listed, truth, mine)
            except (PreconditionFailed, WriteConflict, FileGone, TooSlow, _Again):
                continue
        raise Transient(Reason.BUSY, f"{partition}: {TRIES} commits in a row met a faster one; try again")

    def _attempt(self, partition: Partition, listed: set[str], truth: Truth, mine: dict[str, Rebuilt]) -> Rebuilt:
        old = self._read(partition, mine)
        if isinstance(old, Rebuilt):
            return old
        # After the manifest was read: what a copier or an erasure wrote into the ledger before the manifest changed is
        # seen here, or our swap fails.
        ids = sorted(listed | old.digests.keys())
        plan = _decide(ids, old, truth)
        kept = old.digests.keys() - plan.told - plan.erased
        dropped = old.rows - len(old.digests) + len(old.digests.keys() & plan.erased)
        names_nothing = old.manifest.etag is not None and not old.manifest.keys  # to Athena that is no manifest
        changed = bool(plan.mended or dropped or old.unreadable or names_nothing)
        held = frozenset(plan.told | kept)
        result = Rebuilt(held, plan.mended, dropped, len(kept), tuple(old.unreadable), changed)
        if changed:
            tables = _tables(ids, plan, _rows_of(old.files, kept), truth)
            self._replace(partition, old, tables, lambda key: mine.update({key: result}))
        return result

    def _read(self, partition: Partition, mine: dict[str, Rebuilt]) -> _Standing | Rebuilt:
        """What stands; or what this rebuild came to, where its own files stand: the SDK sent the swap twice."""
        sizes = {info.key: info.size for info in self._store.list(partition.data)}
        manifest = read_manifest(self._store, partition)
        if done := next((mine[key] for key in manifest.keys if key in mine), None):
            return done
        standing = _Standing(manifest)
        for key in manifest.keys:
            try:
                file = self._index.open(key, sizes.get(key))
                digests, rows = _digests_of(file.batches(ROWS_A_LOOK))
            except (ConnectionError, TimeoutError):  # an OSError, too, and nothing against the file
                raise
            except (*UNREADABLE, FileGone):  # if it was collected since the manifest was read, our swap will fail
                standing.unreadable.append(key)
            else:
                standing.files.append(file)
                standing.digests |= digests
                standing.rows += rows
        return standing

    def _replace(
        self, partition: Partition, old: _Standing, tables: Iterable[pa.Table], remember: Callable[[str], None]
    ) -> None:
        began = self._clock.now()
        keys = []
        for table in tables:
            written = write_file(self._store, self._clock, partition, [table], Facts(WHOLE_TIER, began), table.num_rows)
            keys.append(written.known.key)
            remember(written.known.key)
        self._garbage.swap(partition, old.manifest, keys, began)


def _decide(ids: Sequence[str], old: _Standing, truth: Truth) -> _Plan:
    plan = _Plan()
    for number, some in enumerate(batched(ids, ROWS_A_FILE, strict=False)):
        told = truth(some)
        digests, _ = _digests_of([told.rows])
        plan.told |= digests.keys()
        plan.erased |= told.erased
        plan.mended += sum(old.digests.get(id) != digest for id, digest in digests.items())
        if number == 0:
            plan.first = told.rows
    return plan


def _tables(ids: Sequence[str], plan: _Plan, kept: pa.Table, truth: Truth) -> Iterator[pa.Table]:
    """What each new file holds, sorted. A large partition's ledger items are read again, for memory holds one file."""
    yield sorted_rows(pa.concat_tables([plan.first, kept]))
    for some in batched(ids[ROWS_A_FILE:], ROWS_A_FILE, strict=False):
        rows = truth(some).rows
        if set(rows["recording_id"].to_pylist()) != plan.told.intersection(some):
            raise _Again
        if rows.num_rows:
            yield sorted_rows(rows)


def _rows_of(files: Iterable[DataFile], ids: set[str]) -> pa.Table:
    """The rows of these recordings, one of each."""
    if not ids:
        return SCHEMA.empty_table()
    found = [part.filter(is_one_of(part["recording_id"], ids)) for file in files for part in file.batches(ROWS_A_FILE)]
    return newest_of(pa.concat_tables([SCHEMA.empty_table(), *found]))


def _digests_of(tables: Iterable[pa.Table]) -> tuple[Digests, int]:
    """Every recording with the hash of its row, and how many rows there are."""
    digests: Digests = {}
    rows = 0
    for table in tables:
        for start in range(0, table.num_rows, ROWS_A_LOOK):
            part = table.slice(start, ROWS_A_LOOK)
            digests.update(zip(part["recording_id"].to_pylist(), digests_of(part).to_pylist(), strict=True))
        rows += table.num_rows
    return digests, rows
