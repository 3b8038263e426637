"""A batch call that refuses one of its items, each in its turn: that one comes again, and nothing else does
(design rule 10)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.harness import settle
from tests.crash.points import Points, Scene, undisturbed
from tests.crash.scenes import Crooked, Days, Straight
from tests.crash.small_world import SmallWorld
from tests.support.fakes import Call

BATCH_CALLS = ("send", "publish", "delete")
REFUSED_FOR_GOOD = 2  # what is refused once is sent again by the adapter


class RefusedAt:
    """Refuses one position of a port's ``number``-th batch call: so and so often."""

    def __init__(self, run: SmallWorld, port: str, number: int, position: int, times: int) -> None:
        self._refuse = _knob(run, port)
        self._port = port
        self._left = number
        self._what = (position, times)
        self._ready()
        run.calls.on_call(self)

    def __call__(self, call: Call, proceed: Callable[[], Any]) -> Any:
        try:
            return proceed()
        finally:
            if (call.port, call.method in BATCH_CALLS) == (self._port, True):
                self._ready()

    def _ready(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._refuse(self._what[0], times=self._what[1])


def _knob(run: SmallWorld, port: str) -> Callable[..., None]:
    world = run.world
    queues = {f"queue:{queue.name}": queue for queue in (*world.queues.values(), world.dlq)}
    if port in queues:
        return queues[port].refuse_sends
    return {"bus": world.bus.refuse_events, "store": world.store.refuse_deletes}[port]


def batch_calls(scene: Scene) -> list[tuple[str, int]]:
    """Port, and how many-th of its batch calls."""
    run = scene()
    settle(run)
    ports = [call.port for call in run.calls.log if call.method in BATCH_CALLS]
    return [(port, ports[: at + 1].count(port)) for at, port in enumerate(ports)]


def items_of(scene: Scene, port: str, number: int) -> int:
    """How many items a batch call has: each that is refused once is a separate call."""
    run, refusals = scene(), 10
    knob = _knob(run, port)

    def refuse_all(position: int, times: int) -> None:
        knob(*range(refusals), times=times)

    refused = RefusedAt(run, port, number, 0, 1)
    refused._refuse = refuse_all
    settle(run)
    return len(run.calls.log) - len(undisturbed(scene)[1].log)


@pytest.mark.parametrize("scene", [Straight, Days, Crooked], ids=lambda scene: scene.__name__)
def test_a_refused_item_of_any_batch_call_changes_nothing_in_the_end(points: Points, scene: Scene) -> None:
    expected, _ = undisturbed(scene)

    for port, number in batch_calls(scene):
        items = items_of(scene, port, number)
        assert items, f"{port}'s batch call {number} refused nothing"
        for position in range(items):
            run = scene()
            RefusedAt(run, port, number, position, REFUSED_FOR_GOOD)
            story = settle(run)
            points.judge(f"item {position} of {port}'s batch call {number}", run.outcome(), expected, story)

    points.check()
