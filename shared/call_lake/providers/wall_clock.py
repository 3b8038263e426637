"""Local wall-clock time to and from UTC, both clock changes included (design rule 5)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
YEARS = range(1970, 9999)
"""No call was recorded before; such dates are some program's idea of "none"."""


def wall_range(window_start: datetime, window_end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Naive wall times, to the minute, between which lies every instant of the window, however it is read.

    A unit wider at both sides, for whether the provider's limits are inclusive is unknown. Neither limit lies in a
    repeated hour, where the provider could take it for the other one, nor in a skipped one, which does not exist.
    """
    start = window_start.astimezone(UTC).replace(second=0, microsecond=0) - MINUTE
    end = _ceil_to_minute(window_end.astimezone(UTC)) + MINUTE
    while _is_ambiguous(start, zone):
        start -= MINUTE
    while _is_ambiguous(end, zone):
        end += MINUTE
    return _wall(start, zone), _wall(end, zone)


@lru_cache(4096)  # a busy minute has many calls
def readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants (UTC) that a wall time can mean: two in the repeated hour, earlier first; else one, as also for a
    time that names its offset.

    A time in the skipped hour, which no clock showed, is taken as shifted forward. Raises ValueError.
    """
    if wall.year not in YEARS:
        raise ValueError(f"no call was recorded in the year {wall.year}")
    if wall.tzinfo is not None:
        return (wall.astimezone(UTC),)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first, second) if first < second else (first,)


def steady_hour(hour: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant (UTC) at which this hour on the wall begins, if the wall clock then runs through all of it once,
    without a change: so that minutes can be added. Raises ValueError."""
    last = hour + timedelta(minutes=59)
    begins, ends = readings(hour, zone), readings(last, zone)
    steady = len(begins) == len(ends) == 1 and ends[0] - begins[0] == last - hour
    return begins[0] if steady else None


def _is_ambiguous(moment: datetime, zone: ZoneInfo) -> bool:
    return len(readings(_wall(moment, zone), zone)) == 2


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    # Zones of the past had offsets with seconds.
    return moment.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)


def _ceil_to_minute(moment: datetime) -> datetime:
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + MINUTE
