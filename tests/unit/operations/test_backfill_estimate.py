"""How many recordings a stretch of the past holds, estimated from a sample of its days."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import TooWide
from call_lake.model.windows import Window
from call_lake.operations.backfill_estimate import SAMPLED_DAYS, Estimate, estimate, sample_of
from call_lake.operations.days import Days
from tests.support.fakes import FakeClock
from tests.support.fakes.provider import FakeProvider, make_recording

UTC_ZONE = ZoneInfo("UTC")
FIRST = date(2026, 3, 2)  # a Monday
FOUR_WEEKS = Days(FIRST, FIRST + timedelta(days=27))


def rows_of(days: Days, per_weekday: int, talk_s: float = 100.0) -> FakeProvider:
    """So many calls on each day from Monday to Friday, none at the weekend."""
    provider = FakeProvider()
    number = 0
    for day in days.all():
        for n in range(per_weekday if day.weekday() < 5 else 0):
            number += 1
            at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(minutes=n)
            row = make_recording(number, listed_at=at, started_at=at)
            object.__setattr__(row, "talk_s", talk_s)
            provider.rows.append(row)
    return provider


def guess(provider: Any, days: Days) -> Estimate:
    return estimate(provider, days, UTC_ZONE, FakeClock(), lambda done, of: None)


@given(st.dates(date(2015, 1, 1), date(2026, 1, 1)), st.integers(0, 800))
def test_a_sample_is_of_days_of_the_window_and_of_every_weekday(first: date, more: int) -> None:
    days = Days(first, first + timedelta(days=more))
    chosen = sample_of(days)

    assert all(day in days for day in chosen)
    assert len(set(chosen)) == len(chosen) == min(len(days.all()), SAMPLED_DAYS)
    if more >= SAMPLED_DAYS:
        assert {day.weekday() for day in chosen} == set(range(7))


def test_a_vendor_that_counts_is_believed() -> None:
    provider = rows_of(FOUR_WEEKS, per_weekday=20)  # FakeProvider counts what is too wide, as Thulium does
    found = guess(provider, FOUR_WEEKS)

    assert (found.recordings, found.counted) == (400, True)
    assert found.mean_talk_s == 100


def test_without_a_count_the_sampled_week_is_scaled() -> None:
    provider = rows_of(FOUR_WEEKS, per_weekday=20)
    provider.on_list = _no_count
    found = guess(provider, FOUR_WEEKS)

    assert not found.counted
    assert found.recordings == pytest.approx(400, rel=0.05)


def _no_count(window: Window) -> None:
    if window.width > timedelta(days=2):
        raise TooWide(None)


def test_an_estimate_of_an_empty_stretch_is_nothing() -> None:
    found = guess(FakeProvider(), FOUR_WEEKS)

    assert (found.recordings, found.mean_talk_s) == (0, None)


def test_an_estimate_lists_a_part_of_the_window_alone() -> None:
    year = Days(date(2025, 1, 1), date(2025, 12, 31))
    provider = rows_of(year, per_weekday=20)
    guess(provider, year)

    assert provider.requests < 0.2 * len(provider.rows) / provider.page_size * 7 + SAMPLED_DAYS * 3
