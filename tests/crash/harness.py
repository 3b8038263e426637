"""Break a run at one of its calls, start again as Lambda and SQS would, and compare how it ends.

Nothing here knows the pipeline: it is given as rounds of invocations, and what it comes to as one comparable value.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tests.support.fakes import Call, Calls, Died, Fault, FaultAt
from tests.support.fakes.calls import READS

ROUNDS_MAX = 400


@dataclass(frozen=True, slots=True)
class Invocation:
    """One start of a function. ``twin``: the same event, delivered twice, in a separate process. ``others``: all that
    the other functions, and other processes of this one, can do now."""

    name: str
    run: Callable[[], object]
    twin: Callable[[], object]
    others: Callable[[], object]


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


def _nothing(invocation: Invocation) -> None:
    """Before each invocation, most of the time."""


def settle(run: Run, faults: Sequence[FaultAt] = (), before_each: Callable[[Invocation], None] = _nothing) -> list[str]:
    """Run to rest under these faults; give what went wrong on the way. Raises AssertionError where it never rests."""
    troubles: list[str] = []
    for fault in faults:
        run.calls.on_call(fault)
    for _ in range(ROUNDS_MAX):
        before = len(troubles)
        for invocation in run.round():
            before_each(invocation)
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


@dataclass(frozen=True)
class Course:
    """The calls of an undisturbed run, and the numbers of those that end an invocation."""

    log: Sequence[Call]
    ends: Sequence[int]

    def same_as(self, number: int, fault: Fault) -> tuple[int, Fault] | None:
        """Which fault nobody, neither the process nor the world, can tell from this one; None: from no fault at all.

        Between two calls of an invocation nothing happens but in memory, which dies: dying after the one is dying
        before the other. A read that was answered in vain is a read that was refused; one that was repeated, nothing.
        """
        if fault is Fault.DIE_AFTER and number not in self.ends:
            return number + 1, Fault.DIE_BEFORE
        if self.log[number - 1].method in READS:
            return {Fault.ANSWER_LOST: (number, Fault.REFUSED), Fault.REPEATED: None}.get(fault, (number, fault))
        return number, fault


def course_of(run: Run) -> Course:
    ends: list[int] = []
    troubles = settle(run, before_each=lambda invocation: ends.append(len(run.calls.log)))
    assert not troubles, f"the undisturbed run must not fail: {troubles}"
    return Course(tuple(run.calls.log), (*(end for end in dict.fromkeys(ends) if end), len(run.calls.log)))


def commute(call: Call, others: Sequence[Call]) -> bool:
    """Whether nobody can tell if it came before or after those of another process, which shares no memory with it."""
    return all(_state(call) != _state(one) or {call.method, one.method} <= READS for one in others)


def _state(call: Call) -> str:
    """What a call sees or changes. A message that comes too often goes from one queue to the other."""
    return "queues" if call.port.startswith("queue:") or call.port == "dead letters" else call.port


class Interleaved:
    """At the ``number``-th call, before or right after it, other processes run from beginning to end: ``meanwhile``
    picks them from the invocation under way."""

    def __init__(self, number: int, meanwhile: Callable[[Invocation], Callable[[], object]], *, after: bool) -> None:
        self.current: Invocation | None = None
        self.struck: Call | None = None
        self.others: Sequence[Call] = ()
        """What the other processes called."""
        self.log: Sequence[Call] = ()
        self._number = number
        self._meanwhile = meanwhile
        self._after = after
        self._seen = 0

    def __call__(self, call: Call, proceed: Callable[[], Any]) -> Any:
        self._seen += 1
        if self._seen != self._number or self.current is None:
            return proceed()
        self.struck = call
        if not self._after:
            self._run_others(self.current)
            return proceed()
        try:
            return proceed()
        finally:
            self._run_others(self.current)

    def _run_others(self, current: Invocation) -> None:
        before = len(self.log)
        self._meanwhile(current)()
        self.others = self.log[before:]

    def began(self, invocation: Invocation) -> None:
        self.current = invocation


def settle_interleaved(run: Run, interleaved: Interleaved, faults: Sequence[FaultAt] = ()) -> list[str]:
    run.calls.on_call(interleaved)
    interleaved.log = run.calls.log
    return settle(run, faults, interleaved.began)
