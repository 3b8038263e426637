"""Register partitions in the Glue catalogue: Athena and Trino read a table's registered partitions, and no other
(rule 23, docs/adr/0033).

A partition is registered after its first commit, and before its rows leave the inbox. So rows that no query sees yet
are still in the inbox, and the next run registers their partition. What was registered once may be lost later: somebody
drops the table, or CloudFormation makes another one. So the manifests are compared with the catalogue once an hour.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from call_lake.model.lake_tables import TABLES, LakeTable, TablePartition
from call_lake.model.layout import Partition
from call_lake.ports import Catalog, Clock, ObjectStore

COMPARED_EVERY = timedelta(hours=1)


def tables_of(*, open_table: bool) -> tuple[LakeTable, ...]:
    """The tables of a stack. ``open_table``: whether it keeps ``calls_open``."""
    twins = (table.twin for table in TABLES if table.twin)
    return (*TABLES, *twins) if open_table else TABLES


def committed(store: ObjectStore, table: LakeTable) -> set[Partition]:
    """The partitions whose manifest names files: an empty one is left of rows that RowRetentionDays removed. Reads no
    object."""
    found = (Partition.of_key(info.key, table.manifests) for info in store.list(table.manifests) if info.size)
    return {partition for partition in found if partition is not None}


def unregistered(store: ObjectStore, catalog: Catalog, table: LakeTable) -> list[Partition]:
    """The partitions whose rows no query sees, or sees as an older table described them. Raises Transient."""
    manifests = committed(store, table)  # first: what is committed meanwhile is registered after its commit
    return sorted(manifests - catalog.registered(table.name)) if manifests else []


class Registration:
    """Registers the partitions of some tables, and remembers which are. Keep one for as long as you can: a partition
    that it remembers costs no request. Safe to use from threads."""

    def __init__(self, store: ObjectStore, catalog: Catalog, clock: Clock, tables: Sequence[LakeTable]) -> None:
        self._store = store
        self._catalog = catalog
        self._clock = clock
        self._registered: dict[LakeTable, set[Partition]] = {table: set() for table in tables}
        self._compared_at: dict[LakeTable, datetime] = {}

    def register(self, partition: TablePartition) -> None:
        """Register a committed partition in its table, and in the table's twin. Where that fails, all tables are due
        again. Raises Transient and PartialFailure."""
        for table, known in self._of(partition):
            if partition.partition not in known:
                try:
                    self._catalog.register(table.name, [partition.partition])
                except Exception:
                    self._compared_at.clear()
                    raise
                known.add(partition.partition)

    def unregister(self, partition: TablePartition) -> None:
        """Let no query look for the partition, in its table and in the table's twin. Raises Transient."""
        for table, known in self._of(partition):
            known.discard(partition.partition)
            self._catalog.unregister(table.name, partition.partition)

    def _of(self, partition: TablePartition) -> list[tuple[LakeTable, set[Partition]]]:
        return [one for one in self._registered.items() if partition.table in (one[0], one[0].twin_of)]

    def due(self) -> list[LakeTable]:
        """The tables that were not compared within the last hour."""
        now = self._clock.now()
        return [
            table
            for table in self._registered
            if table not in self._compared_at or now - self._compared_at[table] >= COMPARED_EVERY
        ]

    def compare(self, table: LakeTable) -> int:
        """Register every committed partition that the catalogue lacks; return how many. Raises Transient and
        PartialFailure."""
        began = self._clock.now()
        manifests = committed(self._store, table)
        registered = self._catalog.registered(table.name) if manifests else set()
        missing = sorted(manifests - registered)
        if missing:
            self._catalog.register(table.name, missing)
        self._registered[table] = manifests | registered
        self._compared_at[table] = began
        return len(missing)
