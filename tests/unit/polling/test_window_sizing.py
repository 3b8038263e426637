"""How time is cut into sub-windows, and how little a provider in trouble is asked."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from call_lake.errors import Reason, TooWide, Transient
from call_lake.ledger.jobs import JobKind
from call_lake.ledger.source_state import SourceState
from call_lake.model.windows import Window
from call_lake.polling.window_reader import read_forward
from call_lake.polling.window_sizing import WindowSizer
from call_lake.ports import Page
from tests.support.fakes import FakeClock, World
from tests.support.fakes.provider import FakeProvider

START = datetime(2026, 9, 7, tzinfo=UTC)  # a Monday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
END = START + 365 * DAY


def learned(sizer: WindowSizer, days: int) -> datetime:
    """After days of ten rows an hour from 8 to 18, but on Sundays."""
    for day in range(days):
        start = START + day * DAY
        busy = () if start.weekday() == 6 else range(8, 18)
        moments = [start + hour * HOUR + part * 6 * MINUTE for hour in busy for part in range(10)]
        sizer.read(Window(start, start + DAY), moments)
    return START + days * DAY


def test_the_next_window_follows_what_the_same_hours_of_the_week_had() -> None:
    sizer = WindowSizer(MINUTE, 50)
    monday = learned(sizer, 14)
    saturday_noon = monday + 5 * DAY + 13 * HOUR

    assert monday + 12 * HOUR < sizer.next_end(monday, END) < monday + 14 * HOUR
    assert saturday_noon + 20 * HOUR < sizer.next_end(saturday_noon, END), "the Sunday is empty"


def test_a_window_of_known_rows_is_cut_by_them_and_its_small_rest_is_read_in_one_piece() -> None:
    sizer = WindowSizer(MINUTE, 100)
    tried = Window(START, START + 10 * HOUR)
    sizer.too_wide(tried, TooWide(400), [100], [])

    first = sizer.next_end(START, tried.end)
    sizer.read(Window(START, first), [START + first_part for first_part in (MINUTE,) * 300])

    assert first == START + 2.5 * HOUR
    assert sizer.next_end(first, END) == tried.end


def test_a_server_that_caps_its_pages_is_given_windows_for_pages_of_that_size() -> None:
    sizer = WindowSizer(MINUTE, 180)
    sizer.too_wide(Window(START, START + 10 * HOUR), TooWide(370), [37], [])

    assert sizer.next_end(START, END) == START + 10 * HOUR * (67 / 370)


def test_a_provider_that_can_read_more_at_once_is_given_that() -> None:
    sizer = WindowSizer(MINUTE, 180)
    sizer.too_wide(Window(START, START + 10 * HOUR), TooWide(10_000, fits=2_000), [100], [])

    assert sizer.next_end(START, END) == START + 2 * HOUR


def test_a_window_of_unknown_rows_ends_where_its_sorted_rows_say() -> None:
    sizer = WindowSizer(MINUTE, 90)
    refused = Window(START, START + 10 * DAY)
    moments = [START + n * MINUTE for n in range(150)]
    sizer.too_wide(refused, TooWide(None), [50, 50, 50], moments)
    first = sizer.next_end(START, END)
    sizer.read(Window(START, first), moments[:90])

    assert first == moments[90]
    assert sizer.next_end(first, END) == moments[90] + 90 * MINUTE, "the next one is as dense"


@pytest.mark.parametrize(
    "moments",
    [
        [START + 9 * DAY + n * MINUTE for n in range(150)],
        [START + 10 * DAY] * 150,
        [START + 11 * DAY] * 150,
        [START] * 150,
        [START - DAY] * 150,
        [START + (n % 7) * DAY for n in range(150)],
        [],
    ],
)
def test_a_window_that_is_refused_again_and_again_ends_as_the_smallest(moments: list[datetime]) -> None:
    """Whatever the rows say of themselves: the filter may compare other times."""
    sizer, end, refusals = WindowSizer(MINUTE, 90), START + 10 * DAY, 0
    while (end := sizer.next_end(START, end)) > START + MINUTE:
        sizer.too_wide(Window(START, end), TooWide(None), [50, 50, 50], moments)
        refusals += 1
        assert refusals < 50

    assert refusals


def test_a_provider_that_answers_nothing_is_asked_three_times() -> None:
    provider, asked = FakeProvider(), []

    def down(window: Window) -> None:
        asked.append(window)
        raise Transient(Reason.HTTP_ERROR, "503")

    provider.on_list = down
    clock = FakeClock()
    with pytest.raises(Transient):
        list(read_forward(provider, Window(START, START + DAY), _ignore, rows_per_window=180, clock=clock, until_s=1e9))

    assert len(asked) == 3
    assert asked[-1].end == clock.now(), "not the end of the window, which one bad row could spoil permanently"


@pytest.mark.parametrize("wait_s", [20.0, 600.0])
def test_who_asks_for_a_wait_is_not_asked_for_a_part_meanwhile(wait_s: float) -> None:
    provider, clock, asked = FakeProvider(), FakeClock(), []

    def overloaded(window: Window) -> None:
        asked.append(clock.monotonic())
        raise Transient(Reason.HTTP_ERROR, "503", retry_after_s=wait_s)

    provider.on_list = overloaded
    with pytest.raises(Transient):
        list(read_forward(provider, Window(START, START + DAY), _ignore, rows_per_window=180, clock=clock, until_s=1e9))

    assert all(later - earlier >= wait_s for earlier, later in pairwise(asked))


def test_a_backfill_of_years_does_not_keep_the_sweep_waiting(world: World) -> None:
    book = SourceState(world.table, world.clock, "thulium")
    for year in range(3):
        book.jobs.start(JobKind.BACKFILL, Window(START + year * DAY, START + (year + 1) * DAY))
    world.clock.advance(MINUTE)
    book.jobs.start_sweep(Window(START, START + DAY))

    assert book.jobs.due()[0].kind is JobKind.SWEEP


def test_any_number_of_backfills_keeps_neither_a_sweep_nor_a_gap_waiting(world: World) -> None:
    book = SourceState(world.table, world.clock, "thulium")
    for month in range(24):
        book.jobs.start(JobKind.BACKFILL, Window(START + month * DAY, START + (month + 1) * DAY))
    world.clock.advance(MINUTE)
    book.jobs.start_sweep(Window(START, START + DAY))
    book.jobs.start_gap(Window(START, START + HOUR), HOUR - HOUR)

    assert [job.kind for job in book.jobs.due()] == [JobKind.SWEEP, JobKind.GAP, *[JobKind.BACKFILL] * 8]


def test_a_sweep_takes_over_what_an_earlier_one_has_not_read(world: World) -> None:
    book = SourceState(world.table, world.clock, "thulium")
    first = book.jobs.start_sweep(Window(START, START + 14 * DAY))
    book.jobs.progress(first, START + DAY)
    book.jobs.start_sweep(Window(START + 9 * DAY, START + 23 * DAY))

    (sweep,) = book.jobs.unfinished()
    assert sweep.rest == Window(START + DAY, START + 23 * DAY)


def _ignore(page: Page) -> None:
    """Reads are what is counted here."""
