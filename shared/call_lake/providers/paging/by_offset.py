"""Read a list by limit and offset while rows appear, vanish and come in any order (rules 3 and 4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.ports import Clock

TRIES = 3
PATIENCE_S = 10.0
"""One list waits at most this long in all. A poll keeps more time than this for its own end."""
NOT_AT_ONCE = {Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.AWS, Reason.BUSY}
"""The same page would fail in the same way a moment later."""
SMALLEST_CAP = 10
"""Rows. A shorter page says nothing about how many rows the server gives at most."""
PAGES_COUNTED = 2
PAGES_UNCOUNTED = 3
"""A window that may still be split is read in this many pages at most. The provider then walks at most two rows for
each row that it returns. Without a count, one page more is cheaper than to ask for a smaller window again."""


@dataclass(frozen=True, slots=True)
class RawPage:
    """One page of a list, with the rows as the provider wrote them.

    ``count``: how many rows the whole list has, where the provider says so. ``was_retried``: the first request for
    this page failed.
    """

    rows: list[Any]
    count: int | None = None
    was_retried: bool = False


class PageRetry:
    """Asks again for a page of one list that failed. Make one for each list.

    The first page is asked for once, so that an outage costs one request. Later pages are tried three times. Without
    that, a list would never be read to its end where every second answer fails.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._has_begun = False
        self._patience_s = PATIENCE_S

    def __call__(self, fetch: Callable[[], RawPage]) -> RawPage:
        """Raises Transient where the first page fails, where a later one fails three times, and after a time-out."""
        tries = TRIES if self._has_begun else 1
        for number in range(1, tries):
            try:
                return replace(fetch(), was_retried=number > 1)
            except Transient as error:
                self._wait(error)
        page = fetch()
        self._has_begun = True
        return replace(page, was_retried=tries > 1)

    def _wait(self, error: Transient) -> None:
        wait_s = error.retry_after_s or (1.0 if error.reason is Reason.RATE_LIMITED else 0.0)
        if error.reason in NOT_AT_ONCE or wait_s > self._patience_s:
            raise error
        self._patience_s -= wait_s
        self._clock.sleep(wait_s)


class OffsetPager:
    """Reads lists of one provider page by page.

    ``limit``: the rows of a page. It starts as what the settings ask for, and shrinks to what the server gives at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._short_page: int | None = None

    def walk(
        self, fetch: Callable[[int, int], RawPage], identity: Callable[[Any], Any], *, may_be_wide: bool
    ) -> Iterator[list[Any]]:
        """Yield the rows of one list, page by page, each row once.

        ``fetch(offset, limit)`` gets a page. ``identity`` tells one row from another.

        Raises Drifted where rows came or went meanwhile. Raises TooWide where the list needs more pages than a window
        should have, unless ``may_be_wide``. Yields every row that it read before it raises either.
        """
        so_far = _ListSoFar(identity)
        is_whole = False
        while not is_whole:
            limit = self.limit
            page = fetch(so_far.offset, limit)
            new_rows = so_far.add(page)
            if new_rows:
                yield new_rows
            so_far.check_that_nothing_moved(page)
            if len(new_rows) > 1:
                self._learn_cap(so_far.last_length)
            is_whole = so_far.is_whole(page, new_rows, limit)
            if not is_whole:
                so_far.turn_page(page, may_be_wide=may_be_wide)
        if so_far.was_retried:
            yield from so_far.first_page_again(fetch(0, limit))

    def _learn_cap(self, length: int) -> None:
        """A page of ``length`` rows was followed by more rows, so the server may give no more than that at once.

        Believed when it is seen twice in a row: one short page may be chance, for a row came meanwhile or came twice.
        Asked for no more than its cap, the server says with a shorter page that there are no further rows.
        """
        if SMALLEST_CAP <= length < self.limit:
            if length == self._short_page:
                self.limit = length
            self._short_page = length


class _ListSoFar:
    """What is known of one list after some of its pages.

    Each page begins with the last row of the page before. That row shows whether rows have moved (rule 3).
    """

    def __init__(self, identity: Callable[[Any], Any]) -> None:
        self.offset = 0
        self.last_length = 0  # rows of the page before
        self.was_retried = False  # a page came late, with time for rows to come and go unseen
        self._identity = identity
        self._pages = 0
        self._first: list[Any] = []
        self._count: int | None = None
        self._overlap: Any = None  # identity of the row with which the next page has to begin
        self._has_overlap = False
        self._had_full_page = False

    def add(self, page: RawPage) -> list[Any]:
        """Return the page's rows without the one that overlaps, or all of them where that is not the expected row."""
        self._first = self._first or page.rows
        self.was_retried = self.was_retried or page.was_retried
        return page.rows[1:] if self._has_overlap and self._overlaps(page) else page.rows

    def check_that_nothing_moved(self, page: RawPage) -> None:
        """Raises Drifted where the page does not begin with the last row, or the provider's count has changed."""
        if self._has_overlap and not self._overlaps(page):
            raise Drifted("the row between two pages is another")
        if page.count is not None:
            if self._count not in (None, page.count):
                raise Drifted("the number of rows has changed")
            self._count = page.count

    def is_whole(self, page: RawPage, new_rows: list[Any], limit: int) -> bool:
        """Whether this page is the last one. Raises Drifted where it contradicts the provider's count."""
        self._had_full_page = self._had_full_page or len(page.rows) == limit
        end = self.offset + len(page.rows)
        if self._count is None:
            # A short page is the end only where the server is known to give as many rows as are asked for.
            return not new_rows or (self._had_full_page and len(page.rows) < limit)
        if end > self._count or (not new_rows and end < self._count):
            raise Drifted(f"{end} rows where the count says {self._count}")
        return end == self._count

    def turn_page(self, page: RawPage, *, may_be_wide: bool) -> None:
        """Go on to the next page. Raises TooWide where the list should be split instead (rule 4)."""
        self._pages += 1
        if not may_be_wide and self._is_too_wide(len(page.rows)):
            raise TooWide(self._count)
        self._has_overlap = len(page.rows) > 1  # a page of one row has none to spare
        if self._has_overlap:
            self._overlap = self._identity(page.rows[-1])
        self.offset += len(page.rows) - self._has_overlap
        self.last_length = len(page.rows)

    def first_page_again(self, page: RawPage) -> Iterator[list[Any]]:
        """Yield the first page's rows and raise Drifted where they are others by now.

        A row that came and one that went leave the row between two pages where it was.
        """
        if any(self._identity(now) != self._identity(then) for now, then in zip(page.rows, self._first, strict=False)):
            yield page.rows
            raise Drifted("rows have moved while a page was asked for again")

    def _overlaps(self, page: RawPage) -> bool:
        return bool(page.rows) and bool(self._identity(page.rows[0]) == self._overlap)

    def _is_too_wide(self, page_rows: int) -> bool:
        if self._count is None:
            return self._pages >= PAGES_UNCOUNTED
        return self._pages >= PAGES_COUNTED or self._count > PAGES_COUNTED * page_rows - 1
