"""Drive a stack until every recording is stored and queryable, or has failed (``call-lake local settle``)."""

import json
import time
from collections.abc import Callable, Sequence

from call_lake.model.times import iso
from call_lake.operations.days import Days
from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.census import SourceCensus, take_census, total
from call_lake_cli.stack.handle import Stack

PAUSE_S = 0.5
MANY_IN_INBOX = 500  # objects that are compacted while recordings are still copied


def settle(
    stack: Stack, days: Days | None, timeout_s: float, show: Callable[[str, Sequence[SourceCensus]], None]
) -> tuple[bool, list[SourceCensus]]:
    """Poll, wait and compact. Returns whether everything settled within ``timeout_s`` seconds, and the counts.

    ``show`` receives each step and the counts. ``days``: list these days instead of the newest recordings, until a
    listing finds nothing new. One listing is not enough: if a row appears and another one vanishes between two pages,
    neither the count nor the overlap shows it. Polls need no second listing, because the next poll looks back.
    """
    deadline = time.monotonic() + timeout_s
    listed_before: int | None = None
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
        if time.monotonic() > deadline:
            return False, census
        show(_step(stack, census), census)
        time.sleep(PAUSE_S)


def why_unsettled(one: SourceCensus) -> str:
    """What keeps a source from being settled, in one phrase; empty if nothing does."""
    if one.unused:
        return ""
    found = [
        one.trouble or "",
        f"{one.waiting} recordings wait for another attempt (`call-lake status`)" if one.waiting else "",
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
        _invoke(stack, "poller", payload)


def _step(stack: Stack, census: Sequence[SourceCensus]) -> str:
    """Invoke the function that the unsettled recordings need next; says what it does."""
    listing = [one for one in census if not one.unused and (one.trouble or one.jobs_unfinished)]
    for one in listing:
        _invoke(stack, "poller", {"source": one.source})
    if listing and not any(one.inbox and not one.queue for one in census):
        return "listing"  # otherwise compact what was copied: a window may stay unreadable
    idle = [one for one in census if one.waiting and not one.queue]
    for one in idle:
        _invoke(stack, "poller", {"source": one.source})  # publishes what is due
    if any(one.waiting or one.queue for one in census) and not any(one.inbox > MANY_IN_INBOX for one in census):
        return "copying"
    _invoke(stack, "compactor", {})
    return "compacting"


def _invoke(stack: Stack, kind: str, payload: dict[str, str]) -> dict[str, object]:
    """Raises UserError with the function's own message where it failed."""
    answer = stack.client("lambda").invoke(FunctionName=stack.functions[kind], Payload=json.dumps(payload).encode())
    data = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        raise UserError(f"the {kind} failed: {data.get('errorType')}: {data.get('errorMessage')}")
    return dict(data or {})
