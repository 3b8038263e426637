"""Two processes of one world at the same time, each of which may stop at any call and let the other go on."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import Any

from tests.crash.harness import settle
from tests.crash.small_world import SmallWorld
from tests.crash.turns import take_turns
from tests.support.fakes import Call, Died

type Works = tuple[Callable[[], object], Callable[[], object]]
type Duo[W: SmallWorld] = Callable[[W], Works]


def two_pollers(run: SmallWorld) -> Works:
    return partial(run.twin_poll, "thulium"), partial(run.twin_poll, "thulium")


def two_copiers(run: SmallWorld) -> Works:
    """SQS delivered the same messages to both."""
    run.poll("thulium")
    return partial(run.copy, "thulium", twice_received(run)), partial(run.copy, "thulium", run.receive("thulium"))


def copier_and_poller(run: SmallWorld) -> Works:
    """The poller died between its messages and their items; both get to know of the recordings now."""

    def die(call: Call, proceed: Callable[[], Any]) -> Any:
        answer = proceed()
        if call.method == "send":
            raise Died(str(call))
        return answer

    remove = run.calls.on_call(die)
    try:
        run.poll("thulium")
    except Died:
        run.died()
    remove()
    # SQS promises no order.
    return partial(run.copy, "thulium", run.receive("thulium")[::-1]), partial(run.twin_poll, "thulium")


def copier_and_a_poll_that_sends_again(run: SmallWorld) -> Works:
    """A copier has its messages for so long that they are due again."""
    run.poll("thulium")
    received = run.receive("thulium")
    run.world.clock.advance(timedelta(days=1, minutes=1))
    return partial(run.copy, "thulium", received), partial(run.twin_poll, "thulium")


def two_compactors(run: SmallWorld) -> Works:
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))
    return run.compact, run.compact


def two_copiers_of_what_expired(run: SmallWorld) -> Works:
    """SQS delivered to both what the poller asks about."""
    run.poll("thulium")
    run.copy("thulium", run.receive("thulium"))
    run.compact()
    run.wait()
    run.poll("thulium")
    assert len(run.world.queues["thulium"]) == 2
    assert not run.world.store.bodies("audio/")
    return partial(run.copy, "thulium", twice_received(run)), partial(run.copy, "thulium", run.receive("thulium"))


def twice_received(run: SmallWorld) -> list[Any]:
    """A delivery that leaves its messages visible."""
    run.world.queues["thulium"].duplicates = len(run.world.queues["thulium"])
    return run.receive("thulium")


def stops[W: SmallWorld](scene: Callable[[], W], duo: Duo[W]) -> Iterator[tuple[int, int]]:
    """After how many calls the first stops, and after how many the second lets it go on."""
    run, other = scene(), scene()
    ones, _ = take_turns(run.calls, *duo(run), [])
    _, others = take_turns(other.calls, *duo(other), repeat(False, 1000))
    return ((i, j) for i in range(ones + 1) for j in range(1, others + 1))


def together[W: SmallWorld](scene: Callable[[], W], duo: Duo[W], stop: tuple[int, int]) -> W:
    """A world that rests after the two have met."""
    run = scene()
    take_turns(run.calls, *duo(run), chain(repeat(True, stop[0]), repeat(False, stop[1])))
    settle(run)
    return run
