"""A first attempt asks S3 for no audio (ADR 0048). Wherever something breaks, a recording has one voice in the end, and
is never FAILED beside it (design rules 9, 13)."""

from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.ledger.entry import State
from tests.crash.duos import meetings, two_copiers, two_messages
from tests.crash.harness import settle
from tests.crash.points import Points, Scene, undisturbed
from tests.crash.scenes import Changing, LostAndChanging, LostAndRefusing, Refusing
from tests.crash.small_world import SmallWorld
from tests.crash.turns import take_turns
from tests.support.fakes import Died, Fault, FaultAt

ONE_VOICE = ((), [State.STORED], 1, 1)
NO_VOICE = ((), [State.FAILED], 0, 0)


def of(run: SmallWorld) -> tuple[tuple[str, ...], list[str], int, int]:
    found = run.outcome()
    return found.oddities, [state for state, _ in found.ledger.values()], len(found.audio), len(found.rows)


def allowed(found: object) -> object:
    """What the provider refuses before anything is stored has failed."""
    return NO_VOICE if found == NO_VOICE else ONE_VOICE


@pytest.mark.parametrize("scene", [Refusing, LostAndChanging, LostAndRefusing], ids=lambda scene: scene.__name__)
def test_any_fault_at_any_call_leaves_one_voice_or_a_failure_without_one(points: Points, scene: Scene) -> None:
    _, course = undisturbed(scene)
    ends: dict[tuple[int, Fault] | None, object] = {None: of_scene(scene)}

    for call, fault in product(course.log, Fault):
        same = course.same_as(call.number, fault)
        if same is not None and same not in ends:
            ends[same] = of_scene(scene, FaultAt(*same))
        found = ends[same]
        points.judge(f"{fault} at {call}", found, allowed(found))

    points.check()


def of_scene(scene: Scene, *faults: FaultAt) -> object:
    run = scene()
    settle(run, faults)
    return of(run)


@pytest.mark.parametrize(
    ("scene", "duo"),
    [(Changing, two_messages), (Refusing, two_messages), (Refusing, two_copiers)],
    ids=lambda value: value.__name__,
)
def test_two_attempts_that_stop_for_each_other_at_any_call_leave_one_voice(points: Points, scene: Scene, duo) -> None:
    for stop, found in meetings(scene, duo, of):
        points.judge(f"{duo.__name__} {stop}", found, ONE_VOICE)

    points.check()


@pytest.mark.parametrize("scene", [Changing, Refusing], ids=lambda scene: scene.__name__)
def test_a_second_message_after_a_death_at_any_call_of_the_first_leaves_one_voice(points: Points, scene: Scene) -> None:
    for number in range(1, 12):
        run, broken = scene(), FaultAt(number, Fault.DIE_BEFORE)
        first, second = two_messages(run)
        remove = run.calls.on_call(broken)
        with suppress(Died):
            first()
        remove()
        run.died()
        second()
        settle(run)
        found = of(run)
        points.judge(broken, found, ONE_VOICE if scene is Changing else allowed(found))

    points.check()


@settings(max_examples=60)
@given(turns=st.lists(st.booleans(), max_size=40), number=st.integers(1, 40), fault=st.sampled_from(Fault))
def test_two_messages_in_any_order_of_calls_and_a_fault_leave_one_voice(
    turns: list[bool], number: int, fault: Fault
) -> None:
    run = Changing()
    take_turns(run.calls, *two_messages(run), turns)

    settle(run, [FaultAt(number, fault)])

    assert of(run) == ONE_VOICE
