"""Servers whose offset leads nowhere, and whose count is no count: every row is read, in few requests (rule 3)."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.model.windows import Window
from call_lake.polling.window_reader import Hole, read_forward
from call_lake.providers.paging.by_offset import ROWS_MOST, SMALLEST_CAP, OffsetPager, RawPage
from tests.support import stub_conpeek, stub_thulium
from tests.support.fakes import FakeClock, World
from tests.support.pipeline import Pipeline
from tests.support.stub_web import Reply, Seen, StubWeb, json_reply, keys

WARSAW = ZoneInfo("Europe/Warsaw")
START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
STUBS: dict[str, Any] = {"thulium": stub_thulium, "conpeek": stub_conpeek}

type Rows = list[dict[str, Any]]

PAGES: dict[str, Callable[[Rows, int, int], Rows]] = {
    "as asked": lambda rows, offset, limit: rows[offset : offset + limit],
    "the last row again": lambda rows, offset, limit: rows[offset : offset + limit] or rows[-1:],
    "the last page again": lambda rows, offset, limit: rows[offset : offset + limit] or rows[-limit:],
    "the offset is ignored": lambda rows, offset, limit: rows[:limit],
    "the last full page": lambda rows, offset, limit: rows[min(offset, max(len(rows) - limit, 0)) :][:limit],
    "from the start again": lambda rows, offset, limit: (rows * 2)[offset % max(len(rows), 1) :][:limit],
}
COUNTS: dict[str, Callable[[Rows, Rows, int, int], int | None]] = {
    "none": lambda all_rows, page, offset, limit: None,
    "right": lambda all_rows, page, offset, limit: len(all_rows),
    "of the page": lambda all_rows, page, offset, limit: len(page),
    "up to the page's end": lambda all_rows, page, offset, limit: offset + len(page),
    "the limit": lambda all_rows, page, offset, limit: limit,
    "one too many": lambda all_rows, page, offset, limit: len(all_rows) + 1,
    "one too few": lambda all_rows, page, offset, limit: max(len(all_rows) - 1, 0),
    "of the whole account": lambda all_rows, page, offset, limit: 5_000,
}


class Odd:
    """An account of ``n`` calls, evenly spread over the day or all at noon, that pages and counts as it likes."""

    def __init__(
        self, kind: str, n: int, page: str = "as asked", count: str = "none", cap: int = 500, *, at_noon: bool = False
    ) -> None:
        self.kind, self.page_of, self.count_of, self.cap = kind, PAGES[page], COUNTS[count], cap
        self.rows = [self._row(number, 0.5 if at_noon else (number + 0.5) / n) for number in range(n)]
        self.web = StubWeb(self.answer)
        self.provider = STUBS[kind].make(self.web, requests_per_second=1e6)

    def _row(self, number: int, share: float) -> dict[str, Any]:
        moment = START + share * timedelta(days=1)
        if self.kind == "thulium":
            return stub_thulium.row(number, created_at=moment.astimezone(WARSAW).strftime("%Y-%m-%d %H:%M"))
        return stub_conpeek.row(number, hangup_time=moment.strftime("%Y-%m-%d %H:%M:%S"))

    def answer(self, seen: Seen) -> Reply:
        query, field = seen.query, "created_at" if self.kind == "thulium" else "hangup_time"
        if self.kind == "thulium":
            first, last = query["date_from"], query["date_to"]
        else:
            first, last = (item["value"] for item in json.loads(query["filter"]))
        inside = [row for row in self.rows if first <= row[field] <= last]
        offset, limit = int(query["offset"]), min(int(query["limit"]), self.cap)
        page = self.page_of(inside, offset, limit)
        count = self.count_of(inside, page, offset, limit)
        body = {"result" if self.kind == "thulium" else "data": page}
        return json_reply(body | ({} if count is None else {"count": count}))

    @property
    def names(self) -> set[str]:
        return {row["filename" if self.kind == "thulium" else "dialog_uuid"] for row in self.rows}

    def read(self, window: Window = DAY) -> tuple[set[str], int, int]:
        """What is found, how many holes there are, and how many requests that takes."""
        before, found = len(self.web.seen), set[str]()
        parts = read_forward(
            self.provider, window, lambda page: found.update(keys([page])),
            rows_per_window=self.provider.rows_per_window, clock=FakeClock(), until_s=inf,
        )  # fmt: skip
        holes = sum(isinstance(part, Hole) for part in parts)
        return found, holes, len(self.web.seen) - before


@pytest.mark.parametrize("kind", STUBS)
@pytest.mark.parametrize("page", PAGES)
def test_one_call_is_a_handful_of_requests_wherever_the_offset_leads(kind: str, page: str) -> None:
    server = Odd(kind, 1, page)
    assert server.read() == (server.names, 0, 2)


@pytest.mark.parametrize("kind", STUBS)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("n", "requests"), [(0, 1), (5, 2), (12, 8), (150, 12), (700, 60)])
def test_every_call_is_read_wherever_the_offset_leads(kind: str, page: str, n: int, requests: int) -> None:
    server = Odd(kind, n, page)
    for _ in range(2):
        found, holes, asked = server.read()
        assert (found, holes) == (server.names, 0)
        assert asked <= requests


@pytest.mark.parametrize("kind", STUBS)
@pytest.mark.parametrize("page", ["the last row again", "the offset is ignored"])
def test_a_poll_a_sweep_and_a_backfill_of_one_call_are_a_handful_of_requests_each(
    world: World, kind: str, page: str
) -> None:
    server = Odd(kind, 1, page)
    world.clock.advance(DAY.end - world.clock.now())
    pipeline = Pipeline(world, {kind: server.provider})
    polls = [
        pipeline.poll(kind),
        pipeline.poll(kind, sweep=True, backfill=Window(START - timedelta(days=30), DAY.end)),
    ]
    assert sum(poll.published for poll in polls) == 1
    assert [poll.trouble for poll in polls] == [None, None]
    assert all(poll.caught_up for poll in polls)
    assert len(server.web.seen) <= 12


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("page", ["as asked", "the last row again", "the offset is ignored"])
@pytest.mark.parametrize("n", [1, 30, 150, 250])
def test_every_call_is_read_whatever_is_counted(count: str, page: str, n: int) -> None:
    server = Odd("thulium", n, page, count, cap=100)
    for _ in range(2):
        found, holes, asked = server.read()
        assert (found, holes) == (server.names, 0)
        assert asked <= (100 if count == "of the whole account" else 35)


@pytest.mark.parametrize("count", ["of the page", "up to the page's end", "the limit"])
@pytest.mark.parametrize("cap", [100, 60, 37])
def test_the_count_of_a_page_hides_nothing_behind_it(count: str, cap: int) -> None:
    server = Odd("thulium", 250, count=count, cap=cap)
    assert set(keys(server.provider.list_window(DAY, may_be_wide=True))) == server.names


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 260),
    st.integers(SMALLEST_CAP, 120),
    st.sampled_from(sorted(set(COUNTS) - {"of the whole account"})),
    st.sampled_from(["as asked", "the last row again", "the last page again", "from the start again"]),
    st.booleans(),
)
def test_every_call_of_any_account_is_read(n: int, cap: int, count: str, page: str, at_noon: bool) -> None:
    server = Odd("thulium", n, page, count, cap, at_noon=at_noon)
    assert server.read()[0] == server.names


@pytest.mark.parametrize("n", [0, 3, 9, 50, 99])
def test_a_window_of_one_short_page_costs_no_second_request(n: int) -> None:
    server = Odd("thulium", 100, count="right", cap=100)
    server.read()
    del server.rows[n:]
    assert server.read() == (server.names, 0, 1)


@pytest.mark.parametrize("n", [1, 5, 30, 102, 150])
@pytest.mark.parametrize("count", ["one too many", "one too few"])
def test_a_list_that_is_read_twice_with_the_same_rows_and_wrong_count_is_whole(n: int, count: str) -> None:
    server = Odd("thulium", n, count=count, cap=100)
    with pytest.raises(Drifted):
        list(server.provider.list_window(DAY, may_be_wide=True))
    assert set(keys(server.provider.list_window(DAY, may_be_wide=True))) == server.names


def test_a_count_that_is_no_count_of_the_list_at_all_is_not_asked_again() -> None:
    server = Odd("thulium", 250, count="of the whole account", cap=100)
    server.read()
    found, holes, asked = server.read()
    assert (found, holes) == (server.names, 0)
    assert asked <= 10


@pytest.mark.parametrize("change", ["other rows", "other count"])
def test_a_wrong_count_that_changes_between_two_readings_is_drift(change: str) -> None:
    server = Odd("thulium", 30, count="one too many", cap=100)
    with pytest.raises(Drifted):
        list(server.provider.list_window(DAY, may_be_wide=True))
    if change == "other rows":
        server.rows[7] |= {"filename": "another.wav"}
    else:
        server.count_of = lambda all_rows, page, offset, limit: 32
    with pytest.raises(Drifted):
        list(server.provider.list_window(DAY, may_be_wide=True))


def test_a_page_that_comes_at_every_offset_and_may_not_be_all_is_split_and_says_how_many_fit() -> None:
    server = Odd("conpeek", 30, "the offset is ignored")
    with pytest.raises(TooWide) as caught:
        list(server.provider.list_window(DAY))
    assert caught.value.fits == 15
    assert len(server.web.seen) == 2


def test_where_it_cannot_be_split_the_reason_is_clear() -> None:
    server = Odd("conpeek", 30, "the offset is ignored")
    with pytest.raises(Transient, match="ignores the offset: it gives the same 30 rows again") as caught:
        list(server.provider.list_window(DAY, may_be_wide=True))
    assert caught.value.reason is Reason.BAD_LISTING


def test_a_capped_page_that_counts_itself_and_comes_at_every_offset_hides_nothing() -> None:
    server = Odd("thulium", 250, "the offset is ignored", "of the page", cap=100)
    with pytest.raises(TooWide):
        list(server.provider.list_window(DAY))


def test_rows_that_moved_onto_known_ones_are_still_drift() -> None:
    """The page brings nothing new, and is not where it was: a row came before it, which no page showed."""
    listed = [list("abcdefghijkl"), list("xabcdefghijkl")]

    def fetch(offset: int, limit: int) -> RawPage:
        rows = listed.pop(0)
        return RawPage(rows[offset : offset + min(limit, 12)])

    with pytest.raises(Drifted):
        list(OffsetPager(20).walk(fetch, str, may_be_wide=True))


def test_rows_without_a_key_are_told_apart_by_what_they_hold() -> None:
    rows = [{"n": [number]} for number in range(35)]
    pages = OffsetPager(10).walk(
        lambda offset, limit: RawPage(rows[offset : offset + limit]), lambda row: row, may_be_wide=True
    )
    assert [row for page in pages for row in page] == rows


def twice(rows: Rows) -> Rows:
    return [row for one in rows for row in (one, one)]


@pytest.mark.parametrize("count", ["of the page", "up to the page's end", "the limit", "one too few", "none"])
@pytest.mark.parametrize("cap", [10, 11, 37])
@pytest.mark.parametrize("n", [2, 9, 10, 50])
def test_a_server_that_gives_few_rows_at_once_hides_none(n: int, cap: int, count: str) -> None:
    server = Odd("thulium", n, count=count, cap=cap)
    for _ in range(2):
        assert server.read()[:2] == (server.names, 0)


@pytest.mark.parametrize("cap", [11, 50, 500])
def test_a_server_that_gives_one_row_less_than_is_asked_for_hides_none(cap: int) -> None:
    server = Odd("thulium", 150, count="of the page", cap=cap, at_noon=True)
    server.page_of = lambda rows, offset, limit: rows[offset : offset + limit - 1]
    for _ in range(3):
        assert server.read()[0] == server.names


@pytest.mark.parametrize("n", [21, 22, 199, 200])
def test_a_count_that_is_one_too_few_hides_no_row_behind_a_full_page(n: int) -> None:
    server = Odd("thulium", n, count="one too few", cap=(n + 1) // 2)
    with suppress(Drifted):
        list(server.provider.list_window(DAY, may_be_wide=True))
    assert set(keys(server.provider.list_window(DAY, may_be_wide=True))) == server.names


@pytest.mark.parametrize("kind", STUBS)
@pytest.mark.parametrize("n", [3, 10, 40])
def test_calls_that_come_twice_in_a_page_are_no_hole_for_ever(kind: str, n: int) -> None:
    """The page has twice the rows, so the next offset lies behind the end, where the page is empty."""
    server = Odd(kind, n)
    server.page_of = lambda rows, offset, limit: twice(rows[offset : offset + limit])
    server.read()
    found, holes, asked = server.read()
    assert (found, holes) == (server.names, 0)
    assert asked <= 20


def test_an_empty_page_behind_one_that_may_be_full_is_drift() -> None:
    server = Odd("conpeek", 30, cap=20)
    server.page_of = lambda rows, offset, limit: [] if offset else rows[:limit]
    for _ in range(3):
        with pytest.raises(Drifted):
            list(server.provider.list_window(DAY, may_be_wide=True))


def test_a_count_that_grows_at_every_request_and_is_not_that_of_the_list_keeps_no_window_open() -> None:
    server = Odd("thulium", 30, cap=100)
    server.count_of = lambda all_rows, page, offset, limit: 5_000 + len(server.web.seen)
    for _ in range(2):
        found, holes, _ = server.read()
        assert (found, holes) == (server.names, 0)
    assert server.read()[2] <= 10


@pytest.mark.parametrize("count", [10**6, 10**18])
def test_an_absurd_count_does_not_cut_a_day_into_minutes(count: int) -> None:
    server = Odd("thulium", 250, cap=100)
    server.count_of = lambda all_rows, page, offset, limit: count
    found, holes, asked = server.read()
    assert (found, holes) == (server.names, 0)
    assert asked <= 100


def test_a_page_far_longer_than_any_that_is_asked_for_is_refused() -> None:
    assert len(RawPage([{}] * ROWS_MOST).rows) == ROWS_MOST
    with pytest.raises(Transient, match="a page of 10001 rows") as caught:
        RawPage([{}] * (ROWS_MOST + 1))
    assert caught.value.reason is Reason.BAD_LISTING
