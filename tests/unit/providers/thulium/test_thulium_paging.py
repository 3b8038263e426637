from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import Drifted, TooWide
from call_lake.model.windows import Window
from call_lake.providers.thulium.description import VENDOR
from tests.support.stub_thulium import HOUR, NOON, Tenant, row
from tests.support.stub_web import keys


@settings(max_examples=50)
@given(
    st.integers(0, 199),
    st.integers(1, VENDOR.page_size),
    st.integers(0, 7),
    st.sampled_from([..., None]),
    st.randoms(use_true_random=False),
)
def test_every_row_is_listed_whatever_the_order_and_the_size_of_pages(n, cap, more, count, random):
    rows = [row(number) for number in range(n)]
    random.shuffle(rows)
    server = Tenant(rows, cap=cap, more=more, count=count)
    found = keys(server.provider().list_window(HOUR, may_be_wide=True))
    assert sorted(found) == sorted(item["filename"] for item in rows)


@pytest.mark.parametrize(("n", "requests"), [(0, 1), (1, 1), (9, 1), (10, 2), (99, 2), (100, 2)])
def test_a_window_of_one_page_is_one_request_unless_the_page_may_be_all_that_the_server_gives_at_once(n, requests):
    server = Tenant([row(number) for number in range(n)])
    assert len(keys(server.provider().list_window(HOUR))) == n
    assert len(server.web.seen) == requests


@pytest.mark.parametrize("n", [101, 150, 198])
def test_two_pages_are_read_at_no_more_than_two_rows_walked_for_each_returned(n):
    server = Tenant([row(number) for number in range(n)])
    assert len(keys(server.provider().list_window(HOUR))) == n
    assert server.walked <= 2 * n


def test_a_window_that_needs_a_third_page_is_too_wide_after_its_first_page_was_given():
    server = Tenant([row(number) for number in range(200)])
    pages = server.provider().list_window(HOUR)
    assert len(keys([next(pages)])) == VENDOR.page_size
    with pytest.raises(TooWide) as caught:
        next(pages)
    assert caught.value.rows == 200
    assert len(server.web.seen) == 1


@pytest.mark.parametrize(
    "window",
    [
        Window(NOON, NOON),
        Window(NOON, NOON + timedelta(minutes=1)),
        Window(datetime(2026, 10, 25, 0, 10, tzinfo=UTC), datetime(2026, 10, 25, 1, 50, tzinfo=UTC)),
    ],
)
def test_a_window_whose_halves_would_ask_for_the_same_is_paged_to_its_end(window):
    server = Tenant([row(number) for number in range(450)])
    assert len(set(keys(server.provider().list_window(window)))) == 450


@pytest.mark.parametrize("count", ["150", 150.0])
def test_a_count_may_be_text(count):
    server = Tenant([row(number) for number in range(150)], count=count)
    assert len(keys(server.provider().list_window(HOUR))) == 150


@pytest.mark.parametrize("change", ["insert", "delete", "replace"])
def test_rows_that_move_between_pages_are_noticed(change):
    server = Tenant([row(number) for number in range(150)])
    pages = server.provider().list_window(HOUR)
    found = keys([next(pages)])
    if change == "insert":
        server.rows.insert(3, row(900))
    else:
        del server.rows[3]
    if change == "replace":
        server.rows.append(row(901))  # the count stays the same
    found += keys([next(pages)])
    with pytest.raises(Drifted):
        next(pages)
    assert row(149)["filename"] in found, "rows of the page that shows the drift are given"


@pytest.mark.parametrize("count", [151, 149, 1])
def test_a_count_that_the_rows_do_not_fit_is_drift(count):
    server = Tenant([row(number) for number in range(150)], count=count)
    with pytest.raises(Drifted):
        list(server.provider().list_window(HOUR, may_be_wide=True))
