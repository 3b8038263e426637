"""The day of a canary: the first one on which the lake has nothing. Invented rows come to it and go again."""

import json
import threading
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from call_lake.lake.arrow_rows import table_of
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.lake.registration import Registration, tables_of
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS, CALLS_OPEN
from call_lake.model.layout import Partition
from call_lake.model.table import Row
from call_lake.ports import Catalog, Clock, ObjectStore, Table
from call_lake.settings import CompactorSettings
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.canary.rows import PROVIDER

FIRST_DAY = date(2000, 1, 1)  # before all calls
FREE_DAYS = 31  # so many days are tried


class CanaryLake:
    """A lake like the compactor's: what it commits reaches ``calls_open`` too, where the stack has it, and its
    partition is registered."""

    def __init__(
        self, store: ObjectStore, ledger: Table, catalog: Catalog, clock: Clock, settings: CompactorSettings
    ) -> None:
        open_table = OpenTable(store, create=True) if settings.open_table else None
        self._lake = Lake(store, ledger, clock, settings.grace_s, open_table=open_table)
        self._catalog = catalog
        self._registration = Registration(store, catalog, clock, tables_of(open_table=settings.open_table))

    def commit(self, partition: Partition, rows: Iterable[Row]) -> None:
        """Raises UserError where the table refuses a row."""
        place = CALLS.at(partition)
        table, unfit = table_of([json.dumps(row) for row in rows], place)
        if unfit:
            raise UserError(f"the table takes no canary: {unfit[0][1]}")
        self._lake.commit(place, table)
        self._registration.register(place)

    def remove(self, partition: Partition, ids: set[str]) -> None:
        self._lake.remove(CALLS.at(partition), ids)

    def unregister(self, partition: Partition) -> None:
        """From both tables: a compaction may have registered the day in the open one."""
        for table in (CALLS, CALLS_OPEN):
            self._catalog.unregister(table.name, partition)


def free_day(store: ObjectStore, source: str, first: date) -> Partition:
    """The first day on which the lake has no object at all. Raises UserError."""
    for number in range(FREE_DAYS):
        place = CALLS.at(Partition(source, first + timedelta(days=number)))
        prefixes = (place.manifest, place.data, place.inbox)
        if not any(True for prefix in prefixes for _ in store.list(prefix)):
            return place.partition
    raise UserError(f"the lake has calls on each of the {FREE_DAYS} days from {first} on: no day is free for a canary")


class CanaryDay:
    """Adds rows to one partition, and removes them. Safe to use from threads: nothing is added any more once the rows
    are being removed."""

    def __init__(self, store: ObjectStore, lake: CanaryLake, partition: Partition) -> None:
        self.partition = partition
        self._store = store
        self._lake = lake
        self._lock = threading.Lock()
        self._removed = False

    def commit(self, rows: Iterable[Row]) -> None:
        """Commit the rows as one swap of the manifest. Raises UserError once they are removed."""
        with self._lock:
            if self._removed:
                raise UserError("the canary was broken off")
            self._lake.commit(self.partition, rows)

    def remove(self) -> None:
        """Remove every row of a canary, as an erasure does. Then, if nothing else uses the day, unregister it and
        delete its objects, including those that a compaction has made of it meanwhile. The note goes last. May be
        repeated."""
        with self._lock:
            self._removed = True
            self._lake.remove(self.partition, {row["recording_id"] for row in self._rows() if _is_invented(row)})
            if not self._rows():
                # The manifests first: what they name must exist as long as they do, and a compactor that compares
                # registers what has one.
                for table in (CALLS, CALLS_OPEN):
                    self._store.delete([table.at(self.partition).manifest])
                self._lake.unregister(self.partition)
                self._store.delete(list(self._objects()))
            self._store.delete([CALLS.at(self.partition).canary_note])

    def left(self) -> list[str]:
        """The keys of all objects that the day has."""
        return list(self._objects())

    def _rows(self) -> list[Row]:
        return read_partition(self._store, CALLS.at(self.partition))

    def _objects(self) -> Iterator[str]:
        day, twin = CALLS.at(self.partition), CALLS_OPEN.at(self.partition)
        for prefix in (day.manifest, twin.manifest, day.data, day.garbage, twin.data):
            yield from (info.key for info in self._store.list(prefix))


def _is_invented(row: Row) -> bool:
    return bool(row["provider"] == PROVIDER)
