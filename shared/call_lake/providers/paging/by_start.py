"""Read a list that is sorted by time by moving its start instead of its offset (design rule 4, docs/adr/0008).

No provider promises an order, so nothing is believed. The pager tries this where the first page looks sorted, and
proves every step. Let ``list`` be the rows from one start on, and ``later`` the rows from a later start on. If
``later`` has ``n`` rows less, and begins with the very row at position ``n`` of ``list``, then ``later`` is ``list``
without its first ``n`` rows, which have been read. Rows that come or go meanwhile break the proof: the list has
``Drifted``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from call_lake.errors import Drifted, TooWide
from call_lake.providers.paging.by_offset import RawPage

PAGES_MOST = 25
LIST_S = 60.0
"""Seconds that one list may take. The next poll reads again what this one begins and cannot end."""
PAGES_LEAST = 4  # fewer are as well read by offset
COMFORTABLE = 0.8  # of the most: one check for so many pages
FAILURES_MOST = 3
"""Attempts in a row that failed. Then this provider's lists only look sorted, and the pager stops trying."""


@dataclass(frozen=True, slots=True)
class LaterStart:
    """A later start of a list, as the provider writes it. ``rows_again``: how many of the rows read so far the
    provider will probably give once more."""

    start: str
    rows_again: int


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A list of the rows from ``start`` to ``end``, as the provider writes these times. ``fetch(start, offset, limit)``
    gets a page of the rows from any start to that end."""

    start: str
    end: str
    fetch: Callable[[str, int, int], RawPage]


class StartPager:
    """Reads wide lists of one provider, which has to give a count."""

    def __init__(self, identity: Callable[[Any], Any], later_start: Callable[[list[Any]], LaterStart | None]) -> None:
        """``identity`` tells one row from another. ``later_start`` finds a start just before the last of some rows, or
        None where they are in no order of time."""
        self._identity = identity
        self._later_start = later_start
        self._failures = 0

    def rest(self, times: TimeRange, first: list[Any], refusal: TooWide, page_s: float) -> Iterator[list[Any]]:
        """Yield the rows behind the ``first`` page of a list that the ``OffsetPager`` refused. A page takes ``page_s``
        seconds.

        Raises ``refusal`` where this pager cannot read the list either, TooWide with ``fits`` where it can read a
        smaller one, and Drifted where rows came or went meanwhile.
        """
        later = self._later_start(first)
        # All rows again: the order is not the one of the filter, or one minute fills a page.
        is_hopeless = later is None or later.rows_again == len(first) or later.start >= times.end
        pages_most = min(LIST_S / max(page_s, 0.001), PAGES_MOST)
        if refusal.rows is None or is_hopeless or self._failures >= FAILURES_MOST or pages_most < PAGES_LEAST:
            raise refusal
        if refusal.rows > pages_most * len(first):
            raise TooWide(refusal.rows, fits=int(COMFORTABLE * pages_most * len(first)))
        self._failures += 1
        yield from self._walk(times, first, refusal.rows)
        check = times.fetch(times.start, 1, 1)
        if check.count != refusal.rows or not self._agree(check.rows, first[1:]):
            raise Drifted("the number of rows has changed")
        self._failures = 0

    def _walk(self, times: TimeRange, first: list[Any], all_rows: int) -> Iterator[list[Any]]:
        start, known, total, limit = times.start, first, all_rows, len(first)
        is_full = True  # the last page may have rows behind it, whatever the count says
        while len(known) < total or is_full:  # known: the first rows of the list of ``total`` rows from ``start`` on
            next_start = self._next_start(times, start, known, limit)
            if next_start is None:
                raise TooWide(all_rows)
            by_offset = next_start == start
            page = times.fetch(next_start, len(known) - 1 if by_offset else 0, limit)
            passed = total - (page.count or 0)
            shared = known[-1:] if by_offset else known[max(passed, 0) :]
            fresh = page.rows[len(shared) :]
            is_end = len(known) == total
            is_proved = (passed == 0 and (fresh or is_end)) if by_offset else 0 <= passed < len(known)
            if not is_proved or not self._agree(page.rows, shared):
                yield page.rows
                raise Drifted("the rows between two pages are others")
            if fresh:
                yield fresh
            start, known, total = next_start, (known if by_offset else shared) + fresh, total - passed
            is_full = len(page.rows) >= limit and not (is_end and not fresh)
        if len(known) > total:
            raise Drifted(f"{len(known)} rows where the count says {total}")

    def _next_start(self, times: TimeRange, start: str, known: list[Any], limit: int) -> str | None:
        """Where the list of the next page starts: later, or at the same ``start`` to go on by offset.

        Where a minute has many rows, going on by offset is cheaper, or the only way. None where the known rows are in
        no order of time.
        """
        later = self._later_start(known)
        if later is None:
            return None
        is_crowded = later.rows_again * 8 > limit and len(known) < 2 * limit - 1
        return start if is_crowded or later.start <= start or later.start >= times.end else later.start

    def _agree(self, rows: list[Any], others: list[Any]) -> bool:
        """Whether both begin alike, as far as both go."""
        both = list(zip(rows, others, strict=False))
        return bool(both) and all(self._identity(one) == self._identity(other) for one, other in both)
