"""Choose the files that a commit merges (rule 20), and merge them without holding them in memory."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake.arrow_rows import arrow_schema, sorted_rows, without_keys
from call_lake.lake.data_file import DataFile, FileSummary
from call_lake.model.lake_tables import LakeTable

FILES_OF_A_TIER = 16  # with one more they become one file of the next tier
SMALL_ROWS = 4096  # a file up to this size that loses rows is merged with the new rows, which saves a request
LATE_SHARE = 4  # late rows of a closed day stay in a separate file while they are less than a quarter of the day
MERGED_ROWS = 8192  # in memory at a time, over all files of a merge
SMALLEST_BATCH_ROWS = 1024
MERGED_BYTES = 32 * 1024 * 1024  # the same, where rows are large


def choose_on_current_day(files: Sequence[FileSummary], loses_rows: set[str]) -> tuple[list[FileSummary], int]:
    """Choose for a commit to a day that still gets rows: the files to merge with the new rows, and the tier of the
    merged file. ``loses_rows``: keys of files with outdated rows. The small ones are merged; the caller rewrites each
    larger one alone.

    Sixteen files of tier 0 and the next commit become one file of tier 1; sixteen of tier 1 become one of tier 2. So
    over a day of 288 commits each row is written at most three times, and once more when the day is closed.
    """
    chosen = [file for file in files if not file.rows or (file.key in loses_rows and file.rows <= SMALL_ROWS)]
    tier = max((file.footer.tier for file in chosen), default=0)
    for level in (0, 1):
        full = [file for file in files if file.footer.tier == level and file not in chosen]
        if len(full) < FILES_OF_A_TIER:
            break
        chosen += full
        tier = max(tier, level + 1)
    return chosen, tier


def choose_on_closed_day(
    files: Sequence[FileSummary], loses_rows: set[str], new_rows: int, today: date
) -> tuple[list[FileSummary], int]:
    """Choose for a commit to a day that is over: all files become one. Only if the late rows are few, they stay in a
    second file until the next day. Returns as ``choose_on_current_day``."""
    base = max(files, key=lambda file: file.rows, default=None)
    late = [file for file in files if file is not base]
    late_rows = new_rows + sum(file.rows for file in late)
    waiting = all(file.footer.since.date() == today for file in late)
    if base and base.key not in loses_rows and waiting and late_rows * LATE_SHARE < base.rows:
        return late, 0
    return list(files), 2


def merged(table: LakeTable, files: Sequence[DataFile], new: pa.Table, without: set[str]) -> Iterator[pa.Table]:
    """Yield all rows of the files of a table and ``new``, in the order of a file. ``new`` is sorted already. Rows with
    the keys ``without`` (``arrow_rows.row_keys``) are left out of the files.

    Memory holds some ``MERGED_ROWS`` rows, however large the files are. Raises FileGone.
    """
    parts = len(files) or 1
    batch_rows = max(SMALLEST_BATCH_ROWS, MERGED_ROWS // parts)
    inputs = [
        _SortedInput(table, file.rows, file.batches(batch_rows, bytes_at_most=MERGED_BYTES // parts), without)
        for file in files
    ]
    inputs.append(_SortedInput(table, new.num_rows, iter([new]), set()))
    while any(one.head.num_rows for one in inputs):
        # No input still has an unread row that sorts before this moment.
        until = min((one.last for one in inputs if one.rows_left), default=None)
        taken = [part for one in inputs if (part := one.take(until)).num_rows]
        yield taken[0] if len(taken) == 1 else sorted_rows(pa.concat_tables(taken), table)


class _SortedInput:
    """One input of a merge. ``head``: rows that were read and not yet taken. ``rows_left``: how many are unread."""

    def __init__(self, table: LakeTable, rows: int, batches: Iterator[pa.Table], without: set[str]) -> None:
        self.head = arrow_schema(table).empty_table()
        self.rows_left = rows
        self._table = table
        self._batches = batches
        self._without = without
        self._refill()

    @property
    def last(self) -> Any:
        return self.head[self._table.sort][-1].as_py()

    def take(self, until: Any) -> pa.Table:
        """Remove from ``head``, and return, the rows that sort up to ``until``; all rows where it is None."""
        if until is None:
            count = self.head.num_rows
        else:
            count = pc.sum(pc.less_equal(self.head[self._table.sort], until)).as_py() or 0
        taken, self.head = self.head.slice(0, count), self.head.slice(count)
        self._refill()
        return taken

    def _refill(self) -> None:
        while not self.head.num_rows and self.rows_left:
            batch = next(self._batches)
            self.rows_left -= batch.num_rows
            self.head = without_keys(batch, self._without, self._table)
