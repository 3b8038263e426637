"""Break a run at one of its calls, start again as Lambda and SQS would, and compare how it ends.

Nothing here knows the pipeline: it is given as rounds of invocations, and what it comes to as one comparable value.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.fakes import Call, Calls, Died, FaultAt

ROUNDS_MAX = 400


@dataclass(frozen=True, slots=True)
class Invocation:
    """One start of a function. ``twin``: the same event, delivered twice, in a process of its own. ``others``: all that
    the other functions, and other processes of this one, can do now."""

    name: str
    run: Callable[[], None]
    twin: Callable[[], None]
    others: Callable[[], None]


class Run(Protocol):
    """One world on its way to rest."""

    calls: Calls

    def round(self) -> Iterator[Invocation]:
        """What is started now, one after the other; empty or not, time may have to pass."""

    def died(self) -> None:
        """A process ended: whatever it remembered is gone."""

    def wait(self) -> None:
        """Let time pass until something can happen."""

    def is_settled(self) -> bool:
        """Asked after a round in which nothing went wrong."""

    def outcome(self) -> Any:
        """What it came to: equal for runs that nobody could tell apart afterwards."""


def settle(run: Run, faults: Sequence[FaultAt] = ()) -> list[str]:
    """Run to rest under these faults; give what went wrong on the way. Raises AssertionError where it never rests."""
    troubles: list[str] = []
    for fault in faults:
        run.calls.on_call(fault)
    for _ in range(ROUNDS_MAX):
        before = len(troubles)
        for invocation in run.round():
            try:
                invocation.run()
            except Died as death:
                troubles.append(f"{invocation.name}: {death}")
                for fault in faults:
                    fault.start_again()
                run.died()
            except Exception as error:  # Lambda reports it; the next event comes all the same
                troubles.append(f"{invocation.name}: {error!r}")
        if len(troubles) == before and run.is_settled():
            return troubles
        run.wait()
    raise AssertionError(f"not at rest after {ROUNDS_MAX} rounds; on the way: {troubles}")


def count_calls(run: Run) -> int:
    """How many calls an undisturbed run makes until it rests."""
    troubles = settle(run)
    assert not troubles, f"the undisturbed run must not fail: {troubles}"
    return len(run.calls.log)


class Interleaved:
    """At the ``number``-th call, before or right after it, other processes run from beginning to end: ``meanwhile``
    picks them from the invocation under way."""

    def __init__(self, number: int, meanwhile: Callable[[Invocation], Callable[[], None]], *, after: bool) -> None:
        self.current: Invocation | None = None
        self.struck: Call | None = None
        self._number = number
        self._meanwhile = meanwhile
        self._after = after
        self._seen = 0

    def __call__(self, call: Call, proceed: Callable[[], Any]) -> Any:
        self._seen += 1
        if self._seen != self._number or self.current is None:
            return proceed()
        self.struck = call
        meanwhile = self._meanwhile(self.current)
        if not self._after:
            meanwhile()
            return proceed()
        try:
            return proceed()
        finally:
            meanwhile()


def settle_interleaved(run: Run, interleaved: Interleaved) -> None:
    run.calls.on_call(interleaved)
    for _ in range(ROUNDS_MAX):
        for invocation in run.round():
            interleaved.current = invocation
            invocation.run()
        if run.is_settled():
            return
        run.wait()
    raise AssertionError(f"not at rest after {ROUNDS_MAX} rounds")
