"""Read a list by limit and offset while rows may come, go and stand in any order (design rules 3 and 4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count as count_up
from typing import Any

from call_lake.errors import Drifted, TooWide


@dataclass(frozen=True, slots=True)
class Answer:
    """One page: its rows, and how many rows the whole list has, where the provider says so."""

    rows: list[Any]
    count: int | None = None


class Pager:
    """Pages of one provider. Remembers how large its pages can be, for a server may cap them below what is asked."""

    def __init__(self) -> None:
        self._largest = 0

    def walk(
        self, fetch: Callable[[int], Answer], identity: Callable[[Any], Any], *, may_be_wide: bool
    ) -> Iterator[list[Any]]:
        """The rows of one list, page by page. ``fetch(offset)`` gets a page; ``identity`` tells one row from another.

        Each page begins with the last row of the one before, which shows when rows have moved. Raises Drifted then,
        and TooWide, unless ``may_be_wide``, where a third page would be needed: up to there the provider walks at
        most two rows for each that it returns. Every row read is given before either is raised.
        """
        offset, total = 0, None
        last: tuple[Any] | None = None  # of the page before, if this one begins with it
        for pages in count_up(1):
            answer = fetch(offset)
            rows = answer.rows
            moved = last is not None and (not rows or identity(rows[0]) != last[0])
            fresh = rows[1:] if last is not None and not moved else rows
            if fresh:
                yield fresh
            if moved:
                raise Drifted("the row between two pages is another")
            if answer.count is not None:
                if total not in (None, answer.count):
                    raise Drifted("the number of rows has changed")
                total = answer.count
            if self._is_end(offset + len(rows), len(rows), len(fresh), total):
                return
            self._largest = max(self._largest, len(rows))
            if not may_be_wide and (pages == 2 or (total is not None and total > 2 * len(rows) - 1)):
                raise TooWide(total)
            overlap = 1 if len(rows) > 1 else 0  # a page of one row has none to spare
            last = (identity(rows[-1]),) if overlap else None
            offset += len(rows) - overlap

    def _is_end(self, position: int, rows: int, fresh: int, total: int | None) -> bool:
        if total is None:
            # Short is a page only where a longer one was seen: the server may cap pages below what was asked.
            return not fresh or rows < self._largest
        if position > total or (not fresh and position < total):
            raise Drifted(f"{position} rows where the count says {total}")
        return position == total
