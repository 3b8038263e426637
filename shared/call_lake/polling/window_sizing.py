"""How far the next sub-window should reach to hold what suits the provider (design rule 4).

Nothing here decides what is read or believed, only how time is cut: a wrong guess costs requests, never a row.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from call_lake.errors import TooWide
from call_lake.model.windows import Window

HOUR = timedelta(hours=1)
FIRST_WIDTH = timedelta(days=1)
"""What is tried first where all at once is too wide by nobody knows how much."""
PAGES = 1.8  # full enough, and seldom more than two
COMFORTABLE = 1.1  # this much above the target is still read in one piece
GROWTH = 4  # a sub-window is at most so many times as wide as the last one
TRUST_HOURS = 0.5  # an hour of the week that was seen for so long counts as much as the same hour of other days
WEEK_MEMORY = 0.8  # what an hour of one week weighs beside that of the next
LEVEL_MEMORY = 0.8  # the same, of one sub-window and the next
LEVEL_ROWS = 200  # so many rows above what was expected double a level that was trusted before


class Rhythm:
    """Rows per hour, learned from what was read: by hour of the week (UTC), for calls follow the week, and by the level
    that recent windows had against it (holidays, growth)."""

    def __init__(self) -> None:
        self._rows = [0.0] * 168
        self._hours = [0.0] * 168
        self._rates: list[float] | None = None  # None: to be made anew
        self._came, self._expected = 0.0, 0.0

    def learn(self, window: Window, moments: Sequence[datetime]) -> None:
        """``window`` was read whole, and its rows lie at these moments."""
        inside = [moment for moment in moments if window.start <= moment < window.end]
        self.weigh(window, len(inside))
        for hour, share in _hours_of(window):
            kept = WEEK_MEMORY**share
            self._rows[hour] *= kept
            self._hours[hour] = self._hours[hour] * kept + share
        for moment in inside:
            self._rows[_hour_of_week(moment)] += 1
        self._rates = None

    def weigh(self, window: Window, rows: int) -> None:
        """``window`` holds so many rows."""
        expected = self._usual(window)
        if expected:
            self._came = self._came * LEVEL_MEMORY + rows
            self._expected = self._expected * LEVEL_MEMORY + expected

    def rows_in(self, window: Window) -> float:
        """How many rows are to be expected."""
        return self._level * self._usual(window)

    def reach(self, window: Window, rows: float) -> datetime:
        """The moment of the window before which so many rows are to be expected, or its end."""
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
        """Of an hour that was hardly seen, what the same hour of other days had; failing that, any hour."""
        if self._rates is None:
            overall = sum(self._rows) / max(sum(self._hours), TRUST_HOURS)
            daily = [_mean(sum(self._rows[h::24]), sum(self._hours[h::24]), overall) for h in range(24)]
            self._rates = [_mean(self._rows[h], self._hours[h], daily[h % 24]) for h in range(168)]
        return self._rates

    @property
    def _level(self) -> float:
        return (self._came + LEVEL_ROWS) / (self._expected + LEVEL_ROWS)


class Stride:
    """Where the next sub-window should end to hold about ``target`` rows.

    Counts that the provider gave for windows that were too wide are kept until their end is reached: what is left of
    such a window is known, however unevenly its rows lie.
    """

    def __init__(self, unit: timedelta, target: int) -> None:
        self._unit = unit
        self._target = self._asked = target
        self._rhythm = Rhythm()
        self._width: timedelta | None = None  # of the last sub-window that was read
        self._known: list[tuple[datetime, int]] = []  # (end, rows left before it), the nearest end last

    def next_end(self, position: datetime, end: datetime) -> datetime:
        reach = end
        if self._known:
            reach = self._within_known(position)
        elif self._width is not None:
            ahead = Window(position, min(position + max(self._width, self._unit) * GROWTH, end))
            reach = self._rhythm.reach(ahead, self._target)
        return min(max(reach, position + self._unit), end)

    def _within_known(self, position: datetime) -> datetime:
        until, rows = self._known[-1]
        rest = Window(position, until)
        if rows <= self._target * COMFORTABLE:
            return until
        share = self._target / rows
        expected = self._rhythm.rows_in(rest)
        return self._rhythm.reach(rest, expected * share) if expected else position + rest.width * share

    def too_wide(self, tried: Window, error: TooWide, pages: Sequence[int]) -> None:
        """``pages``: how many rows came in each before it was given up."""
        # The first of several is full: a server may cap its pages below what is asked.
        limit = max(round(pages[0] * PAGES), 1) if pages else self._asked
        self._target = error.fits or min(self._asked, limit)
        seen = sum(pages)
        self._rhythm.weigh(tried, error.rows or 2 * seen)
        if error.rows is not None:
            self._known.append((tried.end, max(error.rows, round(self._target * COMFORTABLE) + 1)))
            return
        width = tried.width * min(self._target / max(2 * seen, 1), 0.5)
        self._cut(tried, width if self._width else min(width, FIRST_WIDTH))

    def failed(self, tried: Window, parts: int) -> None:
        """``tried`` is to be read in so many parts."""
        for part in range(parts - 1, 0, -1):
            self._cut(tried, tried.width * part / parts)

    def skipped(self, hole: Window) -> None:
        """Nothing is known of what comes next but that it may fail, too."""
        self._known = [(end, left) for end, left in self._known if end > hole.end]
        self._width = self._unit

    def _cut(self, tried: Window, width: timedelta) -> None:
        self._known.append((tried.start + width, 0))

    def read(self, done: Window, moments: Sequence[datetime]) -> None:
        """A sub-window was read whole, with these rows."""
        self._known = [(end, max(left - len(moments), 0)) for end, left in self._known if end > done.end]
        self._width = done.width
        self._rhythm.learn(done, moments)

    def read_beginning(self, end: datetime) -> None:
        """All up to there was read; how far it comes the provider sees for itself, so no guess is too wide."""
        self._known = [(until, left) for until, left in self._known if until > end]
        self._width = None


def _mean(rows: float, hours: float, otherwise: float) -> float:
    return (rows + TRUST_HOURS * otherwise) / (hours + TRUST_HOURS)


def _hour_of_week(moment: datetime) -> int:
    moment = moment.astimezone(UTC)
    return moment.weekday() * 24 + moment.hour


def _hours_of(window: Window) -> Iterator[tuple[int, float]]:
    """The window hour by hour: which of the week's 168, and how much of it."""
    start = window.start.astimezone(UTC)
    while start < window.end:
        end = min(start.replace(minute=0, second=0, microsecond=0) + HOUR, window.end)
        yield _hour_of_week(start), (end - start) / HOUR
        start = end
