"""Each fault of a listing does what its line in the table says."""

import hashlib
from collections import Counter
from datetime import timedelta

import pytest
import requests

from call_lake_local.simulators.faults import FaultPlan
from tests.support.simulators_client import SMALL, WORLD, Client


@pytest.mark.parametrize(
    ("fault", "shows"),
    [
        ("html_listing:1", lambda client: client.thulium().text.startswith("<!DOCTYPE html>")),
        ("error_with_200:1", lambda client: "errors" in client.thulium().json()),
        ("oversized_page", lambda client: len(client.rows(limit=10)) == 17),
        ("strings_for_numbers:1", lambda client: {type(row["duration"]) for row in client.rows()} == {str}),
        ("unknown_fields:1", lambda client: all("x_future_field" in row for row in client.rows())),
        ("newest_first", lambda client: (at := [r["created_at"] for r in client.rows()]) == sorted(at, reverse=True)),
    ],
)
def test_a_listing_has_the_fault(fault, shows):
    client = Client(fault)
    assert client.thulium().status_code == 200
    assert shows(client)


def test_a_listing_may_be_half_a_json_document():
    answer = Client("cut_json:1").thulium()
    assert answer.text.startswith('{"count"')
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_broken_row_breaks_its_page_for_ever_and_no_other():
    client = Client("broken_row:0.02")
    broken, *_ = [t for t in client.simulation.thulium.truth(with_audio=False) if t["fault"] == "broken_row"]
    assert broken["expected"] == "failed"
    alone = [client.thulium(limit=1, offset=n) for n in range(150)]
    at = [answer.status_code for answer in alone].index(500)
    assert [client.thulium(limit=1, offset=at).status_code for _ in range(5)] == [500] * 5
    listed = {answer.json()["result"][0]["filename"] for answer in alone if answer.status_code == 200}
    assert broken["provider_key"] not in listed
    assert len(listed) > 140


def test_unsorted_pages_have_one_lasting_order():
    client = Client("unsorted")
    once, again = ([row["created_at"] for row in client.rows()] for _ in range(2))
    assert once == again != sorted(once)


def test_pages_unsorted_per_request_have_another_order_each_time():
    client = Client("unsorted_per_request", world=SMALL)
    once, again = ([row["filename"] for row in client.rows()] for _ in range(2))
    assert once != again
    assert sorted(once) == sorted(again)


def test_rows_appear_between_the_pages_of_a_read_and_stay():
    client = Client("insert_between_pages:0.2")
    first = client.thulium(limit=50).json()
    second = client.thulium(limit=50, offset=50).json()
    assert first["count"] < second["count"] == 150
    third = client.thulium(limit=50, offset=100).json()
    naive = {row["filename"] for page in (first, second, third) for row in page["result"]}
    assert len(naive) < 150, "a reader that does not look twice misses rows"
    assert client.thulium(limit=50).json()["count"] == 150


def test_rows_vanish_between_the_pages_of_a_read_until_it_was_tried_often_enough():
    client = Client("delete_between_pages:0.2")

    def read():
        pages = [client.rows(limit=50, offset=offset) for offset in (0, 50, 100)]
        return {row["filename"] for page in pages for row in page}

    assert [len(read()) < 150 for _ in range(4)] == [True, True, True, False]
    fresh = Client("delete_between_pages:0.2")
    assert fresh.thulium(limit=50).json()["count"] == 150
    assert 130 < fresh.thulium(limit=50, offset=50).json()["count"] < 150, "a fifth of the 50 that were given is gone"


def test_a_first_page_never_looks_complete_while_rows_are_held_back():
    for limit in range(100, 151, 5):
        rows = Client("insert_between_pages:0.2").conpeek(limit=limit).json()["data"]
        assert len(rows) == limit


def test_rows_that_a_window_holds_on_one_page_never_drift():
    client = Client("insert_between_pages:1,delete_between_pages:1", world=SMALL)
    assert len(client.rows()) == 12


def test_duplicate_rows_are_listed_twice():
    counts = Counter(row["filename"] for row in Client("duplicate_rows:0.3", world=SMALL).rows())
    assert set(counts.values()) == {1, 2}


@pytest.mark.parametrize(("fault", "least_h", "most_h"), [("late", 3, 30), ("very_late", 48, 288)])
def test_late_rows_appear_hours_or_days_after_their_own_time(fault, least_h, most_h):
    client = Client(f"{fault}:0.5")
    catalog = client.simulation.thulium.catalog
    delays = [catalog.available_at(r) - r.available_at for r in WORLD.recordings["thulium"]]
    late = [delay for delay in delays if delay]
    assert 40 < len(late) < 110
    assert timedelta(hours=least_h) <= min(late) <= max(late) <= timedelta(hours=most_h)
    client.clock.set(WORLD.recordings["thulium"][100].available_at)
    listed = client.thulium().json()["count"]
    client.simulation.thulium.plan = FaultPlan()
    assert listed < client.thulium().json()["count"]


def test_a_server_may_give_fewer_rows_than_asked_for():
    client = Client("low_cap")
    assert len(client.rows(limit=100)) == len(client.conpeek(limit=100).json()["data"]) == 37


def test_the_upper_bound_may_be_exclusive():
    client = Client("exclusive_to")
    minute = client.rows()[5]["created_at"]
    assert minute not in {row["created_at"] for row in client.rows(date_to=minute)}


def test_thulium_may_filter_by_call_date():
    client = Client("filter_by_call_date")
    late = max(WORLD.recordings["thulium"], key=lambda r: r.created_at - r.ended_at)
    minute = late.started_at.astimezone(WORLD.zone).strftime("%Y-%m-%d %H:%M")
    assert late.key in {row["filename"] for row in client.rows(date_from=minute, date_to=minute)}


def test_optional_fields_may_be_missing_or_null_but_never_key_and_start():
    for row in Client("missing_optionals:1").rows():
        assert set(row) == {"date", "created_at", "filename", "connection_id"}
    for row in Client("nulls:1").rows():
        assert row["user"] is None
        assert row["filename"]
        assert row["date"]


def test_odd_keys_are_listed_served_and_true():
    client = Client("odd_keys:1")
    truth = {t["provider_key"]: t for t in client.simulation.thulium.truth()}
    keys = {row["filename"] for offset in (0, 100) for row in client.rows(offset=offset)}
    assert keys == set(truth)
    assert any(key.startswith("../../") for key in keys)
    assert any("😀" in key for key in keys)
    assert any('"' in key for key in keys)
    assert max(map(len, keys)) == 1000
    for key in sorted(keys)[::10]:
        assert hashlib.sha256(client.audio(key).content).hexdigest() == truth[key]["sha256"]


def test_rows_without_key_or_start_come_on_top_and_are_no_truth():
    client = Client("no_key:0.05,no_start:0.05")
    rows = [row for offset in (0, 100) for row in client.rows(offset=offset)]
    assert sum("filename" not in row for row in rows) == 8
    assert sum(row["date"] is None for row in rows) == 8
    assert len(client.simulation.thulium.truth(with_audio=False)) == 150
    conpeek = client.conpeek().json()["data"]
    assert sum("dialog_uuid" not in row for row in conpeek) == sum(row["start_time"] is None for row in conpeek) == 8


def test_future_rows_are_listed_today_for_calls_of_next_year():
    client = Client("future_rows:0.05")
    rows = client.rows(date_to="2026-12-31") + client.rows(date_to="2026-12-31", offset=100)
    ahead = [row for row in rows if row["date"] > "2027-10"]
    assert len(ahead) == 8
    assert all(row["created_at"] < "2026-12" for row in ahead)
    assert sum(row["hangup_time"] > "2027-10" for row in client.conpeek().json()["data"]) == 8


def test_a_record_may_point_to_another_host_or_to_a_link_local_address():
    urls = [row["recording_url"] for row in Client("url_foreign:0.3,url_link_local:0.3").conpeek().json()["data"]]
    hosts = Counter(url.split("/")[2] for url in urls)
    assert set(hosts) == {"conpeek.sim", "foreign.sim", "169.254.169.254"}
    assert min(hosts.values()) > 20


def test_the_first_link_of_a_record_has_expired_and_the_next_one_works():
    client = Client("expired_link:0.5")
    first, second = ([row["recording_url"] for row in client.conpeek().json()["data"]] for _ in range(2))

    def statuses(urls):
        return [client.session.get(url, headers={"Authorization": "fake-key"}).status_code for url in urls]

    met = [url.endswith("?link=0") for url in first]
    assert 0 < sum(met) < len(met)
    assert statuses(first) == [403 if is_met else 200 for is_met in met]
    assert set(statuses(second)) == {200}
    assert {t["expected"] for t in client.simulation.conpeek.truth(with_audio=False)} == {"stored"}


def test_the_truth_knows_which_records_lead_elsewhere_and_that_thulium_has_no_urls():
    client = Client("url_foreign:0.3,url_link_local:0.3")
    expected = {t["provider_key"]: t["expected"] for t in client.simulation.conpeek.truth(with_audio=False)}
    for row in client.conpeek().json()["data"]:
        host = row["recording_url"].split("/")[2]
        by_host = {"foreign.sim": "if_foreign_host_allowed", "169.254.169.254": "failed", "conpeek.sim": "stored"}
        assert expected[row["dialog_uuid"]] == by_host[host]
    assert {t["expected"] for t in client.simulation.thulium.truth(with_audio=False)} == {"stored"}
