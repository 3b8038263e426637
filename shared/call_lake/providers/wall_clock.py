"""Convert local wall-clock time to UTC and back, through both clock changes (design rule 5)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from call_lake.model.times import YEARS

MINUTE = timedelta(minutes=1)


def wall_range(window_start: datetime, window_end: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return two naive wall times, to the minute, between which every instant of the window lies.

    The range is a minute wider at both sides, for it is unknown whether the provider's limits are inclusive. Neither
    limit lies in the repeated hour of autumn, where the provider could take it for the other reading, nor in the
    skipped hour of spring, which does not exist.
    """
    start = window_start.astimezone(UTC).replace(second=0, microsecond=0) - MINUTE
    end = _ceil_to_minute(window_end.astimezone(UTC)) + MINUTE
    while _is_ambiguous(start, zone):
        start -= MINUTE
    while _is_ambiguous(end, zone):
        end += MINUTE
    return _wall(start, zone), _wall(end, zone)


def readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants (UTC) that a wall time can mean: two in the repeated hour, earlier first, else one.

    A time with an offset means one instant. A time in the skipped hour, which no clock showed, is shifted forward.
    Raises ValueError for years in which no call was recorded.
    """
    if wall.year not in YEARS:
        raise ValueError(f"no call was recorded in the year {wall.year}")
    return _instants(wall, zone)


@lru_cache(4096)  # a busy minute has many calls
def _instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    if wall.tzinfo is not None:
        return (wall.astimezone(UTC),)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first, second) if first < second else (first,)


def steady_hour(hour: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant (UTC) at which this hour of the wall clock begins, if minutes can be added to it: the clock runs
    through the whole hour once, without a change. Else None. Raises ValueError."""
    last = hour + timedelta(minutes=59)
    begins, ends = readings(hour, zone), readings(last, zone)
    steady = len(begins) == len(ends) == 1 and ends[0] - begins[0] == last - hour
    return begins[0] if steady else None


def _is_ambiguous(moment: datetime, zone: ZoneInfo) -> bool:
    return len(_instants(_wall(moment, zone), zone)) == 2


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    # Zones of the past had offsets with seconds.
    return moment.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)


def _ceil_to_minute(moment: datetime) -> datetime:
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + MINUTE
