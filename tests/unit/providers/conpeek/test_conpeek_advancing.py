"""Wide lists in order of time are read by moving their start, and what was read is proved (design rules 2, 3, 4)."""

import json
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import Drifted, TooWide
from call_lake.model.windows import Window
from call_lake.polling.window_reader import Done, Hole, read_forward
from call_lake.ports import Page
from call_lake.providers import make_provider
from call_lake.providers.paging.by_start_counted import LIST_S, PAGES_LEAST, TIRED_AFTER
from call_lake.providers.paging.by_start_uncounted import PAGES_MOST
from call_lake.settings import SourceSettings
from tests.support.fakes.clock import FakeClock
from tests.support.stub_conpeek import BASE, NOON, Tenant, keys, row
from tests.support.stub_web import Reply, Seen

DAY = Window(NOON, NOON + timedelta(days=1))
PAGE = 20
MOST = PAGE * (PAGES_MOST - 1)

type Rows = list[dict[str, Any]]


def ended(number: int, second: float) -> dict[str, Any]:
    return row(number, hangup_time=f"{NOON + timedelta(seconds=second):%Y-%m-%d %H:%M:%S}")


class Dated(Tenant):
    """Filters by the end of the dialog. ``moves`` may change the rows before any request is answered, by its number
    from 1."""

    def __init__(self, rows: Rows, **chosen: Any) -> None:
        super().__init__(rows, **chosen)
        self.all_rows = rows
        self.moves: dict[int, Callable[[Rows], Any]] = {}

    def answer(self, seen: Seen) -> Reply:
        if move := self.moves.get(len(self.web.seen)):
            move(self.all_rows)
        first, last = (item["value"] for item in json.loads(seen.query["filter"]))
        self.rows = [item for item in self.all_rows if first <= item["hangup_time"] <= last]
        return super().answer(seen)

    def read(self, window: Window, **chosen: Any) -> tuple[list[str], list[Done | Hole]]:
        """All of a window, in as many lists as it takes."""
        found: list[str] = []
        provider = self.provider(**({"page_size": PAGE, "requests_per_second": 100} | chosen))
        parts = list(
            read_forward(
                provider, window, lambda page: found.extend(keys([page])), target=36, clock=FakeClock(), until_s=inf
            )
        )
        return found, parts


def evenly(n: int) -> Rows:
    return [ended(number, number * 86_000 / n) for number in range(n)]


def ids(rows: Rows) -> set[str]:
    return {item["dialog_uuid"] for item in rows}


@settings(max_examples=60, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 86_400), max_size=400),
    burst=st.integers(0, 50),
    cap=st.integers(12, 30),
    order=st.sampled_from(["oldest first", "newest first", "none"]),
    random=st.randoms(use_true_random=False),
)
def test_every_row_is_read_whatever_the_order(
    seconds: list[int], burst: int, cap: int, order: str, random: Any
) -> None:
    rows = [ended(number, second) for number, second in enumerate(sorted([*seconds, *[700] * burst]))]
    if order == "newest first":
        rows.reverse()
    if order == "none":
        random.shuffle(rows)
    found, parts = Dated(rows, cap=cap).read(DAY)
    assert set(found) == ids(rows)
    assert parts[-1].window.end == DAY.end
    assert all(one.window.end == other.window.start for one, other in pairwise(parts))


@settings(max_examples=60, deadline=None)
@given(
    at=st.dictionaries(st.integers(2, 40), st.tuples(st.booleans(), st.floats(0, 1)), max_size=8),
    n=st.integers(100, 500),
)
def test_rows_that_stand_all_the_time_are_read_whatever_comes_and_goes(
    at: dict[int, tuple[bool, float]], n: int
) -> None:
    server = Dated(evenly(n))
    stood = ids(server.all_rows)

    def move(number: int, comes: bool, share: float) -> Callable[[Rows], None]:
        def change(rows: Rows) -> None:
            index = int(share * (len(rows) - 1))
            if comes:
                rows.insert(index, rows[index] | {"dialog_uuid": f"new-{number}"})
            else:
                stood.discard(rows.pop(index)["dialog_uuid"])

        return change

    server.moves = {number: move(number, *what) for number, what in at.items()}
    found, parts = server.read(DAY)
    assert all(isinstance(part, Done) for part in parts)
    assert stood <= set(found)


def test_a_long_list_costs_little_more_than_its_own_pages_and_two_rows_walked_for_each() -> None:
    server = Dated(evenly(2000))
    found, _ = server.read(DAY)
    assert len(set(found)) == 2000
    assert len(server.web.seen) <= 1.2 * 2000 / PAGE
    assert server.walked <= 2 * 2000


def test_a_list_of_too_many_pages_says_up_to_when_it_was_read() -> None:
    server = Dated(evenly(1000))
    pages: list[Page] = []
    with pytest.raises(TooWide) as caught:
        pages.extend(server.provider(page_size=PAGE, requests_per_second=100).list_window(DAY))
    read_to = caught.value.read_to
    assert read_to is not None
    assert len(server.web.seen) == PAGES_MOST
    before = [item for item in server.all_rows if item["hangup_time"] <= f"{read_to:%Y-%m-%d %H:%M:%S}"]
    assert len(before) >= MOST - PAGES_MOST
    assert set(keys(pages)) >= ids(before)


def test_where_calls_get_denser_than_they_were_less_is_proved_at_once() -> None:
    quiet = [ended(number, number * 100) for number in range(200)]
    rows = quiet + [ended(200 + number, MOST * 100 + number * 30) for number in range(400)]
    server = Dated(sorted(rows, key=lambda item: item["hangup_time"]))
    found, _ = server.read(DAY)
    assert set(found) == ids(rows)
    assert len(server.web.seen) <= 1.4 * len(rows) / PAGE


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_a_list_in_another_order_is_too_wide_after_two_requests(order: str) -> None:
    rows = evenly(600)
    rows = rows[::-1] if order == "reversed" else rows[1::2] + rows[::2]
    rows[0], rows[15] = rows[15], rows[0]
    server = Dated(rows)
    with pytest.raises(TooWide) as caught:
        list(server.provider(page_size=PAGE, requests_per_second=100).list_window(DAY))
    assert caught.value.read_to is None
    assert len(server.web.seen) <= 2


def test_a_second_that_fills_pages_is_read_to_its_end() -> None:
    rows = sorted([*evenly(200), *[ended(1000 + number, 500) for number in range(70)]], key=lambda r: r["hangup_time"])
    found, parts = Dated(rows).read(DAY)
    assert set(found) == ids(rows)
    assert all(isinstance(part, Done) for part in parts)


@pytest.mark.parametrize("at", [2, 4, PAGES_MOST])
@pytest.mark.parametrize("index", [0, 10, 19])
@pytest.mark.parametrize("kind", ["insert", "delete", "twice"])
def test_a_list_that_is_another_meanwhile_proves_nothing(kind: str, index: int, at: int) -> None:
    server = Dated(evenly(1000))

    def move(rows: Rows) -> None:
        if kind == "delete":
            del rows[index]
        else:
            rows.insert(index, rows[index] | ({"dialog_uuid": "new"} if kind == "insert" else {}))

    server.moves[at] = move
    with pytest.raises((TooWide, Drifted)) as caught:
        list(server.provider(page_size=PAGE, requests_per_second=100).list_window(DAY))
    assert getattr(caught.value, "read_to", None) is None


def test_a_row_that_was_read_twice_does_not_stand_for_one_that_was_not_read() -> None:
    server = Dated(evenly(1000))

    def move(rows: Rows) -> None:
        moved = rows.pop(5)
        rows.insert(5, moved | {"dialog_uuid": "new"})
        rows.insert(100, moved | {"hangup_time": rows[100]["hangup_time"]})
        del rows[101]

    server.moves[4] = move
    with pytest.raises(TooWide) as caught:
        list(server.provider(page_size=PAGE, requests_per_second=100).list_window(DAY))
    assert caught.value.read_to is None


def test_after_a_few_failures_it_is_not_tried_again() -> None:
    server = Dated(evenly(1000))
    provider = server.provider(page_size=PAGE, requests_per_second=100)
    for _ in range(TIRED_AFTER):
        server.moves[len(server.web.seen) + 4] = lambda rows: rows.pop(0)
        with pytest.raises(TooWide):
            list(provider.list_window(DAY))
    server.web.seen.clear()
    with pytest.raises(TooWide) as caught:
        list(provider.list_window(DAY))
    assert caught.value.read_to is None
    assert len(server.web.seen) == 2


@pytest.mark.parametrize(("page_s", "requests"), [(LIST_S / 5, 5), (LIST_S / PAGES_LEAST + 1, 1)])
def test_a_list_holds_no_more_pages_than_come_in_its_time(page_s: float, requests: int) -> None:
    server, clock = Dated(evenly(1000)), FakeClock()

    def slow(seen: Seen) -> Reply:
        clock.advance(timedelta(seconds=page_s))
        return server.answer(seen)

    server.web.answer = slow
    settings = SourceSettings("conpeek", "conpeek", BASE, page_size=PAGE)
    provider = make_provider(settings, lambda fresh: {"key": "k"}, clock, server.web.session)
    with pytest.raises(TooWide):
        list(provider.list_window(DAY))
    assert len(server.web.seen) == requests
