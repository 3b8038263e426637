"""An operator erases a recording at any call of its copy: nothing of it comes back (design rules 7, 15, 18)."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from call_lake.ledger.entry import TOMBSTONE, State, state_of
from call_lake.model.lake_tables import CALLS
from call_lake.operations.erase.targets import UnknownRecording
from tests.crash import outcome
from tests.crash.duos import Duo, Works, meetings
from tests.crash.harness import Interleaved, settle_interleaved
from tests.crash.points import Points, undisturbed
from tests.crash.scenes import Kept, Pair
from tests.support.erasing import eraser_of, recording_ids
from tests.support.fakes import Call, Died, Fault, FaultAt

NOTHING_LEFT: dict[str, Any] = {
    "audio": [],
    "rows": [],
    "inbox": [],
    "kept": frozenset(),
    "state": State.ERASED,
    "oddities": (),
}
BYSTANDER = (1, 1, State.STORED)


def erase(run: Pair) -> bool:
    """Without waiting, so that nothing helps copier and compactor; False where the ledger knows nothing yet."""
    try:
        eraser_of(run.world).erase(recording_ids(run.victim.recording_id), None)
    except UnknownRecording:
        return False
    return True


def what_is_left(run: Pair) -> tuple[dict[str, Any], tuple[int, int, str]]:
    """Of the erased recording and of the other one: objects, rows, state."""
    world, victim, other = run.world, run.victim.recording_id, run.bystander.recording_id
    found, items = run.outcome(), outcome.recordings(world)
    left = {
        "audio": [key for key, _ in world.store.every_version() if key.startswith("audio/") and victim in key],
        "rows": [id for id in found.rows if id == victim],
        "inbox": [key for key, body in world.store.bodies("inbox/").items() if victim.encode() in body],
        "kept": frozenset(items[victim].keys() - TOMBSTONE),
        "state": state_of(items[victim]),
        "oddities": found.oddities,
    }
    bystander = sum(other in key for key in found.audio), sum(id == other for id in found.rows), state_of(items[other])
    return left, bystander


class CopierBreaks(FaultAt):
    """A fault of the copier, which spares the operator's own calls."""

    spared = False

    def __call__(self, call: Call, proceed: Callable[[], Any]) -> Any:
        return proceed() if self.spared else super().__call__(call, proceed)


def erasing(run: Pair, told: list[bool], broken: CopierBreaks | None = None) -> Callable[[object], Callable[[], None]]:
    def erased() -> None:
        if broken:
            broken.spared = True
        told.append(erase(run))
        if broken:
            broken.spared = False

    return lambda invocation: erased


def copier_and_operator(run: Pair) -> Works:
    run.poll("thulium")
    return partial(run.copy, "thulium", run.receive("thulium")), partial(erase, run)


def poller_and_operator(run: Pair) -> Works:
    """The messages were lost, and both recordings are due again."""
    run.poll("thulium")
    run.world.clock.advance(timedelta(days=1, minutes=1))
    return partial(run.twin_poll, "thulium"), partial(erase, run)


def compactor_and_operator(run: Pair) -> Works:
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))
    return run.compact, partial(erase, run)


def dying_compactor_and_operator(run: Pair) -> Works:
    """The compactor dies right after its swap, before it can look for tombstones again."""
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))

    def compact() -> None:
        me = threading.current_thread()

        def die(call: Call, proceed: Callable[[], Any]) -> Any:
            before = run.world.store.bodies(CALLS.manifests)
            answer = proceed()
            if threading.current_thread() is me and run.world.store.bodies(CALLS.manifests) != before:
                raise Died(str(call))
            return answer

        remove = run.calls.on_call(die)
        with suppress(Died):
            run.compact()
        remove()

    return compact, partial(erase, run)


@pytest.mark.parametrize("scene", [Pair, Kept], ids=lambda scene: scene.__name__)
def test_what_is_erased_at_any_call_stays_erased(points: Points, scene: Callable[[], Pair]) -> None:
    _, course = undisturbed(scene)

    for number, after in [(call.number, False) for call in course.log] + [(number, True) for number in course.ends]:
        run, told = scene(), list[bool]()
        story = settle_interleaved(run, Interleaved(number, erasing(run, told), after=after))
        if told == [True]:
            points.judge(f"erased at call {number}", what_is_left(run), (NOTHING_LEFT, BYSTANDER), story)

    points.check()


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.ANSWER_LOST], ids=str)
def test_what_is_erased_while_a_copier_works_that_breaks_later_stays_erased(points: Points, fault: Fault) -> None:
    polled, copied = undisturbed(Kept)[1].ends[:2]

    for number in range(polled + 1, copied + 1):
        for later in range(number, copied + 1):
            run, told = Kept(), list[bool]()
            broken = CopierBreaks(later, fault)
            interleaved = Interleaved(number, erasing(run, told, broken), after=False)
            story = settle_interleaved(run, interleaved, [broken])
            points.judge(f"erased at call {number}, {broken}", what_is_left(run), (NOTHING_LEFT, BYSTANDER), story)

    points.check()


def test_what_is_erased_at_any_call_of_a_poll_that_publishes_it_again_stays_erased(points: Points) -> None:
    for stop, found in meetings(Pair, poller_and_operator, what_is_left):
        points.judge(f"poller and operator {stop}", found, (NOTHING_LEFT, BYSTANDER))

    points.check()


def test_an_operator_and_a_copier_that_stop_for_each_other_at_any_call_leave_nothing(points: Points) -> None:
    for stop, found in meetings(Kept, copier_and_operator, what_is_left):
        points.judge(f"copier and operator {stop}", found, (NOTHING_LEFT, BYSTANDER))

    points.check()


@pytest.mark.parametrize("duo", [compactor_and_operator, dying_compactor_and_operator], ids=lambda duo: duo.__name__)
def test_an_operator_and_a_compactor_that_stop_for_each_other_at_any_call_leave_nothing(
    points: Points, duo: Duo[Pair]
) -> None:
    for stop, found in meetings(Pair, duo, what_is_left):
        points.judge(f"compactor and operator {stop}", found, (NOTHING_LEFT, BYSTANDER))

    points.check()
