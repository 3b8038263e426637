"""Drive a stack until every recording is stored and queryable, or has failed, and no message about one waits
(``call-lake local settle``)."""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence

from call_lake.model.times import iso
from call_lake.operations.days import Days
from call_lake_cli.console.errors import UserError
from call_lake_cli.console.words import counted
from call_lake_cli.stack.behind import messages_behind
from call_lake_cli.stack.census import SourceCensus, take_census, total
from call_lake_cli.stack.handle import Stack

PAUSE_S = 0.5
PROGRESS = ("listed", "stored", "rows", "erased")
"""What only grows while a stack goes forward; failures do, too."""
FOLLOWING = "measuring and transcribing"
QUIET = 2
"""So often in a row nothing may be behind: an engine's document becomes a message a moment after its own is done."""
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

    Where sound is measured or engines transcribe, it waits for them, too.

    ``show`` receives each step and the counts. ``days``: list these days instead of the newest recordings, until a
    listing finds nothing new. One listing is not enough: if a row appears and another one vanishes between two pages,
    neither the count nor the overlap shows it. Polls need no second listing, because the next poll looks back.
    """
    listed_before: int | None = None
    patience, quiet = _Patience(patience_s, monotonic), 0
    _list(stack, days)
    while True:
        behind = sum(messages_behind(stack).values())  # before the census: a row is written before its message is done
        census = take_census(stack)
        used = [one for one in census if not one.unused]
        settled = all(one.settled and not one.trouble for one in used)
        listed = total(used, "listed")
        if settled and days is not None and listed != listed_before:
            show("listing again", census)
            listed_before = listed
            _list(stack, days)
            continue
        quiet = 0 if behind or not settled else quiet + 1
        if quiet == QUIET:
            return True, census
        forward = patience.sees_progress(used, behind)
        if patience.is_over():
            return False, _compact_all(stack, census)
        if settled:
            show(FOLLOWING, census)
        else:
            show(_step(stack, census, copies_rest=not forward, behind=bool(behind)), census)
        time.sleep(PAUSE_S)


class _Patience:
    """Is over when nothing has gone forward for ``seconds``."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._until = monotonic() + seconds
        self._best: dict[str, int] = {}
        self._behind = 0

    def sees_progress(self, census: Sequence[SourceCensus], behind: int) -> bool:
        """Whether a count is higher than it ever was, or fewer messages are behind than before."""
        fewer, self._behind = behind < self._behind, behind
        now = {name: total(census, name) for name in PROGRESS} | {"failed": sum(one.failed.total() for one in census)}
        if not fewer and not any(number > self._best.get(name, -1) for name, number in now.items()):
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


def why_behind(stack: Stack) -> str:
    """Which queues still have messages, in one phrase; empty if none has."""
    waiting = messages_behind(stack)
    return ", ".join(f"{counted(number, 'message')} in the queue {name}" for name, number in waiting.items())


def _list(stack: Stack, days: Days | None) -> None:
    for name, source in stack.sources.items():
        payload = {"source": name}
        if days:
            window = days.window(source.zone)
            payload |= {"from": iso(window.start), "to": iso(window.end)}
        _invoke(stack, "poller", payload)


def _compact_all(stack: Stack, census: list[SourceCensus]) -> list[SourceCensus]:
    """Compact until the inbox is empty, or a run takes nothing out of it."""
    while before := total(census, "inbox"):
        _invoke(stack, "compactor", {})
        census = take_census(stack)
        if total(census, "inbox") >= before:
            break
    return census


def _step(stack: Stack, census: Sequence[SourceCensus], *, copies_rest: bool, behind: bool = False) -> str:
    """Invoke the function that the unsettled recordings need next; says what it does. ``copies_rest``: nothing was
    copied since the last step, so what is stored need not wait for the others. ``behind``: more rows will come.
    """
    listing = [one for one in census if not one.unused and (one.trouble or one.jobs_unfinished)]
    for one in listing:
        _invoke(stack, "poller", {"source": one.source})
    inbox = total(census, "inbox")
    if listing and not (copies_rest and inbox) and not any(one.inbox and not one.queue for one in census):
        return "listing"  # otherwise compact what was copied: a window may stay unreadable
    idle = [one for one in census if one.waiting and not one.queue]
    for one in idle:
        _invoke(stack, "poller", {"source": one.source})  # publishes what is due
    copying = any(one.waiting or one.queue for one in census)
    if (copying or behind) and not (copies_rest and inbox) and inbox <= MANY_IN_INBOX:
        return "copying" if copying else FOLLOWING
    _invoke(stack, "compactor", {})
    return "compacting"


def _invoke(stack: Stack, kind: str, payload: dict[str, str]) -> dict[str, object]:
    """Raises UserError with the function's own message where it failed."""
    answer = stack.client("lambda").invoke(FunctionName=stack.functions[kind], Payload=json.dumps(payload).encode())
    data = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        raise UserError(f"the {kind} failed: {data.get('errorType')}: {data.get('errorMessage')}")
    return dict(data or {})
