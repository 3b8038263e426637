"""Audio that the bucket deletes by its own rule: however the copier breaks, it becomes EXPIRED once, with one row that
says so, and is never fetched again (ADR 0010)."""

import pytest

from call_lake.ledger.entry import State
from tests.crash.duos import stops, together, two_copiers_of_what_expired
from tests.crash.harness import Interleaved, settle, settle_interleaved
from tests.crash.outcome import Outcome
from tests.crash.points import Points, undisturbed
from tests.crash.scenes import Passing
from tests.support.fakes import Fault, FaultAt


def test_the_undisturbed_world_ends_with_rows_that_name_no_audio() -> None:
    outcome, course = undisturbed(Passing)

    assert [state for state, _ in outcome.ledger.values()] == [State.EXPIRED] * 2
    assert len(outcome.rows) == 2
    assert all("audio_uri=None" in row for row in outcome.rows.values())
    assert not outcome.audio
    assert not outcome.oddities
    assert sum(call.method == "audio" for call in course.log) == 2


@pytest.mark.parametrize("fault", Fault, ids=str)
def test_any_fault_at_any_call_changes_nothing_in_the_end(points: Points, fault: Fault) -> None:
    expected, course = undisturbed(Passing)

    for number in range(1, len(course.log) + 1):
        same = course.same_as(number, fault)
        if same != (number, fault):
            continue  # nobody can tell it from another one, or from none
        run, broken = Passing(), FaultAt(number, fault)
        story = settle(run, [broken])
        points.judge(broken, run.outcome(), expected, story)

    points.check()


def test_other_processes_at_any_call_change_nothing_in_the_end(points: Points) -> None:
    expected, course = undisturbed(Passing)

    for call in course.log:
        run, interleaved = Passing(), Interleaved(call.number, lambda invocation: invocation.others, after=False)
        story = settle_interleaved(run, interleaved)
        points.judge(f"others before {interleaved.struck}", run.outcome(), expected, story)

    points.check()


def test_two_copiers_that_stop_for_each_other_at_any_call_end_as_one(points: Points) -> None:
    expected: Outcome = undisturbed(Passing)[0]

    for stop in stops(Passing, two_copiers_of_what_expired):
        found = together(Passing, two_copiers_of_what_expired, stop).outcome()
        points.judge(f"copiers {stop}", found, expected)

    points.check()
