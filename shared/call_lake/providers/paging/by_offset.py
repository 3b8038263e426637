"""Read a list by limit and offset while rows may come, go and stand in any order (design rules 3 and 4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count as count_up
from typing import Any

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.ports import Clock

TRIES = 3
PATIENCE_S = 10.0  # what one list may wait in all: well below the time that a poll keeps for its own end
NOT_AT_ONCE = {Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.AWS, Reason.BUSY}


@dataclass(frozen=True, slots=True)
class Answer:
    """One page: its rows, how many rows the whole list has, where the provider says so, and whether it had to be asked
    for more than once."""

    rows: list[Any]
    count: int | None = None
    again: bool = False


class Steady:
    """Asks again for a page of one list that fails, once its first page was read: a window that is read anew from its
    start would never come to its end where every second answer fails. In an outage it asks no more than once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = False
        self._patience_s = PATIENCE_S

    def __call__(self, fetch: Callable[[], Answer]) -> Answer:
        """Raises Transient where the first page fails, a later one for the third time, or after a time-out."""
        tries = TRIES if self._begun else 1
        for number in range(1, tries):
            try:
                return replace(fetch(), again=number > 1)
            except Transient as error:
                self._wait(error)
        answer = fetch()
        self._begun = True
        return replace(answer, again=tries > 1)

    def _wait(self, error: Transient) -> None:
        wait_s = error.retry_after_s or (1.0 if error.reason is Reason.RATE_LIMITED else 0.0)
        if error.reason in NOT_AT_ONCE or wait_s > self._patience_s:
            raise error
        self._patience_s -= wait_s
        self._clock.sleep(wait_s)


SMALLEST_CAP = 10  # rows


class Pager:
    """Pages of one provider, ``limit`` rows each, or as many as its server turns out to give at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._cap: int | None = None  # as long was the last page that others followed, though more rows were asked for

    def walk(
        self, fetch: Callable[[int, int], Answer], identity: Callable[[Any], Any], *, may_be_wide: bool
    ) -> Iterator[list[Any]]:
        """The rows of one list, page by page. ``fetch(offset, limit)`` gets a page; ``identity`` tells one row from
        another.

        Each page begins with the last row of the one before, which shows when rows have moved. Raises Drifted then,
        and TooWide, unless ``may_be_wide``, where a third page would be needed: up to there the provider walks at
        most two rows for each that it returns. Every row read is given before either is raised.
        """
        offset, before, total = 0, 0, None
        first: list[Any] = []
        honoured = False  # whether a page of this list was as long as was asked
        again = False  # whether a page came late, with time for rows to come and go unseen
        last: tuple[Any] | None = None  # of the page before, if this one begins with it
        for pages in count_up(1):
            limit = self.limit
            answer = fetch(offset, limit)
            rows = answer.rows
            first = first or rows
            again = again or answer.again
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
            if before >= SMALLEST_CAP and len(fresh) > 1:
                self._learn(before)
            honoured = honoured or len(rows) == limit
            if _is_end(offset + len(rows), fresh, total, short=honoured and len(rows) < limit):
                break
            # Without a count a second page that is the shorter one is probably the last: one more request tells.
            third = pages > 2 or (pages == 2 and (total is not None or len(rows) >= before))
            if not may_be_wide and (third or (total is not None and total > 2 * len(rows) - 1)):
                raise TooWide(total)
            overlap = 1 if len(rows) > 1 else 0  # a page of one row has none to spare
            last = (identity(rows[-1]),) if overlap else None
            offset += len(rows) - overlap
            before = len(rows)
        if again:
            yield from _unmoved(fetch(0, limit).rows, first, identity)

    def _learn(self, rows: int) -> None:
        """A page of ``rows`` rows was not the last. Seen twice in a row it is what the server gives at most: asked for
        no more than that, it says with a shorter page that there are no further rows. A short page, or one row more,
        may be chance: a row that came meanwhile, or came twice."""
        if rows >= self.limit:
            return
        if rows == self._cap:
            self.limit = rows
        self._cap = rows


def _unmoved(rows: list[Any], first: list[Any], identity: Callable[[Any], Any]) -> Iterator[list[Any]]:
    """Raises Drifted, and gives ``rows``, where they are not those of the ``first`` page any more: one that came and
    one that went leave the row between two pages where it was."""
    if any(identity(row) != identity(old) for row, old in zip(rows, first, strict=False)):
        yield rows
        raise Drifted("rows have moved while a page was asked for again")


def _is_end(position: int, fresh: list[Any], total: int | None, *, short: bool) -> bool:
    """Whether no row lies behind ``position``. Without a count a ``short`` page says so only where the server is known
    to give as many rows as are asked for: it may cap its pages, or give more than was asked now and then."""
    if total is None:
        return not fresh or short
    if position > total or (not fresh and position < total):
        raise Drifted(f"{position} rows where the count says {total}")
    return position == total
