"""Die, lose the answer, be refused or repeated at every single call: it always ends the same (design section 4)."""

import logging
from collections.abc import Iterator
from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from call_lake.ledger import State
from tests.crash.harness import Interleaved, count_calls, settle, settle_interleaved
from tests.crash.small_world import Outcome, SmallWorld
from tests.fakes import Fault, FaultAt


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Outcome, int]:
    """How the world ends when nothing breaks, and after how many calls."""
    run = SmallWorld()
    calls = count_calls(run)
    return run.outcome(), calls


def test_the_undisturbed_world_ends_as_it_should(undisturbed: tuple[Outcome, int]) -> None:
    outcome, calls = undisturbed

    assert len(outcome.audio) == len(outcome.rows) == 3
    assert sorted(state for state, _ in outcome.ledger.values()) == [State.FAILED, *[State.STORED] * 3]
    assert outcome.announced == set(outcome.rows)
    assert len(outcome.dead) == 1
    assert not outcome.oddities
    assert calls > 100  # else this suite would prove little


@pytest.mark.parametrize("fault", Fault, ids=str)
def test_a_fault_at_any_call_changes_nothing_in_the_end(undisturbed: tuple[Outcome, int], fault: Fault) -> None:
    expected, calls = undisturbed
    differences = []

    for number in range(1, calls + 1):
        run, broken = SmallWorld(), FaultAt(number, fault)
        troubles = settle(run, [broken])
        assert broken.struck, f"call {number} never came"
        if run.outcome() != expected:
            differences.append((str(broken), troubles, run.outcome()))

    assert not differences, f"{len(differences)} of {calls} crash points, the first: {differences[0]}"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("meanwhile", ["twin", "others"])
def test_other_processes_at_any_call_change_nothing_in_the_end(
    undisturbed: tuple[Outcome, int], meanwhile: str, after: bool
) -> None:
    expected, calls = undisturbed
    differences = []

    for number in range(1, calls + 1):
        run, interleaved = SmallWorld(), Interleaved(number, attrgetter(meanwhile), after=after)
        settle_interleaved(run, interleaved)
        assert interleaved.struck, f"call {number} never came"
        if run.outcome() != expected:
            differences.append((str(interleaved.struck), run.outcome()))

    assert not differences, f"{len(differences)} of {calls} points, the first: {differences[0]}"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), first=st.sampled_from(Fault), second=st.sampled_from(Fault))
def test_two_faults_change_nothing_in_the_end(
    undisturbed: tuple[Outcome, int], data: st.DataObject, first: Fault, second: Fault
) -> None:
    expected, calls = undisturbed
    number = data.draw(st.integers(1, calls))
    distance = data.draw(st.integers(1, 60))
    run = SmallWorld()

    settle(run, [FaultAt(number, first), FaultAt(number + distance, second)])

    assert run.outcome() == expected
