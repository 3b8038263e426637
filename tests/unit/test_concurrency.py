"""Steps that run in threads."""

import threading
from collections.abc import Callable

import pytest

from call_lake.concurrency import in_groups, in_threads

TIMEOUT_S = 10.0


def square(number: int) -> int:
    return number * number


def step_that_meets(count: int) -> Callable[[int], int]:
    """A step that ends only when ``count`` of its runs are under way at the same time."""
    meeting = threading.Barrier(count, timeout=TIMEOUT_S)
    return lambda item: (meeting.wait(), item)[1]


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads, count):
    assert in_threads(square, range(count), threads) == [square(item) for item in range(count)]


def test_so_many_steps_run_at_once_as_there_are_threads():
    assert in_threads(step_that_meets(3), [1, 2, 3], 3) == [1, 2, 3]


def test_no_more_steps_run_at_once_than_there_are_threads():
    used = set(in_threads(lambda item: threading.get_ident(), range(50), 2))
    assert len(used) <= 2
    assert threading.get_ident() not in used


@pytest.mark.parametrize(("threads", "items"), [(1, [1, 2, 3]), (8, [1])])
def test_one_thread_or_one_item_needs_no_thread(threads, items):
    assert set(in_threads(lambda item: threading.get_ident(), items, threads)) == {threading.get_ident()}


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_error_by_the_order_of_the_items_is_raised(threads):
    def step(item: int) -> int:
        if item:
            raise ValueError(f"item {item}")
        return item

    with pytest.raises(ValueError, match="item 1"):
        in_threads(step, [0, 1, 2], threads)


def test_after_an_error_no_further_step_begins():
    begun = []
    others_may_go = threading.Event()

    def step(item: int) -> None:
        begun.append(item)
        if item == 0:
            raise ValueError("item 0")
        others_may_go.wait(0.2)

    with pytest.raises(ValueError, match="item 0"):
        in_threads(step, range(100), 2)
    assert len(begun) < 100


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_steps_that_end_soon_are_one_group_in_the_order_of_the_items(threads, count):
    assert list(in_groups(square, range(count), threads, TIMEOUT_S)) == [[square(item) for item in range(count)]]


def test_a_group_does_not_wait_for_a_straggler():
    others_are_known = threading.Event()

    def step(item: int) -> tuple[int, bool]:
        return item, item != 1 or others_are_known.wait(TIMEOUT_S)

    groups = in_groups(step, range(4), 4, 0.01)
    known: list[tuple[int, bool]] = []
    while len(known) < 3:
        known += next(groups)
    others_are_known.set()

    assert sorted(known) == [(0, True), (2, True), (3, True)]
    assert list(groups) == [[(1, True)]]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_error_of_a_step_is_raised_when_its_group_is(threads):
    def step(item: int) -> int:
        if item == 1:
            raise ValueError(f"item {item}")
        return item

    with pytest.raises(ValueError, match="item 1"):
        list(in_groups(step, [0, 1, 2], threads, TIMEOUT_S))
