"""A recording whose audio has another format at every download: one object stands in the end, and the row is its own
(design rule 13)."""

from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.ledger.entry import State
from tests.crash.duos import meetings, two_copiers
from tests.crash.harness import Interleaved, settle, settle_interleaved
from tests.crash.points import Points, undisturbed
from tests.crash.scenes import Changing
from tests.crash.small_world import SmallWorld
from tests.crash.turns import take_turns
from tests.support.fakes import Fault, FaultAt

ONE_OF_EACH = ((), 1, 1, [State.STORED])


def of(run: SmallWorld) -> tuple[tuple[str, ...], int, int, list[str]]:
    """Which format won is no matter; that its object, row and ledger item agree is one."""
    found = run.outcome()
    return found.oddities, len(found.audio), len(found.rows), [state for state, _ in found.ledger.values()]


@pytest.mark.parametrize("fault", Fault, ids=str)
def test_an_attempt_that_breaks_at_any_call_leaves_one_format(points: Points, fault: Fault) -> None:
    _, course = undisturbed(Changing)

    for number in range(1, len(course.log) + 1):
        run, broken = Changing(), FaultAt(number, fault)
        story = settle(run, [broken])
        points.judge(broken, of(run), ONE_OF_EACH, story)

    points.check()


@pytest.mark.parametrize("meanwhile", ["twin", "others"])
def test_another_attempt_at_any_call_leaves_one_format(points: Points, meanwhile: str) -> None:
    _, course = undisturbed(Changing)

    for number, after in [(call.number, False) for call in course.log] + [(number, True) for number in course.ends]:
        run, interleaved = Changing(), Interleaved(number, attrgetter(meanwhile), after=after)
        story = settle_interleaved(run, interleaved)
        points.judge(f"{meanwhile} at {interleaved.struck}", of(run), ONE_OF_EACH, story)

    points.check()


def test_two_copiers_that_stop_for_each_other_at_any_call_leave_one_format(points: Points) -> None:
    for stop, found in meetings(Changing, two_copiers, of):
        points.judge(f"copiers {stop}", found, ONE_OF_EACH)

    points.check()


@settings(max_examples=60)
@given(turns=st.lists(st.booleans(), max_size=40), number=st.integers(1, 40), fault=st.sampled_from(Fault))
def test_two_copiers_in_any_order_of_calls_and_a_fault_leave_one_format(
    turns: list[bool], number: int, fault: Fault
) -> None:
    run = Changing()
    take_turns(run.calls, *two_copiers(run), turns)

    settle(run, [FaultAt(number, fault)])

    assert of(run) == ONE_OF_EACH
