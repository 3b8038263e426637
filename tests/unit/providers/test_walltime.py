from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from call_lake.providers.wall_clock import readings, wall_range

WARSAW = ZoneInfo("Europe/Warsaw")
ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Europe/Warsaw", "America/Sao_Paulo", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata")
]
AUTUMN = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 03:00 CEST becomes 02:00 CET
SPRING = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)

zones = st.sampled_from(ZONES)
moments = st.integers(1_420_000_000, 1_900_000_000).map(lambda epoch: datetime.fromtimestamp(epoch, UTC))
# Half of all windows begin within hours of one of these clock changes.
changes = st.sampled_from(
    [
        AUTUMN,
        SPRING,
        datetime(2019, 2, 17, 2, 0, tzinfo=UTC),  # São Paulo's last change back
        datetime(2018, 11, 4, 3, 0, tzinfo=UTC),  # and forward, at midnight
        datetime(2026, 4, 4, 15, 0, tzinfo=UTC),  # Lord Howe: half an hour back
        datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
        datetime(2026, 11, 1, 4, 30, tzinfo=UTC),  # St John's
    ]
)
starts = moments | st.builds(lambda change, off: change + timedelta(seconds=off), changes, st.integers(-14_400, 14_400))
widths = st.integers(0, 86_400).map(lambda s: timedelta(seconds=s)) | st.integers(0, 600).map(
    lambda s: timedelta(seconds=s)
)


def wall(*when: int) -> datetime:
    return datetime(*when)  # type: ignore[arg-type]  # noqa: DTZ001  # wall times name no zone


def written(moment: datetime, zone: ZoneInfo) -> datetime:
    """As the server writes it: wall time to the minute."""
    return moment.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)


@given(zones, starts, widths, st.floats(0, 1))
def test_every_instant_of_a_window_is_written_strictly_within_its_range(zone, start, width, share):
    moment = start + width * share
    first, last = wall_range(start, start + width, zone)
    assert first < written(moment, zone) < last


@given(zones, starts, widths, st.floats(0, 1), st.sampled_from([0, 1]), st.sampled_from([0, 1]))
@example(WARSAW, AUTUMN - timedelta(minutes=20), timedelta(minutes=10), 0.5, 1, 0)
def test_however_the_server_reads_the_limits_as_instants_every_instant_lies_within(
    zone, start, width, share, first_fold, last_fold
):
    moment = start + width * share
    first, last = wall_range(start, start + width, zone)
    assert first.replace(tzinfo=zone, fold=first_fold).astimezone(UTC) < moment
    assert moment < last.replace(tzinfo=zone, fold=last_fold).astimezone(UTC)


@given(zones, starts, widths)
def test_limits_are_wall_times_that_happened_exactly_once(zone, start, width):
    for limit in wall_range(start, start + width, zone):
        (moment,) = readings(limit, zone)
        assert written(moment, zone) == limit


def test_a_quiet_window_is_only_a_minute_wider_at_each_side():
    window = datetime(2026, 6, 1, 10, 0, 30, tzinfo=UTC), datetime(2026, 6, 1, 10, 5, 30, tzinfo=UTC)
    assert wall_range(*window, WARSAW) == (wall(2026, 6, 1, 11, 59), wall(2026, 6, 1, 12, 7))


def test_a_window_in_the_repeated_hour_asks_for_all_of_it():
    window = AUTUMN - timedelta(minutes=10), AUTUMN + timedelta(minutes=10)
    assert wall_range(*window, WARSAW) == (wall(2026, 10, 25, 1, 59), wall(2026, 10, 25, 3, 0))


def test_a_time_in_the_repeated_hour_has_two_readings_earlier_first():
    first, second = readings(wall(2026, 10, 25, 2, 30), WARSAW)
    assert (first, second) == (AUTUMN - timedelta(minutes=30), AUTUMN + timedelta(minutes=30))


def test_a_time_in_the_skipped_hour_is_shifted_forward():
    (moment,) = readings(wall(2026, 3, 29, 2, 30), WARSAW)
    assert moment == SPRING + timedelta(minutes=30)
    assert written(moment, WARSAW) == wall(2026, 3, 29, 3, 30)


@given(zones, starts)
def test_one_reading_of_what_a_server_wrote_is_the_moment_itself(zone, moment):
    assert moment.replace(second=0, microsecond=0) in readings(written(moment, zone), zone)


@pytest.mark.parametrize("year", [1, 1899, 1969, 2100, 2999, 9999])
def test_a_date_that_some_program_uses_for_none_is_refused(year):
    with pytest.raises(ValueError, match="no call was recorded"):
        readings(wall(year, 1, 1), WARSAW)
