"""How far the next sub-window should reach to hold what suits the provider (design rule 4).

Nothing here decides what is read or believed, only how it is cut: a wrong guess costs requests, never a row.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from call_lake.recording import Window

HOUR = timedelta(hours=1)
FIRST_WIDTH = timedelta(days=1)
"""Of the first sub-window: its rows are counted, and its hours known, before wider ones are tried."""
COMFORTABLE = 1.1  # this much above the target is still read in one piece
GROWTH = 4  # a sub-window is at most so many times as wide as the last one
MEMORY = 0.8  # what a week weighs in the next one
TRUST_HOURS = 0.25  # an hour of the week that was seen for so long counts as much as what is like it


class Rhythm:
    """Rows per hour by hour of the week (UTC), learned from what was read: calls follow the week."""

    def __init__(self) -> None:
        self._rows = [0.0] * 168
        self._hours = [0.0] * 168
        self._rates: list[float] | None = None

    def learn(self, window: Window, moments: Sequence[datetime]) -> None:
        """``window`` was read whole, and these are the moments of its rows."""
        for start, end in _hours_of(window):
            hour, share = _hour_of_week(start), (end - start) / HOUR
            kept = MEMORY**share
            self._rows[hour] *= kept
            self._hours[hour] = self._hours[hour] * kept + share
        for moment in moments:
            if window.start <= moment < window.end:
                self._rows[_hour_of_week(moment)] += 1
        self._rates = None

    def rows_in(self, window: Window) -> float:
        return sum(self._rate(start) * ((end - start) / HOUR) for start, end in _hours_of(window))

    def reach(self, window: Window, rows: float) -> datetime:
        """The moment of the window before which so many rows are to be expected, or its end."""
        left = rows
        for start, end in _hours_of(window):
            here = self._rate(start) * ((end - start) / HOUR)
            if here > 0 and here >= left:
                return start + (end - start) * (left / here)
            left -= here
        return window.end

    def _rate(self, moment: datetime) -> float:
        if self._rates is None:
            self._rates = self._learned()
        return self._rates[_hour_of_week(moment)]

    def _learned(self) -> list[float]:
        """Of an hour that was hardly seen, what the same hour of other days had; failing that, any hour."""
        overall = sum(self._rows) / max(sum(self._hours), TRUST_HOURS)
        daily = [_mean(sum(self._rows[h::24]), sum(self._hours[h::24]), overall) for h in range(24)]
        return [_mean(self._rows[h], self._hours[h], daily[h % 24]) for h in range(168)]


class Stride:
    """Where the next sub-window should end to hold about ``target`` rows.

    Counts that the provider gave for windows that were too wide are kept until their end is reached: what is left of
    such a window is known, however unevenly its rows lie.
    """

    def __init__(self, unit: timedelta, target: int) -> None:
        self._unit = unit
        self._target = target
        self._rhythm = Rhythm()
        self._width: timedelta | None = None  # of the last sub-window that was read
        self._known: list[tuple[datetime, int]] = []  # (end, rows left before it), the nearest end last

    def next_end(self, position: datetime, end: datetime) -> datetime:
        if self._known:
            reach = self._within_known(position)
        elif self._width is None:
            reach = position + FIRST_WIDTH
        else:
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

    def too_wide(self, tried: Window, rows: int | None, moments: Sequence[datetime]) -> None:
        """``rows``: the provider's count, or None; ``moments``: of the rows that came before it was given up."""
        if rows is None:
            # Given in order they fill a part of the window, given in none they are a sample of it.
            span = max(max(moments) - min(moments), self._unit) if moments else tried.width
            rows = round(len(moments) * max(tried.width / span, 2.0))
        self._known.append((tried.end, max(rows, round(self._target * COMFORTABLE) + 1)))

    def failed(self, tried: Window) -> None:
        self._known.append((tried.start + tried.width / 2, 0))

    def read(self, done: Window, moments: Sequence[datetime]) -> None:
        """A sub-window was read, with these rows."""
        self._known = [(end, max(left - len(moments), 0)) for end, left in self._known if end > done.end]
        self._width = done.width
        self._rhythm.learn(done, moments)


def _mean(rows: float, hours: float, otherwise: float) -> float:
    return (rows + TRUST_HOURS * otherwise) / (hours + TRUST_HOURS)


def _hour_of_week(moment: datetime) -> int:
    moment = moment.astimezone(UTC)
    return moment.weekday() * 24 + moment.hour


def _hours_of(window: Window) -> Iterator[tuple[datetime, datetime]]:
    """The window hour by hour."""
    start = window.start
    while start < window.end:
        end = min(start.replace(minute=0, second=0, microsecond=0) + HOUR, window.end)
        yield start, end
        start = end
