"""Which files to merge (design rule 20), and merging them without holding them."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake.arrow_rows import SCHEMA, sorted_rows, without_ids
from call_lake.lake.data_file import DataFile, Known

FILES_OF_A_TIER = 16  # one more, and they become one file of the next tier
SMALL_ROWS = 4096  # a file up to this that loses rows takes the new ones up, which spares a request
LATE_SHARE = 4  # late rows of a closed day stay apart while they are less than a quarter of it
MERGED_ROWS = 8192  # in memory at a time, over all files of a merge
SMALLEST_BATCH_ROWS = 1024


def choose_open(files: Sequence[Known], must: set[str]) -> tuple[list[Known], int]:
    """For a commit to a day that still fills: the files to merge with the new rows, and the tier of what comes out.
    ``must``: keys of files that lose rows; the small ones of them are merged, larger ones are to be rewritten alone.

    Sixteen appended files and the next commit make a file of tier 1, sixteen of those one of tier 2: over a day of
    288 commits each row is written at most three times, and once more when the day is closed.
    """
    chosen = [file for file in files if not file.rows or (file.key in must and file.rows <= SMALL_ROWS)]
    tier = max((file.facts.tier for file in chosen), default=0)
    for level in (0, 1):
        full = [file for file in files if file.facts.tier == level and file not in chosen]
        if len(full) < FILES_OF_A_TIER:
            break
        chosen += full
        tier = max(tier, level + 1)
    return chosen, tier


def choose_closed(files: Sequence[Known], must: set[str], new_rows: int, today: date) -> tuple[list[Known], int]:
    """For a commit to a day that is over: everything becomes one file; only a few rows that come late wait beside it
    in a second one until the next day."""
    base = max(files, key=lambda file: file.rows, default=None)
    late = [file for file in files if file is not base]
    late_rows = new_rows + sum(file.rows for file in late)
    waiting = all(file.facts.since.date() == today for file in late)
    if base and base.key not in must and waiting and late_rows * LATE_SHARE < base.rows:
        return late, 0
    return list(files), 2


def merged(files: Sequence[DataFile], new: pa.Table, without: set[str]) -> Iterator[pa.Table]:
    """All rows by ``started_at``, but for the recordings ``without`` of the files; ``new`` is sorted already.
    Memory holds some ``MERGED_ROWS``, whatever the files' sizes. Raises FileGone."""
    batch_rows = max(SMALLEST_BATCH_ROWS, MERGED_ROWS // (len(files) or 1))
    runs = [_Run(file.rows, file.batches(batch_rows), without) for file in files]
    runs.append(_Run(new.num_rows, iter([new]), set()))
    while any(run.head.num_rows for run in runs):
        # Up to here nothing can come any more that belongs before.
        until = min((run.last for run in runs if run.rows_left), default=None)
        taken = [part for run in runs if (part := run.take(until)).num_rows]
        yield taken[0] if len(taken) == 1 else sorted_rows(pa.concat_tables(taken))


class _Run:
    """One sorted input: ``head`` is what was read and not yet taken, ``rows_left`` what was not yet read."""

    def __init__(self, rows: int, batches: Iterator[pa.Table], without: set[str]) -> None:
        self.head = SCHEMA.empty_table()
        self.rows_left = rows
        self._batches = batches
        self._without = without
        self._refill()

    @property
    def last(self) -> Any:
        return self.head["started_at"][-1].as_py()

    def take(self, until: Any) -> pa.Table:
        if until is None:
            count = self.head.num_rows
        else:
            count = pc.sum(pc.less_equal(self.head["started_at"], until)).as_py() or 0
        taken, self.head = self.head.slice(0, count), self.head.slice(count)
        self._refill()
        return taken

    def _refill(self) -> None:
        while not self.head.num_rows and self.rows_left:
            batch = next(self._batches)
            self.rows_left -= batch.num_rows
            self.head = without_ids(batch, self._without)
