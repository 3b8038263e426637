"""Drive a stack until every recording is stored and queryable, or has failed (``call-lake local settle``)."""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence

from call_lake.model.times import iso
from call_lake.operations.days import Days
from call_lake_cli.console.errors import UserError
from call_lake_cli.console.words import counted
from call_lake_cli.stack.census import SourceCensus, take_census, total
from call_lake_cli.stack.handle import Stack

PAUSE_S = 0.5
PROGRESS = ("listed", "stored", "rows", "erased")
"""What only grows while a stack goes forward; failures do, too."""
MANY_IN_INBOX = 500  # objects that are compacted while recordings are still copied


def settle(
    stack: Stack,
    days: Days | None,
    patience_s: float,
    show: Callable[[str, Sequence[SourceCensus]], None],
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[bool, list[SourceCensus]]:
    """Poll, wait and compact. Returns whether everything settled, and the counts. Gives up after ``patience_s`` seconds
    in which nothing went forward. Then it still compacts what is stored, so that it can be queried.

    ``show`` receives each step and the counts. ``days``: list these days instead of the newest recordings, until a
    listing finds nothing new. One listing is not enough: if a row appears and another one vanishes between two pages,
    neither the count nor the overlap shows it. Polls need no second listing, because the next poll looks back.
    """
    listed_before: int | None = None
    patience = _Patience(patience_s, monotonic)
    _list(stack, days)
    while True:
        census = take_census(stack)
        used = [one for one in census if not one.unused]
        if all(one.settled and not one.trouble for one in used):
            listed = total(used, "listed")
            if days is None or listed == listed_before:
                return True, census
            listed_before = listed
            show("listing again", census)
            _list(stack, days)
            continue
        forward = patience.sees_progress(used)
        if patience.is_over():
            return False, _compact_all(stack, census)
        show(_step(stack, census, copies_rest=not forward), census)
        time.sleep(PAUSE_S)


class _Patience:
    """Is over when nothing has gone forward for ``seconds``."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._until = monotonic() + seconds
        self._best: dict[str, int] = {}

    def sees_progress(self, census: Sequence[SourceCensus]) -> bool:
        """Whether a count is higher than it ever was."""
        now = {name: total(census, name) for name in PROGRESS} | {"failed": sum(one.failed.total() for one in census)}
        if not any(number > self._best.get(name, -1) for name, number in now.items()):
            return False
        self._best = {name: max(number, self._best.get(name, 0)) for name, number in now.items()}
        self._until = self._monotonic() + self._seconds
        return True

    def is_over(self) -> bool:
        return self._monotonic() > self._until


def failures_in(census: Sequence[SourceCensus]) -> str:
    """How many recordings failed permanently, by reason; empty if none did."""
    failed = sum((one.failed for one in census), Counter[str]())
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(failed.items()))
    return f"{counted(failed.total(), 'recording')} failed permanently ({reasons})" if failed else ""


def why_unsettled(one: SourceCensus) -> str:
    """What keeps a source from being settled, in one phrase; empty if nothing does."""
    if one.unused:
        return ""
    found = [
        one.trouble or "",
        f"{counted(one.waiting, 'recording')} waiting for another attempt (`call-lake failed --waiting` says why)"
        if one.waiting
        else "",
        f"{one.inbox} objects wait in the inbox" if one.inbox else "",
        f"{one.jobs_unfinished} windows are still to be listed (`call-lake verify` tells which cannot be read, and why)"
        if one.jobs_unfinished
        else "",
        f"{one.stored} stored but {one.rows} rows (`call-lake quarantine list` shows rows that were set aside)"
        if one.stored != one.rows
        else "",
    ]
    phrases = ", ".join(text for text in found if text)
    return f"{one.source}: {phrases}" if phrases else ""


def _list(stack: Stack, days: Days | None) -> None:
    for name, source in stack.sources.items():
        payload = {"source": name}
        if days:
            window = days.window(source.zone)
            payload |= {"from": iso(window.start), "to": iso(window.end)}
        invoke(stack, "poller", payload)


def _compact_all(stack: Stack, census: list[SourceCensus]) -> list[SourceCensus]:
    """Compact until the inbox is empty, or a run takes nothing out of it."""
    while before := total(census, "inbox"):
        invoke(stack, "compactor", {})
        census = take_census(stack)
        if total(census, "inbox") >= before:
            break
    return census


def _step(stack: Stack, census: Sequence[SourceCensus], *, copies_rest: bool) -> str:
    """Invoke the function that the unsettled recordings need next; says what it does. ``copies_rest``: nothing was
    copied since the last step, so what is stored need not wait for the others."""
    listing = [one for one in census if not one.unused and (one.trouble or one.jobs_unfinished)]
    for one in listing:
        invoke(stack, "poller", {"source": one.source})
    inbox = total(census, "inbox")
    if listing and not (copies_rest and inbox) and not any(one.inbox and not one.queue for one in census):
        return "listing"  # otherwise compact what was copied: a window may stay unreadable
    idle = [one for one in census if one.waiting and not one.queue]
    for one in idle:
        invoke(stack, "poller", {"source": one.source})  # publishes what is due
    if any(one.waiting or one.queue for one in census) and not (copies_rest and inbox) and inbox <= MANY_IN_INBOX:
        return "copying"
    invoke(stack, "compactor", {})
    return "compacting"


def invoke(stack: Stack, kind: str, payload: dict[str, str]) -> dict[str, object]:
    """Raises UserError with the function's own message where it failed."""
    answer = stack.client("lambda").invoke(FunctionName=stack.functions[kind], Payload=json.dumps(payload).encode())
    data = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        raise UserError(f"the {kind} failed: {data.get('errorType')}: {data.get('errorMessage')}")
    return dict(data or {})
