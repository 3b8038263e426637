"""Long windows are read in sub-windows that suit the provider (design rules 2, 3, 4)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.errors import Drifted, Reason, Transient
from call_lake.providers.base import Page
from call_lake.recording import Recording, Window
from call_lake.windows import Done, Hole, read_forward
from tests.fakes import FakeClock
from tests.fakes.provider import FakeProvider, make_recording

START = datetime(2026, 10, 1, tzinfo=UTC)
TARGET = 180


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def read(provider: FakeProvider, window: Window, until_s: float = 1e9) -> tuple[list[Done | Hole], set[Recording]]:
    seen: set[Recording] = set()

    def sink(page: Page) -> None:
        seen.update(page.recordings)

    outcomes = list(read_forward(provider, window, sink, target=TARGET, clock=FakeClock(), until_s=until_s))
    return outcomes, seen


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
    for day in range(60):
        for n in range(600):  # ten busy hours a day
            provider.rows.append(make_recording(day * 600 + n, listed_at=at(day * 1440 + 480 + n)))

    _, seen = read(provider, Window(at(0), at(60 * 1440)))

    assert len(seen) == 36_000
    assert provider.walked <= 2 * len(seen)


def test_one_bad_row_makes_holes_around_it_and_everything_after_it_flows() -> None:
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(600)]

    def poisoned(window: Window) -> None:
        if window.start - provider.unit <= at(300) <= window.end + provider.unit:
            raise Transient(Reason.HTTP_ERROR, "500")

    provider.on_list = poisoned
    outcomes, seen = read(provider, Window(at(0), at(600)))

    holes = [outcome.window for outcome in outcomes if isinstance(outcome, Hole)]
    assert 1 <= len(holes) <= 4
    assert holes[0].start >= at(297)
    assert holes[-1].end <= at(303)
    missing = {row for row in provider.rows if row not in seen}
    assert all(row.listed_at and at(297) <= row.listed_at <= at(303) for row in missing)


def test_an_outage_stops_the_reading_instead_of_making_holes_of_everything() -> None:
    provider = FakeProvider()

    def down(window: Window) -> None:
        raise Transient(Reason.HTTP_ERROR, "503")

    provider.on_list = down
    with pytest.raises(Transient, match="503"):
        read(provider, Window(at(0), at(1440)))


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
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def test_it_stops_in_time_with_what_it_finished() -> None:
    provider = FakeProvider()
    provider.rows = [make_recording(n, listed_at=at(n)) for n in range(2000)]
    clock = FakeClock()

    def slow(window: Window) -> None:
        clock.advance(timedelta(seconds=10))

    provider.on_list = slow
    outcomes = list(
        read_forward(provider, Window(at(0), at(2000)), lambda page: None, target=TARGET, clock=clock, until_s=100)
    )

    assert outcomes
    assert outcomes[-1].window.end < at(2000)


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
