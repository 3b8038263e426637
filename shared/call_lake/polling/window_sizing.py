"""Decide how wide the next window is, so that it holds as many rows as suit the provider (design rule 4).

This decides only how time is cut. A wrong guess costs requests, never a row.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from call_lake.errors import TooWide
from call_lake.model.windows import Window

HOUR = timedelta(hours=1)
FIRST_WIDTH = timedelta(days=1)
"""Tried first where the whole window is too wide and the provider gives no count."""
PAGES = 1.8  # that a window should fill: well filled, and seldom more than two
COMFORTABLE = 1.1  # times the wanted rows are still read in one window
GROWTH = 4  # a window is at most so many times as wide as the last one
TRUST_HOURS = 0.5  # an hour of the week that was seen for so long counts as much as the same hour of other days
WEEK_MEMORY = 0.8  # the weight of an hour of one week beside the same hour of the next week
LEVEL_MEMORY = 0.8  # the weight of one window beside the next
SMALLER = 0.75  # a refused window is made smaller by so much at least, whatever its rows say
NARROW = 10  # units: a window that should be well filled, or the provider's count is none of its rows
LEVEL_ROWS = 200  # this many rows more than expected double the level


class HourlyRates:
    """Rows per hour, learned from the windows that were read.

    One rate for each hour of the week (UTC), for calls follow the week. All of them are scaled by the level of the
    recent windows, for holidays and growth.
    """

    def __init__(self) -> None:
        self._rows = [0.0] * 168
        self._hours = [0.0] * 168
        self._rates: list[float] | None = None  # None: to be computed again
        self._actual, self._expected = 0.0, 0.0

    def learn(self, window: Window, moments: Sequence[datetime]) -> None:
        """Learn from a window that was read whole. Its rows lie at these moments."""
        inside = [moment for moment in moments if window.start <= moment < window.end]
        self.learn_level(window, len(inside))
        for hour, share in _hours_of(window):
            kept = WEEK_MEMORY**share
            self._rows[hour] *= kept
            self._hours[hour] = self._hours[hour] * kept + share
        for moment in inside:
            self._rows[_hour_of_week(moment)] += 1
        self._rates = None

    def learn_level(self, window: Window, rows: int) -> None:
        """Learn the level from a window that holds so many rows."""
        expected = self._usual(window)
        if expected:
            self._actual = self._actual * LEVEL_MEMORY + rows
            self._expected = self._expected * LEVEL_MEMORY + expected

    def rows_in(self, window: Window) -> float:
        """How many rows the window should hold."""
        return self._level * self._usual(window)

    def reach(self, window: Window, rows: float) -> datetime:
        """The moment of the window before which it should hold so many rows, or its end."""
        at, left, rates = window.start, rows / self._level, self._learned()
        for hour, share in _hours_of(window):
            here = rates[hour] * share
            if here and here >= left:
                return at + HOUR * (share * left / here)
            at, left = at + HOUR * share, left - here
        return window.end

    def _usual(self, window: Window) -> float:
        if not any(self._rows):
            return 0.0
        rates = self._learned()
        return sum(rates[hour] * share for hour, share in _hours_of(window))

    def _learned(self) -> list[float]:
        """The rate of each hour of the week. An hour that was hardly seen gets that of the same hour on other days, or
        of any hour."""
        if self._rates is None:
            overall = sum(self._rows) / max(sum(self._hours), TRUST_HOURS)
            daily = [_mean(sum(self._rows[h::24]), sum(self._hours[h::24]), overall) for h in range(24)]
            self._rates = [_mean(self._rows[h], self._hours[h], daily[h % 24]) for h in range(168)]
        return self._rates

    @property
    def _level(self) -> float:
        return (self._actual + LEVEL_ROWS) / (self._expected + LEVEL_ROWS)


class WindowSizer:
    """Says where the next window should end to hold about ``rows_per_window`` rows.

    A provider may give its count for a window that was too wide. That count is kept until the window's end is reached,
    so that what is left of the window is known, however unevenly its rows lie.
    """

    def __init__(self, unit: timedelta, rows_per_window: int) -> None:
        """``unit``: the smallest width of a window."""
        self._unit = unit
        self._wanted_rows = self._asked_rows = rows_per_window
        self._rates = HourlyRates()
        self._width: timedelta | None = None  # of the last window that was read
        self._known: list[tuple[datetime, int]] = []  # (end, rows left before it), the nearest end last

    def next_end(self, position: datetime, end: datetime) -> datetime:
        """Where a window from ``position`` on should end, at ``end`` at the latest."""
        reach = end
        if self._known:
            reach = self._within_known(position)
        elif self._width is not None:
            ahead = Window(position, min(position + max(self._width, self._unit) * GROWTH, end))
            reach = self._rates.reach(ahead, self._wanted_rows)
        return min(max(reach, position + self._unit), end)

    def _within_known(self, position: datetime) -> datetime:
        until, rows = self._known[-1]
        rest = Window(position, until)
        if rows <= self._wanted_rows * COMFORTABLE:
            return until
        share = self._wanted_rows / rows
        expected = self._rates.rows_in(rest)
        return self._rates.reach(rest, expected * share) if expected else position + rest.width * share

    def read(self, window: Window, moments: Sequence[datetime]) -> None:
        """Learn from a window that was read whole. Its rows lie at these moments."""
        self._known = [(end, max(left - len(moments), 0)) for end, left in self._known if end > window.end]
        if window.width <= NARROW * self._unit and 2 * len(moments) < self._wanted_rows:
            # A true count seldom asks for windows that narrow, and leaves them empty. What was cut for a failure stays.
            self._known = [(end, left) for end, left in self._known if not left]
        self._width = window.width
        self._rates.learn(window, moments)

    def too_wide(self, window: Window, error: TooWide, pages: Sequence[int], moments: Sequence[datetime]) -> None:
        """Learn from a window that the provider refused. ``pages``: how many rows came in each page before that.
        ``moments``: where these rows lie."""
        # The first of several is full: a server may cap its pages below what is asked.
        limit = max(round(pages[0] * PAGES), 1) if pages else self._asked_rows
        self._wanted_rows = error.fits or min(self._asked_rows, limit)
        seen = sum(pages)
        if error.rows is not None:
            self._rates.learn_level(window, error.rows)
            self._known.append((window.end, max(error.rows, round(self._wanted_rows * COMFORTABLE) + 1)))
        elif self._wanted_rows < len(moments) and window.start <= moments[0] and _is_sorted(moments):
            # These look like all rows up to the last of them, so they show where a window should have ended.
            self._rates.learn(Window(window.start, moments[-1]), moments)
            self._cut(window, min(moments[self._wanted_rows] - window.start, window.width * SMALLER))
        else:
            self._rates.learn_level(window, 2 * seen)
            width = window.width * min(self._wanted_rows / max(2 * seen, 1), 0.5)
            self._cut(window, width if self._width else min(width, FIRST_WIDTH))

    def failed(self, window: Window, parts: int) -> None:
        """Read a window that failed in so many parts."""
        for part in range(parts - 1, 0, -1):
            self._cut(window, window.width * part / parts)

    def skipped(self, hole: Window) -> None:
        """Begin small behind a hole: what comes next may fail, too."""
        self._known = [(end, left) for end, left in self._known if end > hole.end]
        self._width = self._unit

    def _cut(self, window: Window, width: timedelta) -> None:
        self._known.append((window.start + width, 0))


def _mean(rows: float, hours: float, otherwise: float) -> float:
    return (rows + TRUST_HOURS * otherwise) / (hours + TRUST_HOURS)


def _is_sorted(moments: Sequence[datetime]) -> bool:
    return all(one <= other for one, other in pairwise(moments))


def _hour_of_week(moment: datetime) -> int:
    moment = moment.astimezone(UTC)
    return moment.weekday() * 24 + moment.hour


def _hours_of(window: Window) -> Iterator[tuple[int, float]]:
    """Take the window hour by hour: which of the week's 168 hours, and how much of it."""
    start = window.start.astimezone(UTC)
    while start < window.end:
        end = min(start.replace(minute=0, second=0, microsecond=0) + HOUR, window.end)
        yield _hour_of_week(start), (end - start) / HOUR
        start = end
