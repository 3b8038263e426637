"""Two processes of one world at the same time, each of which may stop at any call and let the other go on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import Any

from tests.crash.harness import commute, settle
from tests.crash.small_world import SmallWorld
from tests.crash.turns import take_turns
from tests.support.fakes import Call, Died

type Stop = tuple[int, int]
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
    _poll_that_dies_before_its_items(run)
    # SQS promises no order.
    return partial(run.copy, "thulium", run.receive("thulium")[::-1]), partial(run.twin_poll, "thulium")


def _poll_that_dies_before_its_items(run: SmallWorld) -> None:
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


def two_messages(run: SmallWorld) -> Works:
    """The poller died before its items, and sent its messages again. Two copiers have one each."""
    _poll_that_dies_before_its_items(run)
    run.twin_poll("thulium")
    first, second = run.receive("thulium")
    return partial(run.copy, "thulium", [first]), partial(run.copy, "thulium", [second])


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


@dataclass(frozen=True, slots=True)
class Meeting[T]:
    """What was found after the first made ``stop[0]`` calls, the second ``stop[1]``, and both went on to the end."""

    found: T
    firsts: Sequence[Call]
    seconds: Sequence[Call]

    def same_with_one_more(self, stop: Stop) -> Iterator[Stop]:
        """Stops with one call more that nobody can tell from this one: the call would change places only with calls
        that neither see what it does nor do what it sees."""
        i, j = stop
        if all(commute(call, self.seconds[:j]) for call in self.firsts[i : i + 1]):
            yield i + 1, j
        if all(commute(call, self.firsts[i:]) for call in self.seconds[j : j + 1]):
            yield i, j + 1


def stops[W: SmallWorld](scene: Callable[[], W], duo: Duo[W]) -> Iterator[Stop]:
    """After how many calls the first stops, and after how many the second lets it go on."""
    run, other = scene(), scene()
    ones, _ = take_turns(run.calls, *duo(run), [])
    _, others = take_turns(other.calls, *duo(other), repeat(False, 1000))
    return ((i, j) for i in range(len(ones) + 1) for j in range(1, len(others) + 1))


def meetings[W: SmallWorld, T](scene: Callable[[], W], duo: Duo[W], look: Callable[[W], T]) -> Iterator[tuple[Stop, T]]:
    """What ``look`` finds in a world that rests after the two have met, for every stop. Those that nobody can tell
    apart are run once."""
    known: dict[Stop, Meeting[T]] = {}
    for stop in stops(scene, duo):
        if stop not in known:
            known[stop] = _meet(scene, duo, stop, look)
        meeting = known[stop]
        for same in meeting.same_with_one_more(stop):
            known.setdefault(same, meeting)
        yield stop, meeting.found


def _meet[W: SmallWorld, T](scene: Callable[[], W], duo: Duo[W], stop: Stop, look: Callable[[W], T]) -> Meeting[T]:
    run = scene()
    firsts, seconds = take_turns(run.calls, *duo(run), chain(repeat(True, stop[0]), repeat(False, stop[1])))
    settle(run)
    return Meeting(look(run), firsts, seconds)
