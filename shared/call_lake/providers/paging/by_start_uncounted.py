"""Read a wide list that is sorted by time and says no count, by moving its start (docs/adr/0008).

No order is promised, so none is believed: what was read is proved. Let ``known`` be the ``n`` rows read so far. The
list from the first start up to a moment shortly after the last of them is asked for what it has from position ``n`` on.
If that begins with the last known row and is no full page, the list has ``n`` rows and those that follow in this page:
as many as are known to lie in it, and so no other.
"""

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from typing import Any

from call_lake.errors import TooWide
from call_lake.model.windows import Window
from call_lake.providers.paging.by_offset import Answer
from call_lake.providers.paging.by_start_counted import LIST_S, PAGES_LEAST, TIRED_AFTER

PAGES_MOST = 8  # the last one proves the others: the provider walks all their rows once more for it
FAR = 3  # a first page within this part of its window is followed by more than one
FULL = (0.9, 0.3)  # of a page are the new rows of the proof, where calls are as dense as they were; then fewer

type Fetch = Callable[[Window, int, int], Answer]
"""A page of a window's list, by offset and limit."""


class Advancer:
    """For one provider. Gives up for good where its lists only look sorted."""

    def __init__(
        self, identity: Callable[[Any], Any], time: Callable[[Any], datetime | None], margin: timedelta
    ) -> None:
        """``identity`` tells one row from another; ``time`` is what the window compares, None where a row has none; how
        exactly, ``margin`` forgives."""
        self._identity = identity
        self._time = time
        self._margin = margin
        self._failures = 0

    def is_far(self, window: Window, rows: list[Any]) -> bool:
        """Whether many pages follow these, to judge by how little of the window the first one took."""
        last = self._time(rows[-1])
        return self._failures < TIRED_AFTER and last is not None and (last - window.start) * FAR < window.width

    def rest(self, fetch: Fetch, window: Window, pages: list[list[Any]], page_s: float) -> Iterator[list[Any]]:
        """What comes behind ``pages``, the first ones of a list that should not be paged by offset. A page takes
        ``page_s``.

        Raises TooWide: with ``read_to`` where the window was read up to then, without where this is no way to read it.
        """
        limit, most = len(pages[0]), int(min(LIST_S / max(page_s, 0.001), PAGES_MOST))
        known = _Known(self._identity, self._time)
        tired = self._failures >= TIRED_AFTER or most < PAGES_LEAST
        if tired or not all(known.add(rows) for rows in pages) or self._is_at_end(window, known, limit):
            raise TooWide(None)
        self._failures += 1
        ended = yield from self._forward(fetch, window, known, limit, most - len(pages) - 1)
        last = known.times[-1]
        ends = [window.end] if ended else [last + known.shortest(int(limit * full)) for full in FULL]
        for until in (min(end, window.end) for end in ends):
            rows = fetch(Window(window.start, until), len(known.times) - 1, limit).rows
            if len(rows) < limit:
                yield from self._checked(known, 1, rows)
                break
        else:
            raise TooWide(None)
        if not known.are_distinct() or until <= window.start:
            raise TooWide(None)
        self._failures = 0
        if until < window.end:
            raise TooWide(None, read_to=until)

    def _forward(
        self, fetch: Fetch, window: Window, known: "_Known", limit: int, most: int
    ) -> Generator[list[Any], None, bool]:
        """Up to ``most`` more pages. Returns whether the list seems to have come to its end."""
        for _ in range(most):
            if self._is_at_end(window, known, limit):
                return False
            rows = fetch(Window(known.times[-1], window.end), 0, limit).rows
            yield from self._checked(known, known.since(known.times[-1] - self._margin), rows)
            if len(rows) < limit:
                return True
        return False

    def _is_at_end(self, window: Window, known: "_Known", limit: int) -> bool:
        """Whether a later start would bring little that is new."""
        last = known.times[-1]
        return last >= window.end or 2 * known.since(last - self._margin) > limit

    def _checked(self, known: "_Known", again: int, rows: list[Any]) -> Iterator[list[Any]]:
        """``rows`` less the first ones, which are ``again`` the last known; from here on they are known. Raises TooWide
        where they do not follow upon those."""
        follow = [self._identity(row) for row in rows[:again]] == known.identities[-again:]
        yield rows[again:] if follow else rows
        if not (follow and known.add(rows[again:])):
            raise TooWide(None)


class _Known:
    """The rows of one list so far."""

    def __init__(self, identity: Callable[[Any], Any], time: Callable[[Any], datetime | None]) -> None:
        self._identity = identity
        self._time = time
        self.identities: list[Any] = []
        self.times: list[datetime] = []

    def add(self, rows: list[Any]) -> bool:
        """Whether they go on in order of time."""
        times = [time for row in rows if (time := self._time(row)) is not None]
        ahead = [*self.times[-1:], *times]
        if len(times) < len(rows) or ahead != sorted(ahead):
            return False
        self.times += times
        self.identities += map(self._identity, rows)
        return True

    def since(self, moment: datetime) -> int:
        """How many of them."""
        return len(self.times) - bisect_left(self.times, moment)

    def shortest(self, rows: int) -> timedelta:
        """The shortest time in which so many of them came."""
        spans = (late - early for early, late in zip(self.times, self.times[rows:], strict=False))
        return min(spans, default=timedelta())

    def are_distinct(self) -> bool:
        return len(set(map(repr, self.identities))) == len(self.identities)
