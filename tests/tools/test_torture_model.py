"""The torture test's judge knows every way in which a reader can be wrong, and forgives only what nobody promised."""

from dataclasses import replace

import pytest

from tests.torture.model import NEVER, Committed, Erased, History, QuerySeen, as_json, from_json

DAY = "source=thulium/call_date=2026-10-20"
GRACE_S = 4.0
QUERY = QuerySeen("duckdb", DAY, before=100, after=110, read_s=0.1, rows=[("a", 1)])


def kinds(seen: QuerySeen, *notes: Committed | Erased) -> list[str]:
    history = History(
        [note for note in notes if isinstance(note, Committed)], [note for note in notes if isinstance(note, Erased)]
    )
    return [anomaly.kind for anomaly in history.anomalies(seen, GRACE_S)]


def test_a_row_promised_before_the_query_planned_has_to_be_seen():
    assert kinds(replace(QUERY, rows=[]), Committed(DAY, {"a": 1}, done=99)) == ["missing"]


@pytest.mark.parametrize("rows", [[], [("a", 1)]])
def test_a_row_promised_while_it_planned_may_be_seen_or_not(rows):
    assert kinds(replace(QUERY, rows=rows), Committed(DAY, {"a": 1}, done=105)) == []


def test_a_row_of_another_partition_is_not_expected():
    assert kinds(replace(QUERY, rows=[]), Committed("source=thulium/call_date=2026-10-19", {"a": 1}, done=99)) == []


def test_a_row_seen_twice_is_wrong():
    assert kinds(replace(QUERY, rows=[("a", 1), ("a", 1)])) == ["twice"]


def test_a_row_older_than_the_newest_promised_version_is_wrong():
    assert kinds(QUERY, Committed(DAY, {"a": 2}, done=98), Committed(DAY, {"a": 1}, done=99)) == ["stale"]


def test_an_erased_row_that_is_seen_is_wrong():
    assert kinds(QUERY, Committed(DAY, {"a": 1}, done=90), Erased(DAY, "a", begun=91, done=99)) == ["risen"]


@pytest.mark.parametrize("rows", [[], [("a", 1)]])
def test_a_row_that_is_being_erased_may_be_seen_or_not(rows):
    assert kinds(replace(QUERY, rows=rows), Committed(DAY, {"a": 1}, done=90), Erased(DAY, "a", 91, 105)) == []


def test_a_row_erased_after_the_query_planned_has_to_be_seen():
    assert kinds(replace(QUERY, rows=[]), Committed(DAY, {"a": 1}, 90), Erased(DAY, "a", 111, 120)) == ["missing"]


def test_a_row_that_is_erased_a_second_time_is_gone_since_the_first():
    first, second = Erased(DAY, "a", 91, 99), Erased(DAY, "a", 111, 120)
    assert kinds(replace(QUERY, rows=[]), Committed(DAY, {"a": 1}, 90), first, second) == []
    assert kinds(QUERY, Committed(DAY, {"a": 1}, 90), first, second) == ["risen"]


def test_a_row_whose_erasure_gave_up_may_be_seen_or_not():
    erased = Erased(DAY, "a", 91, NEVER)
    assert kinds(QUERY, Committed(DAY, {"a": 1}, 90), erased) == []
    assert kinds(replace(QUERY, rows=[]), Committed(DAY, {"a": 1}, 90), erased) == []


def test_an_error_within_the_grace_is_wrong_and_a_later_one_is_not():
    failed = replace(QUERY, rows=None, error="FileNotFoundError")
    assert kinds(failed) == ["error"]
    assert kinds(replace(failed, read_s=GRACE_S)) == []


@pytest.mark.parametrize("note", [QUERY, Committed(DAY, {"a": 1}, 90), Erased(DAY, "a", 91, 99)])
def test_notes_are_read_as_they_were_written(note):
    assert from_json(as_json(note)) == note
