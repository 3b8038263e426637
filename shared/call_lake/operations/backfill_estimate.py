"""Estimate how many recordings a stretch of the past holds, before it is read (``call-lake backfill``)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from call_lake.errors import Drifted, TooWide
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.operations.days import Days
from call_lake.polling.window_reader import read_forward
from call_lake.ports import Clock, Page, Provider

SAMPLED_DAYS = 7
SAMPLE_S = 60.0  # of listing; a day that is not read to its end by then is scaled up


@dataclass(frozen=True, slots=True)
class Estimate:
    """``recordings``: how many the window holds. ``counted``: the provider counted them; otherwise they are scaled up
    from ``sampled_days``. ``mean_talk_s``: seconds of one recording, None where the sample does not say."""

    recordings: int
    counted: bool
    sampled_days: int
    mean_talk_s: float | None


def estimate(
    provider: Provider,
    days: Days,
    zone: ZoneInfo,
    clock: Clock,
    on_progress: Callable[[int, int], None],
) -> Estimate:
    """List a sample of the days and compute from it what all of them hold.
    ``on_progress`` is called with how many of how many days are read.

    Raises Transient, Terminal, SecretEmpty.
    """
    chosen = sample_of(days)
    until_s = clock.monotonic() + SAMPLE_S
    seen: dict[str, ListedRecording] = {}
    covered_days = 0.0
    for number, day in enumerate(chosen):
        on_progress(number, len(chosen))
        covered_days += _read(provider, _window(day, zone), clock, until_s, seen)
    on_progress(len(chosen), len(chosen))
    lengths = [length for one in seen.values() if (length := one.talk_s or one.duration_s) is not None]
    mean_s = sum(lengths) / len(lengths) if lengths else None
    counted = _count(provider, days.window(zone))
    scaled = round(len(seen) * len(days.all()) / covered_days) if covered_days else 0
    return Estimate(scaled if counted is None else counted, counted is not None, len(chosen), mean_s)


def sample_of(days: Days) -> list[date]:
    """Choose days spread over the window, one of each weekday, because calls follow the week. Of a short window choose
    all days."""
    all_days = days.all()
    if len(all_days) <= SAMPLED_DAYS:
        return all_days
    chosen = []
    for number in range(SAMPLED_DAYS):
        middle = int((number + 0.5) * len(all_days) / SAMPLED_DAYS)
        first = min(max(middle - 3, 0), len(all_days) - 7)
        chosen.append(next(day for day in all_days[first : first + 7] if day.weekday() == number))
    return chosen


def _window(day: date, zone: ZoneInfo) -> Window:
    start = datetime.combine(day, time(), zone)
    return Window(start, datetime.combine(day + timedelta(days=1), time(), zone))


def _read(provider: Provider, window: Window, clock: Clock, until_s: float, seen: dict[str, ListedRecording]) -> float:
    """Collect the day's recordings in ``seen``. Return which part of the day was read before the time was over."""

    def take(page: Page) -> None:
        seen.update({one.provider_key: one for one in page.recordings})

    position = window.start
    target = provider.rows_per_window
    for outcome in read_forward(provider, window, take, rows_per_window=target, clock=clock, until_s=until_s):
        position = outcome.window.end
    return (position - window.start) / window.width if window.width else 0.0


def _count(provider: Provider, window: Window) -> int | None:
    """The provider's own count of the window, None where it gives none. TooWide carries the count."""
    rows = 0
    try:
        for page in provider.list_window(window):
            rows += len(page.recordings) + len(page.bad)
    except TooWide as error:
        return error.rows
    except Drifted:
        return None
    return rows
