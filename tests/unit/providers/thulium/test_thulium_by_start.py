"""Wide lists in order of time are read by moving their start, and every step is proved (design rules 2, 3, 4)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import Drifted, TooWide
from call_lake.model.windows import Window
from call_lake.providers import make_provider
from call_lake.providers.paging.by_start import COMFORTABLE, FAILURES_MOST, LIST_S, PAGES_MOST
from call_lake.settings import SourceSettings
from tests.support.fakes import FakeClock
from tests.support.stub_thulium import BASE, SECRET, Tenant, row
from tests.support.stub_web import Reply, Seen, keys

START = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
WARSAW = ZoneInfo("Europe/Warsaw")


def created(number: int, minute: float) -> dict[str, Any]:
    text = (START + timedelta(minutes=minute)).astimezone(WARSAW).strftime("%Y-%m-%d %H:%M")
    return row(number, created_at=text)


class Dated(Tenant):
    """Filters by creation. ``moves`` may change the rows before any request is answered, by its number from 1."""

    def __init__(self, rows: list[Any], *, exclusive: bool = False, cap: int = 100) -> None:
        super().__init__(rows, cap=cap)
        self.all_rows, self.exclusive = rows, exclusive
        self.moves: dict[int, Any] = {}
        self.wrong_by = 0

    def answer(self, seen: Seen) -> Reply:
        if move := self.moves.get(len(self.web.seen)):
            move(self.all_rows)
        first, last = seen.query["date_from"], seen.query["date_to"]
        at = [(item["created_at"], item) for item in self.all_rows]
        self.rows = [item for text, item in at if first <= text <= last and not (self.exclusive and text == first)]
        self.count = len(self.rows) + self.wrong_by
        return super().answer(seen)


def a_day(n: int = 1000) -> list[dict[str, Any]]:
    return [created(number, number * 1400 / n) for number in range(n)]


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 1400), max_size=300),
    burst=st.integers(0, 320),
    cap=st.integers(20, 100),
    exclusive=st.booleans(),
)
def test_every_row_of_a_sorted_list_is_given(minutes: list[int], burst: int, cap: int, exclusive: bool) -> None:
    rows = [created(number, minute) for number, minute in enumerate(sorted([*minutes, *[700] * burst]))]
    server = Dated(rows, exclusive=exclusive, cap=cap)
    try:
        found = keys(server.provider().list_window(DAY))
    except TooWide:
        assert len(rows) > 2 * cap - 1
        return
    assert set(found) == {item["filename"] for item in rows}


def test_a_wide_list_costs_little_more_than_its_own_pages() -> None:
    server = Dated(a_day(1000))
    found = keys(server.provider().list_window(DAY))
    assert len(set(found)) == 1000
    assert len(server.web.seen) <= 12
    assert server.walked <= 1.2 * 1000


def test_many_rows_in_one_minute_are_paged_by_offset_and_the_rest_still_by_start() -> None:
    crowd = [created(5000 + number, 500) for number in range(250)]
    rows = sorted([*a_day(800), *crowd], key=lambda item: item["created_at"])
    server = Dated(rows)
    assert len(set(keys(server.provider().list_window(DAY)))) == 1050
    assert server.walked <= 2 * 1050


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_a_list_in_another_order_is_too_wide_after_one_request(order: str) -> None:
    rows = a_day(600)
    rows = rows[::-1] if order == "reversed" else rows[1::2] + rows[::2]
    rows[0], rows[50] = rows[50], rows[0]
    server = Dated(rows)
    with pytest.raises(TooWide) as caught:
        list(server.provider().list_window(DAY))
    assert caught.value.fits is None
    assert len(server.web.seen) == 1


def test_a_list_of_too_many_pages_says_how_many_rows_fit() -> None:
    server = Dated(a_day(PAGES_MOST * 100 + 1))
    with pytest.raises(TooWide) as caught:
        list(server.provider().list_window(DAY))
    assert caught.value.fits == COMFORTABLE * PAGES_MOST * 100
    assert len(server.web.seen) == 1


@pytest.mark.parametrize("n", [299, 300, 301, 398, 399, 450])
def test_a_count_that_is_one_too_few_hides_no_row_behind_a_full_page(n: int) -> None:
    server = Dated(a_day(n))
    server.wrong_by = -1
    found: list[str] = []
    try:
        for page in server.provider().list_window(DAY):
            found += keys([page])
    except Drifted:
        return
    assert len(set(found)) == n


@pytest.mark.parametrize("at", [2, 3, 5])
@pytest.mark.parametrize("index", [0, 40, 250, 480])
@pytest.mark.parametrize("kind", ["insert", "delete"])
def test_rows_that_come_or_go_anywhere_in_the_list_meanwhile_are_drift(kind: str, index: int, at: int) -> None:
    server = Dated(a_day(500))

    def move(rows: list[Any]) -> None:
        if kind == "insert":
            rows.insert(index, row(9000, created_at=rows[index]["created_at"]))
        else:
            del rows[index]

    server.moves[at] = move
    with pytest.raises(Drifted):
        list(server.provider().list_window(DAY))


def test_a_row_replaced_among_those_that_overlap_is_drift_though_the_count_stays() -> None:
    server = Dated(a_day(500))

    def move(rows: list[Any]) -> None:
        rows[99] = rows[99] | {"filename": "another.wav"}

    server.moves[2] = move
    with pytest.raises(Drifted):
        list(server.provider().list_window(DAY))


def test_after_a_few_failures_it_is_not_tried_again() -> None:
    server = Dated(a_day(500))
    provider = server.provider()
    for _ in range(FAILURES_MOST):
        server.moves[len(server.web.seen) + 2] = lambda rows: rows.pop(0)
        with pytest.raises(Drifted):
            list(provider.list_window(DAY))
    with pytest.raises(TooWide):
        list(provider.list_window(DAY))


def test_a_list_holds_no_more_pages_than_come_in_its_time() -> None:
    server, clock = Dated(a_day(2000)), FakeClock()

    def slow(seen: Seen) -> Reply:
        clock.advance(timedelta(seconds=10))
        return server.answer(seen)

    server.web.answer = slow
    settings = SourceSettings("thulium", "thulium", BASE)
    provider = make_provider(settings, lambda fresh: SECRET, clock, server.web.session)
    with pytest.raises(TooWide) as caught:
        list(provider.list_window(DAY))

    assert caught.value.fits == COMFORTABLE * 100 * LIST_S / 10
    assert len(server.web.seen) == 1


@pytest.mark.parametrize(("per_second", "fits"), [(0.1, 480), (0.05, None)])
def test_nor_than_the_budget_of_requests_allows(per_second: float, fits: int | None) -> None:
    server = Dated(a_day(2000))
    with pytest.raises(TooWide) as caught:
        list(server.provider(requests_per_second=per_second).list_window(DAY))

    assert caught.value.fits == fits
