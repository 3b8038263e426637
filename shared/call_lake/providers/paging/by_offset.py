"""Read a list by limit and offset while rows appear, vanish and come in any order (rules 3 and 4)."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.model import json_values
from call_lake.ports import Clock

log = logging.getLogger("call-lake.paging")
"""Its lines go to ``observability.log``, whose import would cost a program that only lists 100 ms."""
TRIES = 3
PATIENCE_S = 10.0
"""One list waits at most this long in all. A poll keeps more time than this for its own end."""
NOT_AT_ONCE = {Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.AWS, Reason.BUSY}
"""The same page would fail in the same way a moment later."""
SMALLEST_CAP = 10
"""Rows. A shorter page says nothing about how many rows the server gives at most."""
ROWS_MOST = 10_000
"""Of one page. A longer one would take more memory than a poller has, together with what is made of it."""
ANOTHER_ROW = "the row between two pages is another"
PAGES_COUNTED = 2
PAGES_UNCOUNTED = 3
"""A window that may still be split is read in this many pages at most. The provider then walks at most two rows for
each row that it returns. Without a count, one page more is cheaper than to ask for a smaller window again."""


@dataclass(frozen=True, slots=True)
class RawPage:
    """One page of a list, with the rows as the provider wrote them.

    ``count``: how many rows the whole list has, where the provider says so. ``was_retried``: the first request for
    this page failed. Raises Transient where the page is far longer than any that is asked for.
    """

    rows: list[Any]
    count: int | None = None
    was_retried: bool = False

    def __post_init__(self) -> None:
        if len(self.rows) > ROWS_MOST:
            raise Transient(Reason.BAD_LISTING, f"a page of {len(self.rows)} rows, where {ROWS_MOST} are the most")


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


class _End(Enum):
    """What a page says of the end of its list."""

    NOT_YET = auto()
    WHOLE = auto()
    MISCOUNTED = auto()
    """The rows have come to an end, and the count is another."""
    STUCK = auto()
    """The first page has come again: the provider ignores the offset."""
    CUT = auto()
    """An empty page has come where the last row should have come again."""


class OffsetPager:
    """Reads lists of one provider page by page.

    ``limit``: the rows of a page. It starts as what the settings ask for, and shrinks to what the server gives at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._short_page: int | None = None
        self._longest = 0  # of the pages so far that were asked for with this limit
        self._cap_least = SMALLEST_CAP  # rows that the server gives at once, if the list has so many
        self._miscounted: int | None = None  # digest of the last list that was
        self._ignores_count = False  # it was wrong by more than a page
        self._told: set[str] = set()

    def walk(
        self, fetch: Callable[[int, int], RawPage], identity: Callable[[Any], Any], *, may_be_wide: bool
    ) -> Iterator[list[Any]]:
        """Yield the rows of one list, page by page, each row once.

        ``fetch(offset, limit)`` gets a page. ``identity`` tells one row from another.

        Raises Drifted where rows came or went meanwhile. Raises TooWide where the list needs more pages than a window
        should have, unless ``may_be_wide``. Raises Transient where a provider that ignores the offset may have more
        rows than it gives, and the list ``may_be_wide``. Yields every row that it read before it raises any of them.
        """
        so_far = _ListSoFar(identity, ignores_count=self._ignores_count)
        end = _End.NOT_YET
        while end is _End.NOT_YET:
            limit = self.limit
            page = fetch(so_far.offset, limit)
            new_rows = so_far.add(page)
            if new_rows:
                yield new_rows
            so_far.check_that_nothing_moved(page)
            self._longest = max(self._longest, len(page.rows))
            if len(new_rows) > 1:
                self._learn_cap(so_far.last_length)
            end = so_far.end(page, new_rows, limit, has_room=self._has_room(len(page.rows)))
            if end is _End.NOT_YET:
                so_far.turn_page(page, limit, may_be_wide=may_be_wide)
        if so_far.was_retried:
            yield from so_far.first_page_again(fetch(0, limit))
        if so_far.repeated:
            self._tell("behind its last row the provider repeats rows that it gave before (%d)", so_far.repeated)
        if end is _End.STUCK:
            self._check_that_one_page_is_all(so_far, may_be_wide=may_be_wide)
        if end is _End.CUT and not self._has_room(so_far.last_length):
            raise Drifted(ANOTHER_ROW)
        if end in (_End.MISCOUNTED, _End.CUT) or so_far.miscount or so_far.has_new_count:
            self._check_that_it_is_the_same(so_far)

    def _has_room(self, length: int) -> bool:
        """Whether a page could have had more rows: it is shorter than was asked for, and than another page was, or than
        the server's cap can be."""
        return length < min(self.limit, max(self._longest, self._cap_least))

    def _check_that_one_page_is_all(self, so_far: "_ListSoFar", *, may_be_wide: bool) -> None:
        """Raises TooWide, or Transient, where the first page may not be the whole list, and no other can be had."""
        rows = so_far.last_length
        if self._has_room(rows):
            self._tell("the provider ignores the offset; its page of %d rows had room for more, so it is whole", rows)
        elif not may_be_wide:
            raise TooWide(None, fits=max(rows // 2, 1))
        else:
            what = f"the provider ignores the offset: it gives the same {rows} rows again, and perhaps has more"
            raise Transient(Reason.BAD_LISTING, what)

    def _check_that_it_is_the_same(self, so_far: "_ListSoFar") -> None:
        """Raises Drifted, unless the last list that was miscounted had the very same rows and count.

        Rows that come and go do not leave both as they were. So the provider counts rows that it does not list, or
        lists rows that it does not count, and the list is whole.
        """
        digest = so_far.digest(self.limit)
        if digest != self._miscounted:
            self._miscounted = digest
            raise Drifted(so_far.oddness)
        self._ignores_count = so_far.is_far_off(self.limit)
        self._tell("a list was read twice with the same rows: %s; it is whole", so_far.oddness)

    def _tell(self, what: str, fact: object) -> None:
        """Log this once: it is the same at each poll."""
        if what not in self._told:
            self._told.add(what)
            log.info(what, fact)

    def _learn_cap(self, length: int) -> None:
        """A page of ``length`` rows was followed by more rows, so the server may give no more than that at once.

        Believed when it is seen twice in a row: one short page may be chance, for a row came meanwhile or came twice.
        Asked for no more than its cap, the server says with a shorter page that there are no further rows.
        """
        if 0 < length < self.limit:
            self._cap_least = 0
        if SMALLEST_CAP <= length < self.limit:
            if length == self._short_page:
                self.limit, self._longest = length, 0
            self._short_page = length


class _ListSoFar:
    """What is known of one list after some of its pages.

    Each page begins with the last row of the page before. That row shows whether rows have moved (rule 3).
    """

    def __init__(self, identity: Callable[[Any], Any], *, ignores_count: bool) -> None:
        self.offset = 0
        self.last_length = 0  # rows of the page before
        self.was_retried = False  # a page came late, with time for rows to come and go unseen
        self._identity = identity
        self._pages = 0
        self._listed = 0  # rows
        self._first: list[Any] = []
        self._held: list[list[Any]] = []  # pages before, of whose rows there are no digests yet
        self._digests: set[int] = set()
        self._count: int | None = None
        self.has_new_count = False
        self._ignores_count = ignores_count  # it is not that of the list
        self.repeated = 0  # known rows that came behind the last one
        self._overlap: Any = None  # identity of the row with which the next page has to begin
        self._has_overlap = False
        self._had_full_page = False
        self._starts_over = False  # the first page has come again

    def add(self, page: RawPage) -> list[Any]:
        """Return the page's rows without the one that overlaps, or all of them where that is not the expected row.

        None of them where the page brings nothing new: behind the end some servers repeat rows, and some give the
        first page at every offset. There is no end to such pages.
        """
        self.was_retried = self.was_retried or page.was_retried
        if not self._first:
            self._first = page.rows
            return page.rows
        overlaps = self._overlaps(page)
        new_rows = page.rows[1:] if overlaps else page.rows
        if not self._are_known(new_rows):
            return new_rows
        self._starts_over = not overlaps and self._is_first(page.rows[:1])
        if new_rows and not self._starts_over:
            self.repeated = len(new_rows)
        return []

    def check_that_nothing_moved(self, page: RawPage) -> None:
        """Raises Drifted where the page does not begin with the last row, or the provider's count has changed."""
        if self._has_overlap and page.rows and not self._overlaps(page) and not self._starts_over:
            raise Drifted(ANOTHER_ROW)
        if self._pages == 1 and self._count == self._listed:
            # The first page was as long as its count. It may be the count of a page, or of the rows up to its end.
            self._ignores_count = page.count in (self._count, len(page.rows), self.offset + len(page.rows))
        if page.count is not None and not self._ignores_count:
            self.has_new_count = self.has_new_count or self._count not in (None, page.count)
            self._count = page.count

    def end(self, page: RawPage, new_rows: list[Any], limit: int, *, has_room: bool) -> _End:
        """What this page says of the end of the list.

        A count ends the list only where the page has room for more rows. It may be the count of the page, or too low.
        """
        self._had_full_page = self._had_full_page or len(page.rows) == limit
        if self._starts_over:
            return _End.STUCK
        if self._has_overlap and not page.rows:
            return _End.CUT
        if new_rows:
            self._listed = self.offset + len(page.rows)
        # A short page is the end only where the server is known to give as many rows as are asked for.
        are_over = not new_rows or (self._had_full_page and len(page.rows) < limit)
        count = self._total
        if count is None:
            return _End.WHOLE if are_over else _End.NOT_YET
        if self._listed == count:
            return _End.WHOLE if not new_rows or has_room else _End.NOT_YET
        if self._listed < count:
            are_over = not new_rows
        return _End.MISCOUNTED if are_over else _End.NOT_YET

    @property
    def miscount(self) -> str:
        """In words, how the count differs from the rows; empty where it does not."""
        wrong = self._total not in (None, self._listed)
        return f"{self._listed} rows where the count says {self._total}" if wrong else ""

    @property
    def oddness(self) -> str:
        """In words, what makes this list doubtful."""
        return "the number of rows has changed" if self.has_new_count else self.miscount or ANOTHER_ROW

    def is_far_off(self, rows: int) -> bool:
        """Whether the count is wrong by more than so many rows: it is not that of the list at all."""
        return self._total is not None and abs(self._total - self._listed) > rows

    def digest(self, limit: int) -> int:
        """Another one where the rows or the count are others. A count that is far off says nothing of these rows."""
        count = None if self.is_far_off(limit) else self._count
        return hash((count, self._listed, frozenset(self._seen())))

    def turn_page(self, page: RawPage, limit: int, *, may_be_wide: bool) -> None:
        """Go on to the next page. Raises TooWide where the list should be split instead (rule 4)."""
        self._pages += 1
        is_last = self._listed == self._total  # most probably: one more request confirms it
        if not may_be_wide and not is_last and self._is_too_wide(len(page.rows), limit):
            raise TooWide(self._total)
        self._held.append(page.rows)
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

    @property
    def _total(self) -> int | None:
        """How many rows the list has, as far as the provider says so."""
        return None if self._ignores_count else self._count

    def _are_known(self, rows: list[Any]) -> bool:
        """Whether the pages before gave all of these rows."""
        # Most lists end with their second page. It is looked at row by row only if it seems to begin again.
        if self._pages == 1 and rows and not self._is_first(rows[:2]):
            return False
        return self._seen().issuperset(map(self._digest, rows))

    def _seen(self) -> set[int]:
        """Digests of the rows of all pages before."""
        for rows in self._held:
            self._digests.update(map(self._digest, rows))
        self._held.clear()
        return self._digests

    def _digest(self, row: Any) -> int:
        known_as = self._identity(row)
        return hash(known_as if isinstance(known_as, str | int | float) else json_values.compact(known_as))

    def _overlaps(self, page: RawPage) -> bool:
        return self._has_overlap and bool(page.rows) and bool(self._identity(page.rows[0]) == self._overlap)

    def _is_first(self, rows: list[Any]) -> bool:
        """Whether one of these rows is the list's first one."""
        return any(self._identity(row) == self._identity(self._first[0]) for row in rows)

    def _is_too_wide(self, page_rows: int, limit: int) -> bool:
        if self._total is None or page_rows < limit:
            # Behind a page that is shorter than was asked for there may be nothing, whatever the count says.
            return self._pages >= PAGES_UNCOUNTED
        return self._pages >= PAGES_COUNTED or self._total > PAGES_COUNTED * page_rows - 1
