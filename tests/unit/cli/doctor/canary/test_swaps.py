"""Swaps under queries: a torn answer is told from a whole one, and nobody waits for what has ended."""

import threading

import pytest

from call_lake_cli.doctor.canary.swaps import QUERIES_AT_ONCE, SWAP_EVERY_S, Counted, Swapped, swap_and_ask, verdict
from call_lake_cli.doctor.checks import Check, Level
from call_lake_cli.stack.athena import QueryFailed
from tests.support.fakes import FakeClock


def judged(*answers: Counted, failed: tuple[str, ...] = ()) -> Check:
    (check,) = verdict("swaps", Swapped(20, 19, list(answers), list(failed)))
    return check


def test_answers_of_one_commit_each_are_right() -> None:
    check = judged(Counted(1, 1, 1, 1, 1), Counted(1, 3, 3, 3, 4), Counted(20, 20, 20, 20, 20))

    assert check.level is Level.OK
    assert check.found == "3 answers over 19 swaps, each of them one commit's rows"


@pytest.mark.parametrize(
    "torn",
    [
        Counted(2, 1, 1, 1, 3),  # a row that was committed before the question
        Counted(2, 4, 4, 4, 3),  # one that was not committed yet
        Counted(2, 3, 2, 2, 3),  # a file and the one that replaced it
        Counted(2, 2, 2, 3, 3),  # the newest row without one before it
        Counted(2, 0, 0, 0, 3),  # between two manifests
    ],
)
def test_an_answer_that_no_commit_made_is_a_failure(torn: Counted) -> None:
    check = judged(Counted(1, 1, 1, 1, 1), torn)

    assert check.level is Level.FAIL
    assert "1 of 2 answers" in check.found


def test_a_query_that_failed_meanwhile_is_a_failure() -> None:
    check = judged(Counted(1, 1, 1, 1, 1), failed=("HIVE_CANNOT_OPEN_SPLIT: gone",))

    assert check.level is Level.FAIL
    assert "1 of 2 queries failed meanwhile: HIVE_CANNOT_OPEN_SPLIT" in check.found


class Rows:
    """As many rows as were committed; ``on_ask`` happens at each question."""

    def __init__(self) -> None:
        self.number = 3
        self.asking = threading.Barrier(5, timeout=10)

    def commit(self, number: int) -> None:
        assert number == self.number + 1
        self.number = number

    def count(self) -> tuple[int, int, float]:
        seen = self.number
        return seen, seen, seen


def test_it_swaps_for_a_minute_and_every_answer_is_whole() -> None:
    clock, rows = FakeClock(), Rows()

    seen = swap_and_ask(rows.commit, rows.count, 3, clock, 60)

    assert clock.monotonic() == 60
    assert seen.swaps == 60 / SWAP_EVERY_S == rows.number - 3
    assert (seen.last, len(seen.answers) >= QUERIES_AT_ONCE) == (rows.number, True)
    assert next(iter(verdict("swaps", seen))).level is Level.OK


def test_five_queries_run_at_once() -> None:
    """Each question waits until all five are asked; one query after the other would never get there."""
    rows = Rows()

    def count() -> tuple[int, int, float]:
        rows.asking.wait()
        return rows.count()

    assert len(swap_and_ask(rows.commit, count, 3, FakeClock(), 0).answers) == QUERIES_AT_ONCE


def test_a_commit_that_fails_is_raised_and_ends_it() -> None:
    clock = FakeClock()

    def commit(number: int) -> None:
        if number == 5:
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        swap_and_ask(commit, lambda: (1, 1, 1), 1, clock, 60)
    assert clock.monotonic() < 60


def test_a_question_that_cannot_be_asked_is_raised_and_ends_it() -> None:
    """The clock stands still, so the swaps would go on forever."""
    clock = FakeClock()
    clock.sleep = lambda seconds: None  # type: ignore[method-assign]

    def count() -> tuple[int, int, float]:
        raise RuntimeError("no network")

    with pytest.raises(RuntimeError, match="no network"):
        swap_and_ask(lambda number: None, count, 1, clock, 60)


def test_a_query_that_athena_fails_does_not_end_it() -> None:
    rows, clock = Rows(), FakeClock()

    def count() -> tuple[int, int, float]:
        raise QueryFailed("HIVE_CANNOT_OPEN_SPLIT")

    seen = swap_and_ask(rows.commit, count, 3, clock, 2)

    assert (seen.swaps, seen.answers) == (2, [])
    assert len(seen.failed) >= QUERIES_AT_ONCE
