"""Rebuild the lake from the ledger and the audio objects alone (``call-lake rebuild``).

A ledger item of a stored recording holds everything that its row was made of: the record as it was listed, and what the
audio is. As long as the item does not say ``STORED``, the metadata of the audio object say what the audio is (rule 13).
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import batched

from call_lake.bucket.audio_objects import AudioObjects
from call_lake.bucket.inbox import put_rows
from call_lake.bucket.inventory import audio_keys, ids_in_quarantine
from call_lake.concurrency import in_threads
from call_lake.errors import CallLakeError
from call_lake.lake.arrow_rows import table_of
from call_lake.lake.lake import Lake
from call_lake.lake.manifest import list_partitions
from call_lake.lake.partition_rebuild import LedgerRows, PartitionRebuilder, RebuiltPartition
from call_lake.lake.registration import Registration
from call_lake.ledger.entry import Entry, State, entry_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS, TABLES, LakeTable, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.recording import StoredAudio
from call_lake.model.table import Row, row_of
from call_lake.ports import Catalog, Clock, ObjectStore

PARTITIONS_AT_ONCE = 4
LEDGER_BATCH = 1000


@dataclass(frozen=True, slots=True)
class RebuildAttempt:
    """What came of one partition. ``to_quarantine``: rows that the table cannot hold; they were sent to the inbox, so
    that the compactor sets them aside. ``error``: why the partition was left as it was, empty if nothing went wrong.
    The same command tries it again."""

    partition: Partition
    rebuilt: RebuiltPartition | None
    to_quarantine: int = 0
    error: str = ""


class Rebuilder:
    """Safe beside compactors, copiers, erasures and readers. A second rebuild leaves alone what is right already.
    ``grace_s``: the compactor's. ``threads``: partitions at once. ``table``: the rows of another one than ``calls``
    are not made again, it is mended (``mend``)."""

    def __init__(
        self,
        ledger: Ledger,
        store: ObjectStore,
        catalog: Catalog,
        clock: Clock,
        grace_s: float,
        *,
        threads: int = PARTITIONS_AT_ONCE,
        table: LakeTable = CALLS,
    ) -> None:
        self._table = table
        self._ledger = ledger
        self._store = store
        self._threads = threads
        self._rebuilder = PartitionRebuilder(store, clock, grace_s)
        self._lake = Lake(store, ledger.table, clock, grace_s)
        self._registration = Registration(store, catalog, clock, TABLES)

    def find(self, sources: Sequence[str], first: date, last: date) -> dict[Partition, list[str]]:
        """Find the partitions of these sources and days in the ledger and in the lake. Return each with the recordings
        that the ledger has for it. Reads the whole ledger."""
        found: dict[Partition, list[str]] = {
            listed.partition.partition: []
            for listed in list_partitions(self._store, self._table)
            if listed.partition.source in sources and first <= listed.partition.call_date <= last
        }
        for id, source, day in self._ledger.days(first, last) if self._table is CALLS else ():
            if source in sources:
                found.setdefault(Partition(source, day), []).append(id)
        return found

    def rebuild(
        self, found: Mapping[Partition, Sequence[str]], on_progress: Callable[[int, int], None]
    ) -> list[RebuildAttempt]:
        """Rebuild these partitions, the newest first. One that fails does not stop the others. ``on_progress`` gets the
        number of partitions that are done, and the number of all. Raises Transient and PartialFailure where the
        catalogue of tables cannot be read or written."""
        self._registration.compare(self._table)  # first, so that what is registered already costs no extra request
        newest = sorted(found, key=lambda partition: partition.call_date, reverse=True)
        done, lock = 0, threading.Lock()

        def step(partition: Partition) -> RebuildAttempt:
            nonlocal done
            attempt = self._rebuild_one(partition, found[partition])
            with lock:
                done += 1
                on_progress(done, len(newest))
            return attempt

        return in_threads(step, newest, self._threads)

    def mend(self, place: TablePartition) -> RebuiltPartition:
        """Drop from a table that the ledger cannot make what must not be there: the rows of erased recordings, second
        rows, and files that cannot be read. ``held`` has the recordings that still have a row; the caller
        makes the other rows again. Raises Transient, NewerSchema, PartialFailure."""
        rebuilt = self._rebuilder.rebuild(place, (), lambda ids: LedgerRows([], self._ledger.erased(list(ids))))
        if rebuilt.changed:
            self._remove_erased(place, rebuilt)
            self._registration.register(place)
        return rebuilt

    # -- one partition

    def _rebuild_one(self, partition: Partition, ids: Sequence[str]) -> RebuildAttempt:
        reader = _LedgerReader(self._ledger, self._store, partition)
        try:
            if self._table is not CALLS:
                return RebuildAttempt(partition, self.mend(self._table.at(partition)))
            rebuilt = self._rebuilder.rebuild(CALLS.at(partition), ids, reader.read)
            if rebuilt.changed:
                self._remove_erased(CALLS.at(partition), rebuilt)
                self._registration.register(CALLS.at(partition))
            return RebuildAttempt(partition, rebuilt, self._to_quarantine(partition, list(reader.unfit.values())))
        except CallLakeError as error:
            return RebuildAttempt(partition, None, error=f"{partition}: {error}")
        except Exception as error:  # its text may hold what a row holds
            return RebuildAttempt(partition, None, error=f"{partition}: {type(error).__name__}")

    def _remove_erased(self, place: TablePartition, rebuilt: RebuiltPartition) -> None:
        """Look again after the commit (rule 18): an erasure may have died after its tombstone, before its removal."""
        if erased := self._ledger.erased(sorted(rebuilt.held)):
            self._lake.remove(place, erased)

    def _to_quarantine(self, partition: Partition, rows: Sequence[Row]) -> int:
        """Send rows to the inbox: the compactor sets them aside, with the reason and the alarm. Skip rows that are in
        the quarantine already."""
        if not rows:
            return 0
        there = ids_in_quarantine(self._store, partition.source, partition.call_date)
        new = [row for row in rows if row["recording_id"] not in there]
        put_rows(self._store, new, CALLS)
        return len(new)


class _LedgerReader:
    """Makes the rows of one partition from ledger items and audio objects. ``unfit``: rows that the table cannot
    hold."""

    def __init__(self, ledger: Ledger, store: ObjectStore, partition: Partition) -> None:
        self.unfit: dict[str, Row] = {}
        self._ledger = ledger
        self._store = store
        self._audio_objects = AudioObjects(store)
        self._partition = partition

    def read(self, ids: Sequence[str]) -> LedgerRows:
        pieces, erased = [], set[str]()
        for some in batched(ids, LEDGER_BATCH, strict=False):
            rows, tombstones = self.rows(some)
            table, rejected = table_of([json.dumps(row) for row in rows], CALLS.at(self._partition))
            self.unfit |= {rows[position]["recording_id"]: rows[position] for position, _ in rejected}
            pieces.append(table)
            erased |= tombstones
        return LedgerRows(pieces, erased)

    def rows(self, ids: Sequence[str]) -> tuple[list[Row], set[str]]:
        """The rows of the recordings that have one, and the ids of those that were erased."""
        entries = [entry_of(item) for item in self._ledger.table.get_many(list(ids)).values()]
        erased = {entry.recording_id for entry in entries if entry.state is State.ERASED}
        here = [entry for entry in entries if entry.recording_id not in erased and self._is_here(entry)]
        not_stored = [entry for entry in here if entry.audio is None]
        in_bucket = self._audio_in_bucket(not_stored) if not_stored else {}
        rows = []
        for entry in here:
            audio = entry.audio or in_bucket.get(entry.recording_id)
            if entry.recording is not None and audio is not None:
                rows.append(row_of(entry.recording, audio, expired=entry.state is State.EXPIRED))
        return rows, erased

    def _is_here(self, entry: Entry) -> bool:
        recording = entry.recording
        return recording is not None and Partition(recording.source, recording.call_date) == self._partition

    def _audio_in_bucket(self, entries: Sequence[Entry]) -> dict[str, StoredAudio]:
        """The audio objects from which the copier would make the rows, instead of a download."""
        keys = audio_keys(self._store, self._partition.source, self._partition.call_date)
        found = {}
        for entry in entries:
            if entry.recording is not None and entry.recording_id in keys:
                with suppress(KeyError, ValueError, IndexError):  # not an object of ours, or deleted meanwhile
                    found[entry.recording_id] = self._audio_objects.existing(entry.recording)[0]
        return found
