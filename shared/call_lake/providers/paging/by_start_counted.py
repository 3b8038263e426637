"""Read a list that is sorted by time by moving its start instead of its offset (design rule 4).

No order is promised, so none is believed: it is tried where a page looks sorted, and every step is proved. Let ``list``
be the rows from one start on, and ``later`` those from a later start on, a part of them. If ``later`` has ``n`` rows
less, and begins with the very row that stands at position ``n`` of ``list``, then ``later`` is ``list`` without its
first ``n`` rows, and these have been read. Rows that come or go meanwhile break the proof, and that is ``Drifted``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from call_lake.errors import Drifted, TooWide
from call_lake.providers.paging.by_offset import Answer

PAGES_MOST = 25
LIST_S = 60.0  # what one list may take: what a poll has begun and cannot end is read again by the next one
PAGES_LEAST = 4  # fewer are as well read by offset
COMFORTABLE = 0.8  # of the most: one check for so many pages
TIRED_AFTER = 3  # attempts in a row that came to nothing


@dataclass(frozen=True, slots=True)
class Later:
    """A later start, as the provider writes it. ``again``: how many of the rows read so far it will probably give
    once more."""

    since: str
    again: int


@dataclass(frozen=True, slots=True)
class Span:
    """What a list is of: its start and end as the provider writes them, and ``fetch(start, offset, limit)``, which
    gets a page of the rows from some start to that end."""

    start: str
    end: str
    fetch: Callable[[str, int, int], Answer]


class Seeker:
    """For one provider. Gives up for good where its lists only look sorted."""

    def __init__(self, identity: Callable[[Any], Any], later: Callable[[list[Any]], Later | None]) -> None:
        """``identity`` tells one row from another; ``later`` finds a start just before the last of some rows, or None
        where they are in no order of time."""
        self._identity = identity
        self._later = later
        self._failures = 0

    def rest(self, span: Span, rows: list[Any], wide: TooWide, page_s: float) -> Iterator[list[Any]]:
        """What comes behind ``rows``, the first page of a list that paging by offset has found too ``wide``. A page
        takes ``page_s``.

        Raises ``wide``, or one that says what fits, where this is no way to read it, and Drifted.
        """
        later = self._later(rows)
        # Once more all of them: the order is not the one of the filter, or one minute fills a page.
        hopeless = later is None or later.again == len(rows) or later.since >= span.end
        pages = min(LIST_S / max(page_s, 0.001), PAGES_MOST)
        if wide.rows is None or hopeless or self._failures >= TIRED_AFTER or pages < PAGES_LEAST:
            raise wide
        if wide.rows > pages * len(rows):
            raise TooWide(wide.rows, fits=int(COMFORTABLE * pages * len(rows)))
        self._failures += 1
        yield from self._walk(span, rows, wide.rows)
        check = span.fetch(span.start, 1, 1)
        if check.count != wide.rows or not self._agree(check.rows, rows[1:]):
            raise Drifted("the number of rows has changed")
        self._failures = 0

    def _walk(self, span: Span, first: list[Any], all_rows: int) -> Iterator[list[Any]]:
        start, known, total, limit = span.start, first, all_rows, len(first)
        while len(known) < total:  # known: the first rows of the list of ``total`` rows from ``start`` on
            later = self._later(known)
            if later is None:
                raise TooWide(all_rows)
            # Where a minute has many rows, going on by offset is cheaper, or the only way.
            crowded = later.again * 8 > limit and len(known) < 2 * limit - 1
            deeper = crowded or later.since <= start or later.since >= span.end
            if not deeper:
                start = later.since
            answer = span.fetch(start, len(known) - 1 if deeper else 0, limit)
            passed = total - (answer.count or 0)
            shared = known[-1:] if deeper else known[max(passed, 0) :]
            fresh = answer.rows[len(shared) :]
            proved = (passed == 0 and fresh) if deeper else 0 <= passed < len(known)
            if not proved or not self._agree(answer.rows, shared):
                yield answer.rows
                raise Drifted("the rows between two pages are others")
            if fresh:
                yield fresh
            known, total = (known if deeper else shared) + fresh, total - passed
        if len(known) > total:
            raise Drifted(f"{len(known)} rows where the count says {total}")

    def _agree(self, rows: list[Any], others: list[Any]) -> bool:
        """Whether both begin alike, as far as both go."""
        both = list(zip(rows, others, strict=False))
        return bool(both) and all(self._identity(one) == self._identity(other) for one, other in both)
