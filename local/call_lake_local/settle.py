"""Drive a stack until it is at rest: poll, wait for queues and inbox, compact (``call-lake local settle``)."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock_time

from call_lake.model.times import iso
from call_lake.settings import SourceSettings
from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.census import SourceCensus, take_census, total
from call_lake_cli.stack.handle import Stack

PAUSE_S = 0.5
LISTED_LATE = timedelta(
    days=1
)  # providers filter on when a recording was made, hours after its call (docs/providers.md)


def settle(
    stack: Stack,
    first: date | None,
    last: date | None,
    timeout_s: float,
    tell: Callable[[str, Sequence[SourceCensus]], None],
) -> tuple[bool, list[SourceCensus]]:
    """Whether all came to rest within ``timeout_s`` seconds, and the counts. ``tell`` hears of each step.

    ``first`` and ``last`` are calendar days of each source's own time zone, both included. They are listed until a
    listing finds nothing new: where one row came and another went between two pages, neither count nor overlap tells.
    A poll needs no such second look, for the next ones look back.
    """
    deadline = time.monotonic() + timeout_s
    listed_before: int | None = None
    _list(stack, first, last)
    while True:
        census = take_census(stack)
        active = [one for one in census if not one.unused]
        if all(one.settled and not one.trouble for one in active):
            listed = total(active, "listed")
            if not (first and last) or listed == listed_before:
                return True, census
            listed_before = listed
            tell("listing again", census)
            _list(stack, first, last)
            continue
        if time.monotonic() > deadline:
            return False, census
        tell(_step(stack, census), census)
        time.sleep(PAUSE_S)


def _list(stack: Stack, first: date | None, last: date | None) -> None:
    for name, source in stack.sources.items():
        _invoke(stack, "poller", {"source": name} | (_backfill(source, first, last) if first and last else {}))


def _step(stack: Stack, census: Sequence[SourceCensus]) -> str:
    """Give the next push to what is not at rest; says what it was."""
    listing = [one for one in census if not one.unused and (one.trouble or one.jobs_open)]
    for one in listing:
        _invoke(stack, "poller", {"source": one.source})
    if listing and not any(one.inbox and not one.queue for one in census):
        return "listing"  # else what was copied is compacted meanwhile: a window may be unreadable for good
    idle = [one for one in census if one.waiting and not one.queue]
    for one in idle:
        _invoke(stack, "poller", {"source": one.source})  # publishes what is due
    if any(one.waiting or one.queue for one in census) and not any(one.inbox > 500 for one in census):
        return "copying"
    _invoke(stack, "compactor", {})
    return "compacting"


def _backfill(source: SourceSettings, first: date, last: date) -> dict[str, str]:
    start = datetime.combine(first, clock_time(), source.zone)
    end = datetime.combine(last + timedelta(days=1) + LISTED_LATE, clock_time(), source.zone)
    return {"from": iso(start), "to": iso(end)}


def _invoke(stack: Stack, kind: str, payload: dict[str, str]) -> dict[str, object]:
    """Raises UserError with the function's own words where it failed."""
    answer = stack.client("lambda").invoke(FunctionName=stack.functions[kind], Payload=json.dumps(payload).encode())
    data = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        raise UserError(f"the {kind} failed: {data.get('errorType')}: {data.get('errorMessage')}")
    return dict(data or {})
