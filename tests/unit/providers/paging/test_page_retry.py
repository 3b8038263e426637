"""Pages that fail in the middle of a list."""

import pytest

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.providers.paging.by_offset import PATIENCE_S, TRIES, OffsetPager, PageRetry, RawPage
from tests.support.fakes.clock import FakeClock


class Server:
    """``rows`` numbers in pages; answers fail for as long as ``failures`` has any, None being an answer that works."""

    def __init__(self, rows: int, *failures: Transient | None) -> None:
        self.rows, self.failures = list(range(rows)), list(failures)
        self.clock, self.asked = FakeClock(), 0
        self.retry = PageRetry(self.clock)

    def fetch(self, offset: int, limit: int) -> RawPage:
        return self.retry(lambda: self.answer(offset, limit))

    def answer(self, offset: int, limit: int) -> RawPage:
        self.asked += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure:
            raise failure
        return RawPage(self.rows[offset : offset + limit])

    def listed(self) -> list[int]:
        return [row for rows in OffsetPager(10).walk(self.fetch, lambda row: row, may_be_wide=True) for row in rows]


def failure(reason: Reason = Reason.BAD_LISTING, retry_after_s: float | None = None) -> Transient:
    return Transient(reason, "no", retry_after_s=retry_after_s)


def test_a_list_is_read_whole_where_every_second_answer_fails() -> None:
    server = Server(25, *[None, failure()] * 9)
    assert server.listed() == list(range(25))


def test_the_first_page_is_asked_for_once_so_that_an_outage_costs_no_more() -> None:
    server = Server(25, failure())
    with pytest.raises(Transient):
        server.listed()
    assert server.asked == 1


def test_a_page_that_goes_on_failing_ends_the_list() -> None:
    server = Server(25, None, *[failure()] * 9)
    with pytest.raises(Transient):
        server.listed()
    assert server.asked == 1 + TRIES


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (failure(Reason.RATE_LIMITED, 4.0), 4.0),
        (failure(Reason.RATE_LIMITED), 1.0),
        (failure(Reason.HTTP_ERROR, 2.0), 2.0),
        (failure(Reason.HTTP_ERROR), 0.0),
    ],
)
def test_it_waits_as_long_as_the_provider_says(error: Transient, seconds: float) -> None:
    server = Server(25, None, error)
    assert server.listed() == list(range(25))
    assert server.clock.monotonic() == seconds


@pytest.mark.parametrize(
    "error",
    [
        failure(Reason.TIMEOUT),
        failure(Reason.UNAUTHORIZED),
        failure(Reason.RATE_LIMITED, PATIENCE_S + 1),
    ],
)
def test_what_takes_its_time_is_left_to_the_next_poll(error: Transient) -> None:
    server = Server(25, None, error)
    with pytest.raises(Transient):
        server.listed()
    assert server.asked == 2


def test_the_waits_of_one_list_are_limited_together() -> None:
    server = Server(40, *[None, failure(Reason.RATE_LIMITED, PATIENCE_S / 2)] * 9)
    with pytest.raises(Transient):
        server.listed()
    assert server.clock.monotonic() == PATIENCE_S


def test_rows_that_come_and_go_while_a_page_fails_are_noticed() -> None:
    server = Server(15, None, failure())
    pages = OffsetPager(10).walk(server.fetch, lambda row: row, may_be_wide=True)
    assert next(pages) == list(range(10))
    server.rows = [99, *[row for row in server.rows if row != 3]]
    assert next(pages) == list(range(10, 15)), "the overlap is where it was"
    assert 99 in next(pages), "the rows that show it are given"
    with pytest.raises(Drifted):
        next(pages)


def test_a_third_page_may_only_tell_that_the_second_was_the_last() -> None:
    capped = Server(13)
    walk = OffsetPager(20).walk(
        lambda offset, limit: capped.fetch(offset, min(limit, 8)), lambda row: row, may_be_wide=False
    )
    assert [row for rows in walk for row in rows] == list(range(13))
    longer = Server(30)
    with pytest.raises(TooWide):
        list(OffsetPager(20).walk(lambda offset, _: longer.fetch(offset, 8), lambda row: row, may_be_wide=False))
    assert longer.asked == 3
