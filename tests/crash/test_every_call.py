"""Die, lose the answer, be refused or repeated at every single call: it always ends the same (design section 4)."""

from operator import attrgetter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from call_lake.ledger.entry import TOMBSTONE, State
from call_lake.model.lake_tables import CALLS
from tests.crash.harness import Interleaved, commute, settle, settle_interleaved
from tests.crash.outcome import Outcome, recordings
from tests.crash.points import Points, Scene, undisturbed
from tests.crash.scenes import Crooked, Days, Outlived, Passing, Past, Straight
from tests.support.fakes import Call, Fault, FaultAt

SCENES: list[Scene] = [Straight, Days, Crooked, Past, Passing, Outlived]
PARTS = 2  # so that two processes can share one scene

every_scene = pytest.mark.parametrize("scene", SCENES, ids=attrgetter("__name__"))
in_parts = pytest.mark.parametrize("part", range(PARTS), ids="part {}".format)


@pytest.mark.parametrize(
    ("scene", "stored", "failed"),
    [(Straight, 3, 1), (Days, 2, 0), (Crooked, 3, 0), (Past, 3, 0)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_the_undisturbed_world_ends_as_it_should(scene: Scene, stored: int, failed: int) -> None:
    outcome, course = undisturbed(scene)

    assert len(outcome.audio) == len(outcome.rows) == stored
    assert sorted(state for state, _ in outcome.ledger.values()) == [State.FAILED] * failed + [State.STORED] * stored
    assert outcome.announced == set(outcome.rows)
    assert len(outcome.dead) == failed
    assert not outcome.oddities
    assert len(course.log) > 60  # else this suite would prove little


def test_the_undisturbed_world_of_a_bucket_that_deletes_audio_ends_with_rows_that_name_none() -> None:
    outcome, course = undisturbed(Passing)

    assert [state for state, _ in outcome.ledger.values()] == [State.EXPIRED] * 2
    assert len(outcome.rows) == 2
    assert all("audio_uri=None" in row for row in outcome.rows.values())
    assert not outcome.audio
    assert not outcome.oddities
    assert sum(call.method == "audio" for call in course.log) == 2


def test_the_undisturbed_world_whose_rows_are_too_old_ends_with_tombstones_alone() -> None:
    run = Outlived()
    settle(run)
    found = run.outcome()

    assert [state for state, _ in found.ledger.values()] == [State.ERASED] * 3
    assert all(item.keys() <= TOMBSTONE | {"reason"} for item in recordings(run.world).values())
    assert not found.rows
    assert not found.audio
    assert not found.oddities
    assert not run.world.catalog.seen("calls")
    assert not run.world.store.bodies(CALLS.data)


@in_parts
@every_scene
def test_any_fault_at_any_call_changes_nothing_in_the_end(points: Points, scene: Scene, part: int) -> None:
    expected, course = undisturbed(scene)
    ends: dict[tuple[int, Fault] | None, tuple[Outcome, list[str]]] = {None: (expected, [])}

    numbers = range(1, len(course.log) + 1)
    size = -(-len(numbers) // PARTS)
    for number in numbers[part * size : (part + 1) * size]:
        for fault in Fault:
            same = course.same_as(number, fault)
            if same is not None and same not in ends:
                ends[same] = end_with(scene, *same)
            found, story = ends[same]
            points.judge(f"{fault} at {course.log[number - 1]}", found, expected, story)

    points.check()


def end_with(scene: Scene, number: int, fault: Fault) -> tuple[Outcome, list[str]]:
    run, broken = scene(), FaultAt(number, fault)
    story = settle(run, [broken])
    assert broken.struck, f"call {number} never came"
    return run.outcome(), story


@in_parts
@pytest.mark.parametrize(
    ("scene", "meanwhile"),
    [*((scene, "twin") for scene in SCENES[:4]), *((scene, "others") for scene in (Straight, Days, Passing))],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_other_processes_at_any_call_change_nothing_in_the_end(
    points: Points, scene: Scene, meanwhile: str, part: int
) -> None:
    """Right after a call is right before the next one of the same invocation, except after the last. Where nobody can
    tell if the others came before a call or after it, they are run once."""
    expected, course = undisturbed(scene)
    places = sorted([(call.number, False) for call in course.log] + [(number, True) for number in course.ends])
    size = -(-len(places) // PARTS)
    end, others, passed = expected, list[Call](), None

    for number, after in places[part * size : (part + 1) * size]:
        if passed is None or not commute(passed, others):
            run, interleaved = scene(), Interleaved(number, attrgetter(meanwhile), after=after)
            story = settle_interleaved(run, interleaved)
            assert interleaved.struck, f"call {number} never came"
            end, others = run.outcome(), list(interleaved.others)
        passed = None if after else course.log[number - 1]
        where = f"{meanwhile} {'after' if after else 'before'} {course.log[number - 1]}"
        points.judge(where, end, expected, story)

    points.check()


@every_scene
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), first=st.sampled_from(Fault), second=st.sampled_from(Fault))
def test_two_faults_change_nothing_in_the_end(scene: Scene, data: st.DataObject, first: Fault, second: Fault) -> None:
    expected, course = undisturbed(scene)
    number = data.draw(st.integers(1, len(course.log)))
    distance = data.draw(st.integers(1, 60))
    run = scene()

    settle(run, [FaultAt(number, first), FaultAt(number + distance, second)])

    assert run.outcome() == expected
