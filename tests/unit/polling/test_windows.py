"""Long windows are read in sub-windows that suit the provider (design rules 2, 3, 4)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.polling.window_reader import WINDOW_S, Hole, ReadWindow, read_forward
from call_lake.ports import Page
from tests.support.fakes import FakeClock
from tests.support.fakes.provider import FakeProvider, make_recording

START = datetime(2026, 10, 1, tzinfo=UTC)
TARGET = 180


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def read(
    provider: FakeProvider, window: Window, *, until_s: float = 1e9, clock: FakeClock | None = None
) -> tuple[list[ReadWindow | Hole], set[ListedRecording]]:
    """All of the window, and the recordings of its pages."""
    seen: set[ListedRecording] = set()

    def sink(page: Page) -> None:
        seen.update(page.recordings)

    parts = read_forward(provider, window, sink, rows_per_window=TARGET, clock=clock or FakeClock(), until_s=until_s)
    return list(parts), seen


@given(
    minutes=st.lists(st.integers(0, 3 * 1440), max_size=600),
    burst=st.integers(0, 400),
    end=st.integers(1, 3 * 1440),
)
def test_every_row_of_any_distribution_is_read_and_the_sub_windows_leave_no_hole(
    minutes: list[int], burst: int, end: int
) -> None:
    provider = FakeProvider()
    moments = [*minutes, *[1000] * burst]
    provider.rows = [make_recording(n, listed_at=at(minute)) for n, minute in enumerate(moments)]

    outcomes, seen = read(provider, Window(at(0), at(end)))

    assert seen >= {row for row in provider.rows if row.listed_at and row.listed_at <= at(end)}
    edges = [outcome.window for outcome in outcomes]
    assert edges[0].start == at(0)
    assert edges[-1].end == at(end)
    assert all(before.end == after.start for before, after in pairwise(edges))


def test_a_backfill_makes_the_provider_walk_at_most_two_rows_for_each_one() -> None:
    provider = FakeProvider()
    for day in range(20):
        for n in range(600):  # ten busy hours a day
            provider.rows.append(make_recording(day * 600 + n, listed_at=at(day * 1440 + 480 + n)))

    _, seen = read(provider, Window(at(0), at(20 * 1440)))

    assert len(seen) == 12_000
    assert provider.walked <= 2 * len(seen)


ANY_ANSWER = [Reason.HTTP_ERROR, Reason.TRUNCATED, Reason.BAD_LISTING, Reason.TIMEOUT, Reason.CONNECTION]


@pytest.mark.parametrize("reason", ANY_ANSWER)
def test_one_bad_row_makes_holes_around_it_and_everything_after_it_flows(reason: Reason) -> None:
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(600)]

    def poisoned(window: Window) -> None:
        if window.start - provider.unit <= at(300) <= window.end + provider.unit:
            raise Transient(reason, "at the bad row")

    provider.on_list = poisoned
    outcomes, seen = read(provider, Window(at(0), at(600)))

    holes = [outcome.window for outcome in outcomes if isinstance(outcome, Hole)]
    assert 1 <= len(holes) <= 4
    assert holes[0].start >= at(297)
    assert holes[-1].end <= at(303)
    missing = {row for row in provider.rows if row not in seen}
    assert all(row.listed_at and at(297) <= row.listed_at <= at(303) for row in missing)


@pytest.mark.parametrize("last", [700, 2000, 9000])
def test_a_stretch_of_any_length_is_passed_and_all_behind_it_is_read(last: int) -> None:
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(0, 10_000, 10)]
    asked: list[Window] = []

    def poisoned(window: Window) -> None:
        asked.append(window)
        if window.start <= at(last) and window.end >= at(300):
            raise Transient(Reason.HTTP_ERROR, "500")

    provider.on_list = poisoned
    outcomes, seen = read(provider, Window(at(0), at(10_000)))

    assert outcomes[-1].window.end == at(10_000)
    missing = {row.listed_at for row in provider.rows if row not in seen and row.listed_at}
    assert min(missing) >= at(299)
    assert max(missing) <= at(last + 1), "the last hole is wide, and is read from its end"
    assert len(asked) <= 300


def test_an_outage_in_the_midst_of_a_reading_makes_no_hole() -> None:
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(1000)]
    asked: list[Window] = []
    clock = FakeClock(at(2000))

    def breaks_down(window: Window) -> None:
        asked.append(window)
        if len(asked) > 5:
            raise Transient(Reason.CONNECTION, "reset")

    provider.on_list = breaks_down
    outcomes: list[ReadWindow | Hole] = []
    reading = read_forward(
        provider, Window(at(0), at(1000)), lambda page: None, rows_per_window=TARGET, clock=clock, until_s=1e9
    )
    with pytest.raises(Transient, match="reset"):
        outcomes.extend(reading)

    assert len(asked) <= 5 + 3
    assert not any(isinstance(outcome, Hole) for outcome in outcomes)


def test_trouble_of_the_whole_provider_is_not_answered_by_splitting() -> None:
    provider = FakeProvider()
    asked: list[Window] = []

    def refused(window: Window) -> None:
        asked.append(window)
        raise Transient(Reason.UNAUTHORIZED, "401")

    provider.on_list = refused
    with pytest.raises(Transient):
        read(provider, Window(at(0), at(1440)))
    assert len(asked) == 1


def test_a_short_retry_after_is_waited_for_and_a_long_one_ends_the_poll() -> None:
    for wait_s, ends in ((5.0, False), (600.0, True)):
        provider = FakeProvider()
        limited = [Transient(Reason.RATE_LIMITED, "429", retry_after_s=wait_s)]

        def once(window: Window, limited: list[Transient] = limited) -> None:
            if limited:
                raise limited.pop()

        provider.on_list = once
        if ends:
            with pytest.raises(Transient, match="429"):
                read(provider, Window(at(0), at(60)))
        else:
            outcomes, _ = read(provider, Window(at(0), at(60)))
            assert len(outcomes) == 1


def test_a_drifted_window_is_read_again_and_then_split() -> None:
    provider = FakeProvider()
    read_windows: list[Window] = []

    def drifting(window: Window) -> None:
        read_windows.append(window)
        if window.width > timedelta(minutes=30):
            raise Drifted("rows moved")

    provider.on_list = drifting
    outcomes, _ = read(provider, Window(at(0), at(60)))

    assert read_windows[:3] == [Window(at(0), at(60)), Window(at(0), at(60)), Window(at(0), at(30))]
    assert all(isinstance(outcome, ReadWindow) for outcome in outcomes)


def test_it_stops_in_time_where_nothing_is_listed() -> None:
    clock = FakeClock()

    class Empty(FakeProvider):
        def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
            clock.advance(timedelta(seconds=10))
            if window.width > timedelta(minutes=1):
                raise TooWide(None)
            yield from ()

    outcomes, _ = read(Empty(), Window(at(0), at(2000)), clock=clock, until_s=300)

    assert outcomes
    assert clock.monotonic() <= 310


def crowded(clock: FakeClock, page_s: float, rows: int) -> FakeProvider:
    """All in one minute, and one row an hour later."""
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(30)) for n in range(rows)] + [
        make_recording(rows, listed_at=at(90))
    ]
    provider.on_list = lambda window: clock.advance(timedelta(seconds=page_s))
    return provider


def test_it_stops_in_time_in_the_midst_of_a_sub_window_and_what_came_is_given() -> None:
    clock = FakeClock()
    provider = crowded(clock, page_s=1, rows=10_000)

    outcomes, seen = read(provider, Window(at(0), at(120)), clock=clock, until_s=60)

    assert clock.monotonic() <= 65
    assert len(seen) > 3000
    assert all(outcome.window.end <= at(30) for outcome in outcomes)


def test_a_minute_that_takes_too_long_is_a_hole_and_what_comes_after_it_flows() -> None:
    clock = FakeClock()
    provider = crowded(clock, page_s=1, rows=20_000)

    outcomes, seen = read(provider, Window(at(0), at(120)), clock=clock)

    assert provider.rows[-1] in seen
    assert any(isinstance(outcome, Hole) for outcome in outcomes)
    assert clock.monotonic() <= 6 * WINDOW_S


@pytest.mark.parametrize("page_s", [12, 25, 36])
def test_a_slow_provider_is_given_the_time_for_a_sub_window_and_no_more_than_that(page_s: float) -> None:
    """What is begun has to end within the 20 seconds that a poll keeps, and something has to end in every poll."""
    clock = FakeClock()
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(2000)]
    provider.on_list = lambda window: clock.advance(timedelta(seconds=page_s))

    outcomes, _ = read(provider, Window(at(0), at(2000)), clock=clock, until_s=220)

    assert outcomes
    assert clock.monotonic() < 240


@pytest.mark.parametrize("bad", [125, 300, 477])
def test_a_row_at_which_the_provider_falls_silent_is_passed_within_one_poll(bad: int) -> None:
    """Each time-out costs half a minute: of halving there would be too many."""
    clock, provider = FakeClock(), FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(0, 480, 4)]

    def silent(window: Window) -> None:
        is_bad = window.start - provider.unit <= at(bad) <= window.end + provider.unit
        clock.advance(timedelta(seconds=30 if is_bad else 0.3))
        if is_bad:
            raise Transient(Reason.TIMEOUT, "no answer in time")

    provider.on_list = silent
    outcomes, seen = read(provider, Window(at(0), at(480)), clock=clock, until_s=220)

    assert {row for row in provider.rows if row.listed_at and row.listed_at > at(bad + 3)} <= seen
    assert outcomes[-1].window.end == at(480)
    assert clock.monotonic() < 240


def test_slow_failures_in_a_row_end_in_time_too() -> None:
    clock = FakeClock()
    provider = FakeProvider()

    def fails(window: Window) -> None:
        is_bad = window.start <= at(0)
        clock.advance(timedelta(seconds=27 if is_bad else 0.3))
        if is_bad:
            raise Transient(Reason.HTTP_ERROR, "504")

    provider.on_list = fails
    read(provider, Window(at(0), at(5000)), clock=clock, until_s=220)

    assert 190 < clock.monotonic() < 240


def test_to_see_whether_it_answers_it_is_asked_for_a_page_only() -> None:
    clock = FakeClock()
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=clock.now()) for n in range(5000)]
    asked: list[Window] = []

    def poisoned(window: Window) -> None:
        asked.append(window)
        if window.start <= at(30) <= window.end:
            raise Transient(Reason.TIMEOUT, "no answer")

    provider.on_list = poisoned
    read(provider, Window(at(0), at(60)))

    assert sum(window.end == clock.now() for window in asked) < len(asked) / 2


def test_a_bad_row_that_many_minutes_share_does_not_look_like_an_outage() -> None:
    """The repeated hour of autumn: every minute of two hours asks the provider the same."""
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(900)]

    def poisoned(window: Window) -> None:
        if window.start <= at(420) and window.end >= at(300):
            raise Transient(Reason.HTTP_ERROR, "500")

    provider.on_list = poisoned
    outcomes, seen = read(provider, Window(at(0), at(900)))

    assert any(isinstance(outcome, Hole) for outcome in outcomes)
    assert {row for row in provider.rows if row.listed_at and row.listed_at >= at(640)} <= seen


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 10, 25), 25), (datetime(2026, 3, 29), 23)])  # noqa: DTZ001
def test_a_window_of_local_times_is_as_long_as_the_clocks_made_its_day(day: datetime, hours: int) -> None:
    zone = ZoneInfo("Europe/Warsaw")
    window = Window(day.replace(tzinfo=zone), (day + timedelta(days=1)).replace(tzinfo=zone))
    assert window.width == timedelta(hours=hours)
    assert window.start.tzinfo is window.end.tzinfo is UTC
