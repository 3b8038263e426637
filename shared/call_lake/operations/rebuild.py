"""Rebuild the lake from the ledger and the audio objects alone (``call-lake rebuild``).

The ledger has of every stored recording what its row was made of: the record as it was listed, and what the audio is.
While its item does not say ``STORED`` yet, the audio object's own header does (rule 13). Nothing else is read but the
lake itself, and of that nothing is believed.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import batched

from call_lake.bucket.audio_objects import AudioObjects
from call_lake.bucket.inbox import put_rows
from call_lake.bucket.inventory import audio_keys, ids_in_quarantine
from call_lake.errors import CallLakeError
from call_lake.lake.arrow_rows import table_of
from call_lake.lake.lake import Lake
from call_lake.lake.manifest import list_partitions
from call_lake.lake.partition_rebuild import PartitionRebuilder, Rebuilt, Told
from call_lake.lake.projection import why_misplaced
from call_lake.ledger.entry import Entry, State, entry_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.layout import Partition
from call_lake.model.recording import StoredAudio
from call_lake.model.table import Row, row_of
from call_lake.ports import Clock, ObjectStore
from call_lake.settings import CompactorSettings

PARTITIONS_AT_ONCE = 4
LEDGER_BATCH = 1000

type Tell = Callable[[int, int], None]
"""How many partitions are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Done:
    """One partition. ``to_quarantine``: rows that the table cannot hold, sent to the inbox for the compactor to set
    them aside again. ``error``: why it is as it was, for a rebuild to try again; empty where nothing went wrong."""

    partition: Partition
    rebuilt: Rebuilt | None
    to_quarantine: int = 0
    error: str = ""


class Rebuilder:
    """Safe beside compactors, copiers, erasures and readers; started again, it leaves alone what is right already.
    ``threads``: partitions at once."""

    def __init__(
        self,
        ledger: Ledger,
        store: ObjectStore,
        clock: Clock,
        settings: CompactorSettings,
        *,
        threads: int = PARTITIONS_AT_ONCE,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._settings = settings
        self._threads = threads
        self._rebuilder = PartitionRebuilder(store, clock, settings.grace_s)
        self._lake = Lake(store, ledger.table, clock, settings.grace_s)

    def find(self, sources: Sequence[str], first: date, last: date) -> dict[Partition, list[str]]:
        """The partitions of these sources and days that the ledger or the lake knows, each with the recordings that the
        ledger has for it. Reads the whole ledger."""
        found: dict[Partition, list[str]] = {
            listed.partition: []
            for listed in list_partitions(self._store)
            if listed.partition.source in sources and first <= listed.partition.call_date <= last
        }
        for id, source, day in self._ledger.days(first, last):
            if source in sources:
                found.setdefault(Partition(source, day), []).append(id)
        return found

    def rebuild(self, found: Mapping[Partition, Sequence[str]], tell: Tell) -> Iterator[Done]:
        """Rebuild these partitions, the newest first; give each as it is done. One that fails stops no other."""
        newest = sorted(found, key=lambda partition: partition.call_date, reverse=True)
        if self._threads == 1:
            for number, partition in enumerate(newest, 1):
                yield self._one(partition, found[partition])
                tell(number, len(newest))
            return
        pool = ThreadPoolExecutor(self._threads)
        try:
            running = [pool.submit(self._one, partition, found[partition]) for partition in newest]
            for number, future in enumerate(as_completed(running), 1):
                yield future.result()
                tell(number, len(newest))
        finally:
            pool.shutdown(cancel_futures=True)

    # -- one partition

    def _one(self, partition: Partition, ids: Sequence[str]) -> Done:
        truth = _Truth(self._ledger, self._store, partition)
        try:
            if why_misplaced(partition, self._settings, self._clock.now().date()):
                rows = [row for some in batched(ids, LEDGER_BATCH, strict=False) for row in truth.rows(some)[0]]
                return Done(partition, None, self._to_quarantine(partition, rows))
            rebuilt = self._rebuilder.rebuild(partition, ids, truth)
            if rebuilt.changed:
                self._honour_tombstones(partition, rebuilt)
            return Done(partition, rebuilt, self._to_quarantine(partition, list(truth.unfit.values())))
        except CallLakeError as error:
            return Done(partition, None, error=f"{partition}: {error}")
        except Exception as error:  # its text may hold what a row holds
            return Done(partition, None, error=f"{partition}: {type(error).__name__}")

    def _honour_tombstones(self, partition: Partition, rebuilt: Rebuilt) -> None:
        """After the commit, too (rule 18): an erasure may have ended between its tombstone and its removal."""
        for some in batched(sorted(rebuilt.held), LEDGER_BATCH, strict=False):
            if erased := self._ledger.erased(some):
                self._lake.remove(partition, erased)

    def _to_quarantine(self, partition: Partition, rows: Sequence[Row]) -> int:
        """By way of the inbox: the compactor says the reason, counts and rings. Those that lie there are left alone."""
        if not rows:
            return 0
        there = ids_in_quarantine(self._store, partition.source, partition.call_date)
        new = [row for row in rows if row["recording_id"] not in there]
        put_rows(self._store, new)
        return len(new)


class _Truth:
    """What ledger and audio objects say of one partition's recordings. ``unfit``: rows that the table cannot hold."""

    def __init__(self, ledger: Ledger, store: ObjectStore, partition: Partition) -> None:
        self.unfit: dict[str, Row] = {}
        self._ledger = ledger
        self._store = store
        self._audio_objects = AudioObjects(store)
        self._partition = partition

    def __call__(self, ids: Sequence[str]) -> Told:
        pieces, erased = [], set[str]()
        for some in batched(ids, LEDGER_BATCH, strict=False):
            rows, gone = self.rows(some)
            table, rejected = table_of([json.dumps(row) for row in rows], self._partition)
            self.unfit |= {rows[position]["recording_id"]: rows[position] for position, _ in rejected}
            pieces.append(table)
            erased |= gone
        return Told(pieces, erased)

    def rows(self, ids: Sequence[str]) -> tuple[list[Row], set[str]]:
        """The rows of the recordings that have one, and those that were erased."""
        entries = [entry_of(item) for item in self._ledger.table.get_many(list(ids)).values()]
        erased = {entry.recording_id for entry in entries if entry.state is State.ERASED}
        here = [entry for entry in entries if entry.recording_id not in erased and self._is_here(entry)]
        unsettled = [entry for entry in here if entry.audio is None]
        standing = self._standing(unsettled) if unsettled else {}
        rows = []
        for entry in here:
            audio = entry.audio or standing.get(entry.recording_id)
            if entry.recording is not None and audio is not None:
                rows.append(row_of(entry.recording, audio, expired=entry.state is State.EXPIRED))
        return rows, erased

    def _is_here(self, entry: Entry) -> bool:
        recording = entry.recording
        return recording is not None and Partition(recording.source, recording.call_date) == self._partition

    def _standing(self, entries: Sequence[Entry]) -> dict[str, StoredAudio]:
        """What the copier would find in place of a download, and make its row of."""
        keys = audio_keys(self._store, self._partition.source, self._partition.call_date)
        found = {}
        for entry in entries:
            if entry.recording is not None and entry.recording_id in keys:
                with suppress(KeyError, ValueError, IndexError):  # somebody else's object, or gone since
                    found[entry.recording_id] = self._audio_objects.existing(entry.recording)[0]
        return found
