"""The rows of some days as one Arrow table, for analysts: ``call_lake.read``."""

from collections.abc import Collection, Sequence
from datetime import date

import pyarrow as pa

from call_lake.lake.arrow_rows import arrow_schema
from call_lake.lake.calls import CallFilter, CallReader
from call_lake.model.lake_tables import LakeTable, TablePartition
from call_lake.ports import ObjectStore

PARTITION_TYPES = {"source": pa.string(), "call_date": pa.date32()}


def read_rows(
    store: ObjectStore,
    table: LakeTable,
    first: date,
    last: date,
    sources: Collection[str],
    columns: Sequence[str] | None,
) -> pa.Table:
    """The table's rows of these days, oldest day first: ``source``, ``call_date``, then its columns.

    Without rows, a table without any. ``columns``: all, if None. Raises ValueError for one that there is not, and
    LakeDamaged.
    """
    known = [*PARTITION_TYPES, *table.columns]
    names = known if columns is None else list(columns)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no column {', '.join(unknown)}; there are: {', '.join(known)}")
    reader = CallReader(store, {}, [name for name in names if name in table.columns], table)
    found = list(reader.tables(CallFilter(first, last, frozenset(sources))))
    schema = arrow_schema(table)
    fields = [pa.field(name, PARTITION_TYPES.get(name) or schema.field(name).type) for name in names]
    parts = [_with_partition(partition, rows).select(names) for partition, rows in reversed(found)]
    return pa.concat_tables([pa.schema(fields).empty_table(), *parts])


def _with_partition(partition: TablePartition, table: pa.Table) -> pa.Table:
    for name, kind in PARTITION_TYPES.items():
        value = pa.repeat(pa.scalar(getattr(partition, name), kind), table.num_rows)
        table = table.append_column(pa.field(name, kind), value)
    return table
