"""Die, lose the answer, be refused or repeated at every single call: it always ends the same (design section 4)."""

from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from call_lake.ledger import State
from tests.crash.harness import Interleaved, settle, settle_interleaved
from tests.crash.points import Points, Scene, undisturbed
from tests.crash.scenes import Crooked, Days, Past, Straight
from tests.fakes import Fault, FaultAt

SCENES: list[Scene] = [Straight, Days, Crooked, Past]
PARTS = 2  # so that two processes can share one scene

every_scene = pytest.mark.parametrize("scene", SCENES, ids=attrgetter("__name__"))
in_parts = pytest.mark.parametrize("part", range(PARTS), ids="part {}".format)


@pytest.mark.parametrize(
    ("scene", "stored", "failed"),
    [(Straight, 3, 1), (Days, 2, 0), (Crooked, 3, 0), (Past, 3, 0)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_undisturbed_world_ends_as_it_should(scene: Scene, stored: int, failed: int) -> None:
    outcome, calls, ends = undisturbed(scene)

    assert len(outcome.audio) == len(outcome.rows) == stored
    assert sorted(state for state, _ in outcome.ledger.values()) == [State.FAILED] * failed + [State.STORED] * stored
    assert outcome.announced == set(outcome.rows)
    assert len(outcome.dead) == failed
    assert not outcome.oddities
    assert calls > 60  # else this suite would prove little
    assert ends[-1] == calls


@in_parts
@pytest.mark.parametrize("fault", Fault, ids=str)
@every_scene
def test_a_fault_at_any_call_changes_nothing_in_the_end(points: Points, scene: Scene, fault: Fault, part: int) -> None:
    expected, calls, _ = undisturbed(scene)

    for number in range(1 + part, calls + 1, PARTS):
        run, broken = scene(), FaultAt(number, fault)
        story = settle(run, [broken])
        assert broken.struck, f"call {number} never came"
        points.judge_run(broken, run, expected, story)

    points.check()


@in_parts
@pytest.mark.parametrize("meanwhile", ["twin", "others"])
@every_scene
def test_other_processes_at_any_call_change_nothing_in_the_end(
    points: Points, scene: Scene, meanwhile: str, part: int
) -> None:
    """Right after a call is right before the next one of the same invocation: only behind the last is it a place of its
    own."""
    expected, calls, ends = undisturbed(scene)
    places = [(number, False) for number in range(1, calls + 1)] + [(number, True) for number in ends]

    for number, after in places[part::PARTS]:
        run, interleaved = scene(), Interleaved(number, attrgetter(meanwhile), after=after)
        story = settle_interleaved(run, interleaved)
        assert interleaved.struck, f"call {number} never came"
        points.judge_run(f"{meanwhile} {'after' if after else 'before'} {interleaved.struck}", run, expected, story)

    points.check()


@every_scene
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), first=st.sampled_from(Fault), second=st.sampled_from(Fault))
def test_two_faults_change_nothing_in_the_end(scene: Scene, data: st.DataObject, first: Fault, second: Fault) -> None:
    expected, calls, _ = undisturbed(scene)
    number = data.draw(st.integers(1, calls))
    distance = data.draw(st.integers(1, 60))
    run = scene()

    settle(run, [FaultAt(number, first), FaultAt(number + distance, second)])

    assert run.outcome() == expected
