"""Remove the rows of calls that are older than RowRetentionDays, a day of a source at a time (docs/adr/0039).

The steps of a day are: look that no audio of it is left, write a tombstone for each recording, delete what waits or was
set aside, unregister the partition, and replace its manifest by an empty one. The manifest comes last, because it is
what a run finds the day by. If a run dies in between, the next one repeats the steps.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from call_lake.bucket.inbox import fields_of, id_of, read_lines
from call_lake.lake.lake import Lake
from call_lake.lake.manifest import Manifest, list_partitions
from call_lake.lake.registration import Registration
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS, TABLES, TablePartition
from call_lake.model.layout import LAKE, Partition
from call_lake.model.retention import first_kept_day
from call_lake.ports import Clock, ObjectStore, Table

EVERY = timedelta(days=1)

type AtOnce = Callable[[Callable[[str], object], list[str]], object]
"""Calls a function with each text of a list, several at once."""


class RowRetention:
    """``days``: RowRetentionDays; 0: nothing is ever removed, and nothing here costs a request."""

    def __init__(
        self, store: ObjectStore, table: Table, clock: Clock, lake: Lake, registration: Registration, days: int
    ) -> None:
        self._store = store
        self._ledger = Ledger(table, clock, republish_after_s=0)
        self._clock = clock
        self._lake = lake
        self._registration = registration
        self._days = days
        self._done_at: datetime | None = None

    def is_due(self) -> bool:
        """Whether old days were not all removed within the last 24 hours."""
        is_done = self._done_at is not None and self._clock.now() - self._done_at < EVERY
        return bool(self._days) and not is_done

    def done(self) -> None:
        """Note that every old day was removed."""
        self._done_at = self._clock.now()

    def old_days(self) -> list[Partition]:
        """The days that have rows, or rows set aside, of calls that are too old. Costs two or three listings for each
        table."""
        found: set[Partition] = set()
        for table in TABLES:
            found |= {listed.partition.partition for listed in list_partitions(self._store, table) if listed.files}
            for prefix in (table.quarantine, *([table.twin.manifests] if table.twin else [])):
                found |= {one for info in self._store.list(prefix) if (one := Partition.of_key(info.key, prefix))}
        return sorted(partition for partition in found if self._is_old(partition.call_date))

    def sources(self) -> list[str]:
        """Every source that ever had a row of a call."""
        return sorted({listed.partition.source for listed in list_partitions(self._store, CALLS)})

    def remove(self, partition: Partition, at_once: AtOnce) -> bool:
        """Remove everything of one old day, from all tables. False where it has to wait: audio of the day is left, or
        another commit was faster. Raises Transient, FileGone, PartialFailure."""
        if next(iter(self._store.list(partition.audio)), None) is not None:
            return False
        # Before the inbox is listed: what a commit takes from there meanwhile changes the manifest.
        places = [table.at(partition) for table in TABLES]
        committed = {place: self._lake.keys(place) for place in places}
        waiting = [
            info.key
            for place in places
            for prefix in (place.inbox, place.quarantine)
            for info in self._store.list(prefix)
        ]
        ids = {recording_id for _, keys in committed.values() for recording_id, *_ in keys}
        ids |= set[str]().union(*map(self._ids_in, waiting))
        at_once(lambda id: self._ledger.outlived(id, partition.source, partition.call_date), sorted(ids))
        self._store.delete(waiting)
        return all(self._empty(place, manifest) for place, (manifest, _) in committed.items() if manifest.etag)

    def _empty(self, place: TablePartition, manifest: Manifest) -> bool:
        """False where another commit was faster."""
        self._registration.unregister(place)
        if manifest.keys and not self._lake.empty(place, manifest):
            return False
        if place.twin is not None:
            self._store.delete([place.twin.manifest])
        return True

    def remove_unsettled(self, source: str, at_once: AtOnce) -> None:
        """Write tombstones for old recordings that were never stored, and so have no row."""
        first = first_kept_day(self._clock.now(), self._days)
        old = dict(self._ledger.unsettled_before(source, first)) if first else {}
        at_once(lambda id: self._ledger.outlived(id, source, old[id]), sorted(old))

    def _is_old(self, call_date: date) -> bool:
        first = first_kept_day(self._clock.now(), self._days)
        return first is not None and call_date < first

    def _ids_in(self, key: str) -> set[str]:
        """The recordings of an object of the inbox or the quarantine, as far as it names any."""
        lines: Iterable[str] = read_lines(self._store, key)
        if key.startswith(LAKE):  # the quarantine
            lines = [fields["text"] for line in lines if isinstance((fields := fields_of(line)).get("text"), str)]
        return {id for line in lines if (id := id_of(line))}
