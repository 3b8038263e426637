"""Find calls in the lake itself: newest day first, without Athena's price and delay (ADR 0036).

A search reads the manifests of its days. Of each data file it reads the footer and the columns that it compares, and
the other columns only where rows fit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import batched, groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.concurrency import in_threads
from call_lake.lake.arrow_rows import arrow_schema, fits_text, is_one_of, rows_of
from call_lake.lake.data_file import DataFile
from call_lake.lake.errors import FileGone
from call_lake.lake.manifest import partitions_between, sizes_between
from call_lake.lake.search import NUMBER_COLUMNS, SEARCH_ROWS, of_manifest
from call_lake.model.lake_tables import CALLS, LakeTable, TablePartition
from call_lake.model.names import is_named
from call_lake.model.table import COLUMNS, LENGTHS, Row
from call_lake.ports import ObjectStore

if TYPE_CHECKING:  # the library of numbering plans is for those who look for a number
    from call_lake.model.phone_numbers import WantedNumber

THREADS = 16
AT_ONCE = 32
"""So many partitions are read before the first row of them is handed out. Memory holds their rows that fit."""
DEFAULT_COUNTRY = "PL"
NEEDED = ("recording_id", "started_at")
"""Columns that are always read, because they order the calls."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are wanted: those of the days ``first`` to ``last`` that fit everything else. Empty means all.

    ``numbers``: caller or callee is perhaps one of these. ``agents``: the name has every word of one of these, without
    capitals and accents. ``longer_than_s``: the call took more seconds
    (``model.table.LENGTHS``). ``ids``: of recordings.
    """

    first: date
    last: date
    sources: frozenset[str] = frozenset()
    numbers: "tuple[WantedNumber, ...]" = ()
    agents: frozenset[str] = frozenset()
    directions: frozenset[str] = frozenset()
    longer_than_s: float | None = None
    ids: frozenset[str] = frozenset()

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns that decide whether a row fits."""
        return (
            *(NUMBER_COLUMNS if self.numbers else ()),
            *(("agent",) if self.agents else ()),
            *(("direction",) if self.directions else ()),
            *(LENGTHS if self.longer_than_s is not None else ()),
            *(("recording_id",) if self.ids else ()),
        )


class CallReader:
    """Reads calls. ``countries``: of each source, ISO 3166, for numbers without a country code. ``columns``: of the
    table, those that are read beside the recording id and what sorts the rows. Safe to use from threads.

    Of another table than ``calls``, ``tables`` reads all rows of the days. The other methods are for calls.
    """

    def __init__(
        self,
        store: ObjectStore,
        countries: Mapping[str, str],
        columns: Sequence[str] = tuple(COLUMNS),
        table: LakeTable = CALLS,
    ) -> None:
        self._store = store
        self._countries = countries
        self._table = table
        self._schema = arrow_schema(table, dict.fromkeys(("recording_id", table.sort, *columns)))

    def calls(self, wanted: CallFilter) -> Iterator[Row]:
        """The calls that fit, newest day first, and the newest call of a day first. Raises LakeDamaged, NewerSchema."""
        for _, tables in groupby(self.tables(wanted), lambda found: found[0].call_date):
            rows = [row for partition, table in tables for row in rows_of(table, partition)]
            yield from sorted(rows, key=itemgetter(*reversed(NEEDED)), reverse=True)

    def tables(self, wanted: CallFilter) -> Iterator[tuple[TablePartition, pa.Table]]:
        """The rows that fit of each partition, newest day first. Raises as ``calls``."""
        days = (wanted.first, wanted.last, wanted.sources)
        partitions = partitions_between(self._store, self._table, *days)
        sizes = sizes_between(self._store, self._table, *days) if partitions else {}

        def rows(partition: TablePartition, keys: tuple[str, ...]) -> Iterator[pa.Table]:
            for key in keys:
                file = DataFile(self._store, key, sizes.get(key) or self._size(key), few_columns=True)
                yield from self._fitting(file, wanted, partition)

        def table(partition: TablePartition, keys: tuple[str, ...]) -> pa.Table:
            return pa.concat_tables([self._schema.empty_table(), *rows(partition, keys)])

        def read(partition: TablePartition) -> pa.Table:
            return of_manifest(self._store, partition, partial(table, partition))

        for some in batched(partitions, AT_ONCE, strict=False):
            yield from zip(some, in_threads(read, some, THREADS), strict=True)

    def _size(self, key: str) -> int:
        """Of a file that is newer than the listing. Raises FileGone."""
        info = self._store.head(key)
        if info is None:
            raise FileGone(key)
        return info.size

    def _fitting(self, file: DataFile, wanted: CallFilter, partition: TablePartition) -> Iterator[pa.Table]:
        columns = self._schema.names
        if not wanted.compared:
            yield from file.batches(SEARCH_ROWS, columns)
            return
        country = self._countries.get(partition.source, DEFAULT_COUNTRY)
        parts = file.batches(SEARCH_ROWS, list(wanted.compared))
        fits = pa.chunked_array([_fits(part, wanted, country) for part in parts], pa.bool_())
        if not pc.any(fits).as_py():
            return
        at = 0
        for part in file.batches(SEARCH_ROWS, columns):
            yield part.filter(fits.slice(at, part.num_rows))
            at += part.num_rows


def _fits(rows: pa.Table, wanted: CallFilter, country: str) -> pa.Array:
    """For each row whether it fits everything that ``wanted`` names."""
    fits = pa.chunked_array([pa.repeat(True, rows.num_rows)])
    if wanted.numbers:
        caller, callee = (
            fits_text(rows[name], lambda text: _is_like_one(text, wanted.numbers, country)) for name in NUMBER_COLUMNS
        )
        fits = pc.and_(fits, pc.or_(caller, callee))
    if wanted.agents:
        fits = pc.and_(fits, fits_text(rows["agent"], lambda text: any(is_named(text, name) for name in wanted.agents)))
    if wanted.directions:
        fits = pc.and_(fits, is_one_of(rows["direction"], wanted.directions))
    if wanted.longer_than_s is not None:
        length = pc.coalesce(*(rows[name] for name in LENGTHS))
        fits = pc.and_(fits, pc.fill_null(pc.greater(length, wanted.longer_than_s), False))
    if wanted.ids:
        fits = pc.and_(fits, is_one_of(rows["recording_id"], wanted.ids))
    return fits.combine_chunks()


def _is_like_one(text: str, numbers: "Sequence[WantedNumber]", country: str) -> bool:
    """Certainly or perhaps."""
    return any(number.compare(text, country) > 0 for number in numbers)  # Likeness.DIFFERENT
