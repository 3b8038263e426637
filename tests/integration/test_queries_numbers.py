"""What the named queries about callers answer, through Athena's API, on rows of which the answer is known."""

import pytest

from call_lake.model.table import Row
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import answer, call

# -- missed follow-ups

MISS = call("2026-10-20 10:00", caller="+48 000 000 111", talk_s=4.0)
MISSED_AT = "2026-10-20 08:00:00.000"


def test_a_short_inbound_call_after_which_nobody_speaks_to_the_caller_is_missed(lake: Lake) -> None:
    found = answer(lake, "missed-follow-ups", MISS, call("2026-10-20 12:00", caller="000000222", talk_s=300.0))
    assert found == [("000000111", "1", MISSED_AT, MISSED_AT, None)]


@pytest.mark.parametrize(
    "later",
    [
        call("2026-10-21 09:59", direction="outbound", callee="000000111", talk_s=30.0),
        call("2026-10-20 10:05", caller="0048000000111", talk_s=200.0),
        call("2026-10-20 10:05", source="conpeek", caller="000000111", talk_s=200.0),
    ],
    ids=["called back", "called again", "over the other source"],
)
def test_a_caller_that_was_spoken_to_within_a_day_is_not_missed(lake: Lake, later: Row) -> None:
    assert answer(lake, "missed-follow-ups", MISS, later) == []


@pytest.mark.parametrize("order", [1, -1], ids=["by id first the miss", "by id first the talk"])
def test_of_calls_that_start_in_the_same_minute_the_long_one_is_the_follow_up(lake: Lake, order: int) -> None:
    talk = call("2026-10-20 10:00", caller="000000111", talk_s=300.0)
    assert answer(lake, "missed-follow-ups", *[MISS, talk][::order]) == []


@pytest.mark.parametrize(
    ("other", "spoken_later_at"),
    [
        (call("2026-10-21 10:01", direction="outbound", callee="000000111", talk_s=90.0), "2026-10-21 08:01:00.000"),
        (call("2026-10-20 10:30", direction="outbound", callee="000000111", talk_s=3.0), None),
        (call("2026-10-20 10:30", direction="outbound", callee="000000111"), None),
        (call("2026-10-20 09:30", caller="000000111", talk_s=90.0), None),
    ],
    ids=["too late", "not reached", "talk time unknown", "spoken to before"],
)
def test_a_caller_that_was_not_spoken_to_in_time_stays_missed(
    lake: Lake, other: Row, spoken_later_at: str | None
) -> None:
    assert answer(lake, "missed-follow-ups", MISS, other) == [("000000111", "1", MISSED_AT, MISSED_AT, spoken_later_at)]


def test_misses_are_one_line_per_number_the_latest_first(lake: Lake) -> None:
    found = answer(
        lake,
        "missed-follow-ups",
        MISS,
        call("2026-10-22 10:00", caller="000000111"),
        call("2026-10-21 10:00", caller="000000222", talk_s=29.9),
    )
    assert [row[:2] for row in found] == [("000000111", "2"), ("000000222", "1")]


@pytest.mark.parametrize(
    "row",
    [
        call("2026-10-20 10:00", caller="000000111", talk_s=30.0),
        call("2026-10-20 10:00", callee="000000111", direction="outbound", talk_s=1.0),
        call("2026-10-29 10:00", caller="000000111", talk_s=1.0),
        call("2026-10-20 10:00", caller="anonymous", talk_s=1.0),
    ],
    ids=["long", "outbound", "not over yet", "no number"],
)
def test_what_is_no_miss(lake: Lake, row: Row) -> None:
    assert answer(lake, "missed-follow-ups", row) == []


def test_what_is_short_and_what_is_in_time_can_be_edited(lake: Lake) -> None:
    later = call("2026-10-20 12:00", direction="outbound", callee="000000111", talk_s=90.0)
    assert len(answer(lake, "missed-follow-ups", MISS, later, within_hours="1")) == 1
    assert answer(lake, "missed-follow-ups", MISS, short_s="4") == []


# -- repeat callers, one number


def test_repeat_callers_are_numbers_however_they_are_written(lake: Lake) -> None:
    found = answer(
        lake,
        "repeat-callers",
        call("2026-10-19 08:00", caller="000000111", agent="Ewa", talk_s=60.0),
        call("2026-10-19 09:00", caller="+48000000111", agent="Jan", talk_s=30.0),
        call("2026-10-20 09:00", caller="48 000-000-111", agent="Jan"),
        call("2026-10-20 10:00", caller="000000222"),
        call("2026-10-20 11:00", caller="000000222"),
        call("2026-10-20 12:00", callee="000000222", direction="outbound"),
        *(call(f"2026-10-20 1{n}:30", caller="anonymous") for n in range(4)),
    )
    assert found == [("000000111", "3", "2", "2", "1.5", "2026-10-19 06:00:00.000", "2026-10-20 07:00:00.000")]


def test_how_many_calls_make_a_repeat_caller_can_be_edited(lake: Lake) -> None:
    rows = [call(f"2026-10-19 0{n}:00", caller="000000111") for n in range(2)]
    assert len(answer(lake, "repeat-callers", *rows, at_least_calls="2")) == 1


def test_one_numbers_calls_are_found_in_both_directions_and_however_it_is_written(lake: Lake) -> None:
    found = answer(
        lake,
        "calls-of-one-number",
        call("2026-10-19 08:00", caller="000000111", callee="500"),
        call("2026-10-20 08:00", caller="500", callee="0048000000111", direction="outbound"),
        call("2026-10-20 09:00", caller="000000112", callee="500"),
        call("2026-10-20 10:00", caller=None, callee=None),
        number="'(+48) 000-000-111'",
    )
    assert [row[:5] for row in found] == [
        ("2026-10-20 08:00:00", "thulium", "outbound", "500", "0048000000111"),
        ("2026-10-19 08:00:00", "thulium", "inbound", "000000111", "500"),
    ]


def test_one_numbers_calls_are_listed_in_their_order_through_the_hour_that_comes_twice(lake: Lake) -> None:
    first = call("2026-10-25 02:30", caller="000000111", agent="before the clocks went back")
    second = call("2026-10-25 02:10", caller="000000111", agent="after", started_at="2026-10-25T01:10:00.000Z")
    found = answer(lake, "calls-of-one-number", first, second, number="'000000111'")
    assert [(row[0], row[5]) for row in found] == [
        ("2026-10-25 02:10:00", "after"),
        ("2026-10-25 02:30:00", "before the clocks went back"),
    ]
