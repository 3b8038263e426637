import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.errors import Drifted, Reason, TooWide, Transient
from call_lake.model.windows import Window
from tests.support.stub_conpeek import BASE, HOUR, NOON, Tenant, make, row
from tests.support.stub_web import Reply, StubWeb, json_reply, keys


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=4),
    st.integers(1, 25),
    st.integers(0, 3),
    st.integers(2, 20),
    st.randoms(use_true_random=False),
)
def test_every_row_of_every_window_is_listed_whatever_the_server_caps(sizes, cap, more, page_size, random):
    server = Tenant([], cap=cap, more=more)
    provider = server.provider(page_size=page_size)
    for n in sizes:
        server.rows = [row(number) for number in range(n)]
        random.shuffle(server.rows)
        found = keys(provider.list_window(HOUR, may_be_wide=True))
        assert sorted(set(found)) == sorted(item["dialog_uuid"] for item in server.rows)


@pytest.mark.parametrize(("rows", "requests"), [(0, 1), (3, 2), (10, 2), (12, 2)])
def test_a_short_page_is_the_end_only_where_one_as_long_as_was_asked_came_before(rows, requests):
    server = Tenant([row(number) for number in range(rows)])
    assert len(keys(server.provider(page_size=10).list_window(HOUR))) == rows
    assert len(server.web.seen) == requests, "three rows may be all that the server gives at once"


@pytest.mark.parametrize("cap", [10, 7])
def test_a_page_larger_than_asked_makes_no_later_page_look_short(cap):
    server = Tenant([row(number) for number in range(3 * cap)], cap=cap, more=4)
    provider = server.provider(page_size=10)
    pages = provider.list_window(HOUR, may_be_wide=True)
    found = keys([next(pages)])
    server.more = 0
    assert len({*found, *keys(pages)}) == 3 * cap
    assert len(set(keys(provider.list_window(HOUR, may_be_wide=True)))) == 3 * cap


def test_a_cap_that_was_met_twice_is_what_is_asked_for():
    server = Tenant([row(number) for number in range(20)], cap=12)
    provider = server.provider(page_size=15)
    for requests in (3, 3, 2):
        server.web.seen.clear()
        assert len(keys(provider.list_window(HOUR))) == 20
        assert len(server.web.seen) == requests
    assert server.web.seen[0].query["limit"] == "12"


@pytest.mark.parametrize("rows", [2, 12])
def test_a_row_that_comes_while_pages_are_read_is_no_cap(rows):
    """Or every later window would be read in pages of two."""
    server = Tenant([row(number) for number in range(rows)])
    provider = server.provider(page_size=15)
    for number in range(3):
        pages = provider.list_window(HOUR, may_be_wide=True)
        next(pages)
        server.rows.append(row(100 + number))
        list(pages)
        del server.rows[-1]
    server.web.seen.clear()
    list(provider.list_window(HOUR))
    assert server.web.seen[0].query["limit"] == "15"


def test_a_window_that_needs_a_fourth_page_is_too_wide_after_its_rows_were_given():
    server = Tenant([row(number) for number in range(30)])
    pages = server.provider(page_size=10).list_window(HOUR)
    found = keys([next(pages), next(pages), next(pages)])
    with pytest.raises(TooWide) as caught:
        next(pages)
    assert caught.value.rows is None
    assert len(found) == 28
    assert server.walked <= 2 * len(found) + 1


def test_one_second_is_paged_to_its_end():
    server = Tenant([row(number) for number in range(30)])
    second = Window(NOON, NOON + timedelta(seconds=1))
    assert len(set(keys(server.provider(page_size=10).list_window(second)))) == 30


def test_rows_that_move_between_pages_are_noticed():
    server = Tenant([row(number) for number in range(15)])
    pages = server.provider(page_size=10).list_window(HOUR)
    next(pages)
    del server.rows[0]
    with pytest.raises(Drifted):
        list(pages)


def test_count_and_success_are_tolerated_and_not_believed():
    server = Tenant([row(number) for number in range(3)], success=True, count=1)
    assert len(keys(server.provider().list_window(HOUR))) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"success": False, "data": []},
        {"success": False, "data": None},
        {"success": False},
        {"data": None, "message": "x"},
        {"data": None, "error": {"code": 5}},
        {"data": {"a": 1}},
        {"data": "none"},
        {"data": None, "count": 3},
        {"data": ["a", None, 7, []]},
        [],
        {"message": "x"},
        {"count": 3},
    ],
)
def test_a_listing_that_is_none_is_transient(body):
    with pytest.raises(Transient) as caught:
        list(make(StubWeb(lambda seen: json_reply(body))).list_window(HOUR))
    assert caught.value.reason is Reason.BAD_LISTING


@pytest.mark.parametrize(
    "body",
    [
        {"data": []},
        {"data": None},
        {"data": {}},
        {},
        {"count": 0},
        {"count": "0"},
        {"data": None, "success": True, "count": 0},
    ],
)
def test_an_empty_window_may_be_written_in_many_ways(body):
    web = StubWeb(lambda seen: json_reply(body))
    assert keys(make(web).list_window(HOUR)) == []
    assert len(web.seen) == 1


def test_no_content_is_an_empty_window():
    assert keys(make(StubWeb(lambda seen: Reply(204))).list_window(HOUR)) == []


@given(st.integers(0, 10**15), st.integers(0, 10**9), st.floats(0, 1))
def test_every_instant_of_a_window_lies_strictly_within_the_seconds_asked_for(after_us, width_us, share):
    server, start = Tenant([]), NOON + timedelta(microseconds=after_us)
    window = Window(start, start + timedelta(microseconds=width_us))
    list(server.provider().list_window(window))
    first, last = (item["value"] for item in json.loads(server.web.seen[0].query["filter"]))
    written = (start + timedelta(microseconds=width_us) * share).strftime("%Y-%m-%d %H:%M:%S")
    assert first < written < last


def test_the_filter_is_the_documented_one():
    server = Tenant([])
    list(server.provider().list_window(HOUR))
    assert server.web.seen[0].url.startswith(f"{BASE}/cdr_dialog_recording?limit=500&offset=0&filter=")
    assert json.loads(server.web.seen[0].query["filter"]) == [
        {"property": "hangup_time", "operator": "gte", "value": "2026-06-01 11:59:59"},
        {"property": "hangup_time", "operator": "lte", "value": "2026-06-01 13:00:01"},
    ]
