"""Every call that goes through a fake port: counted, seen by hooks, refused or broken by them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from call_lake.errors import Reason, Transient
from call_lake.ports import PartialFailure

READS = {
    *("folders", "get", "get_many", "get_range", "get_version", "head", "list", "list_versions", "version_folders"),
    *("count", "created_at", "query_due", "registered", "scan"),
}
"""Methods that change nothing."""
STATEMENT = "insert.statement"
"""A part of the request ``insert``, no request itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS. ``number`` counts from 1 over all ports of a world."""

    number: int
    port: str
    method: str

    def __str__(self) -> str:
        return f"call {self.number} ({self.port}.{self.method})"


type Proceed = Callable[[], Any]
type Hook = Callable[[Call, Proceed], Any]
"""Sees a call before and after: whatever it does before and after ``proceed()``, and returns what the caller gets."""


class Calls:
    """The call log that all fakes of one world share."""

    def __init__(self) -> None:
        self.log: list[Call] = []
        self._hooks: list[Hook] = []
        self._lock = threading.Lock()

    def on_call(self, hook: Hook) -> Callable[[], None]:
        """Let ``hook`` around every call from now on, inside the hooks that stand; the answer takes it away again."""
        self._hooks.append(hook)
        return lambda: self._hooks.remove(hook)

    def run(self, port: str, method: str, act: Proceed) -> Any:
        with self._lock:
            call = Call(len(self.log) + 1, port, method)
            self.log.append(call)
        proceed = act
        for hook in reversed(self._hooks):
            proceed = partial(hook, call, proceed)
        return proceed()


class Died(BaseException):
    """The process ended here. No ``except Exception`` of the code under test may catch it."""


class Fault(StrEnum):
    DIE_BEFORE = "die before"
    DIE_AFTER = "die after"
    ANSWER_LOST = "answer lost"  # it happened, the caller sees a time-out
    REPEATED = "repeated"  # it happened, the answer was lost, and the SDK sent it again by itself
    REFUSED = "refused"  # it did not happen: throttled, an outage


def says_more(fault: Fault, call: Call) -> bool:
    """Whether the fault is none of the others: a read that was answered in vain is one that was refused, and one that
    was repeated is no fault."""
    return call.method not in READS or fault not in (Fault.ANSWER_LOST, Fault.REPEATED)


class FaultAt:
    """A hook that breaks the ``number``-th call that it sees, once. After a death it lets nothing more happen until
    ``start_again``, for a dead process's ``finally`` blocks and other threads do not run on either."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.struck: Call | None = None
        self._number = number
        self._fault = fault
        self._seen = 0
        self._dead = False
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"{self._fault} at {self.struck or f'call {self._number}'}"

    def start_again(self) -> None:
        self._dead = False

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        with self._lock:
            if self._dead:
                raise Died(f"already dead: {self}")
            self._seen += 1
            if self._seen != self._number:
                act = proceed
            else:
                self.struck = call
                self._dead = self._fault in (Fault.DIE_BEFORE, Fault.DIE_AFTER)
                act = partial(self._strike, call, proceed)
        return act()

    def _strike(self, call: Call, proceed: Proceed) -> Any:
        if self._fault not in (Fault.DIE_BEFORE, Fault.REFUSED):
            _regardless(proceed)
        match self._fault:
            case Fault.DIE_BEFORE | Fault.DIE_AFTER:
                raise Died(str(self))
            case Fault.REFUSED | Fault.ANSWER_LOST:
                raise Transient(Reason.AWS, str(self))
            case Fault.REPEATED:
                return proceed()


def _regardless(proceed: Proceed) -> None:
    """Let the call happen; a refusal is an answer, and answers are lost here."""
    try:
        proceed()
    except Exception:
        return


class Batches:
    """Batch calls of one port: in pieces, what is refused is sent once more, and a knob to refuse positions."""

    def __init__(self, calls: Calls, port: str, method: str, size: int) -> None:
        self._calls = calls
        self._port = port
        self._method = method
        self._size = size
        self._refuse: dict[int, int] = {}

    def refuse(self, *positions: int, times: int = 2) -> None:
        """Refuse these positions of what is sent next: once, and sending them again works; twice, and it fails."""
        self._refuse = dict.fromkeys(positions, times)

    def send(self, count: int, accept: Callable[[int], bool]) -> None:
        refuse, self._refuse = self._refuse, {}

        def attempt(positions: Sequence[int]) -> list[int]:
            refused = []
            for position in positions:
                left = refuse.get(position, 0)
                refuse[position] = left - 1
                if left > 0 or not accept(position):
                    refused.append(position)
            return refused

        def call(positions: Sequence[int]) -> list[int]:
            return list(self._calls.run(self._port, self._method, lambda: attempt(positions)))

        batches = [range(start, min(start + self._size, count)) for start in range(0, count, self._size)]
        refused = [position for batch in batches for position in call(batch)]
        again = [position for refusal in refused for position in call([refusal])]
        if again:
            raise PartialFailure(f"{self._port}.{self._method}", again)
