"""``call-lake status``: how far each source was read, and what became of its recordings."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from call_lake.ledger.ceiling import REACHED
from call_lake.model.transcripts import AWS_ENGINE
from call_lake_cli.console.errors import err, explained, say
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_note, print_rows
from call_lake_cli.console.words import counted, duration
from call_lake_cli.stack.census import (
    DAYS,
    MOST,
    SourceCensus,
    SourceStatus,
    ledger_size,
    take_census,
    take_status,
    total,
)
from call_lake_cli.stack.engines import EngineStatus, take_engines
from call_lake_cli.stack.handle import Stack, find_stack, zone_of

READ_BYTES = 4096
"""Of one read unit: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""

ENGINE_COLUMNS = ("engine", "queue", "waiting", "running", "failed", "hours today")
QUIET_S = 15.0
"""So long a command that waits may say nothing."""
All = Annotated[
    bool,
    typer.Option("--all", help="Count every recording since the first one. Reads the whole ledger and all days' rows."),
]


def status(all_: All = False, json_: AsJson = False, stack: StackName = None) -> None:
    """Show each source: how far it was read, what is unfinished, and the rows of the last 31 days. Then each engine
    that transcribes: what waits, runs and failed.

    Examples:
      call-lake status
      call-lake status --all --stack call-lake
    """
    with explained():
        here = find_stack(stack)
        if all_:
            _announce(here)
        found: Sequence[SourceStatus] = take_census(here) if all_ else take_status(here)
        engines = take_engines(here)
        if json_:
            print_json({"sources": [one.to_json() for one in found], "engines": [one.to_json() for one in engines]})
        else:
            _print(found, zone_of(here))
            _print_engines(engines)


def _announce(stack: Stack) -> None:
    """Say on stderr what ``--all`` is about to read."""
    items, size = ledger_size(stack)
    units = -(-size // READ_BYTES)
    err.print(
        f"reading the whole ledger: {items:,} items, about {units:,} DynamoDB read units (AWS counts them every six "
        "hours); then each day of the table since the first recording"
    )


def print_counts(census: Sequence[SourceCensus], title: str | None = None) -> None:
    """What became of each source's recordings, without its checkpoint: for `local settle` and the demo."""
    columns = ("source", "listed", "stored", "failed", "waiting", "rows", "erased", "in queue", "in inbox")
    rows = [
        (one.source, one.listed, one.stored, _reasons(one), one.waiting, one.rows, one.erased, one.queue, one.inbox)
        for one in census
    ]
    print_rows(columns, rows, Format.TABLE, title, ends=f"{counted(len(rows), 'source')}.")


class ProgressLines:
    """Say a line whenever another tenth of the recordings was stored, or became rows; or, while nothing moves, after
    ``QUIET_S`` seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._said, self._said_at = "", monotonic()

    def show(self, step: str, census: Sequence[SourceCensus]) -> None:
        listed, stored, rows, waiting = (total(census, name) for name in ("listed", "stored", "rows", "waiting"))
        tenths = f"{step} {stored * 10 // max(listed, 1)} {rows * 10 // max(listed, 1)}"
        if tenths != self._said or self._monotonic() - self._said_at >= QUIET_S:
            self._said, self._said_at = tenths, self._monotonic()
            waits = f", {waiting} waiting" if waiting else ""
            say(f"{step}: {listed} listed, {stored} stored, {rows} rows{waits}")


def _print(found: Sequence[SourceStatus], zone: ZoneInfo) -> None:
    columns = list(_line(found[0])) if found else ["source"]
    ends = f"Rows, erased and newest row: calls of the last {DAYS} days; call-lake status --all counts all."
    if all(isinstance(one, SourceCensus) for one in found):
        ends = f"{counted(len(found), 'source')}."
    print_rows(columns, [tuple(_line(one).values()) for one in found], Format.TABLE, ends=ends, zone=zone)
    for one in found:
        if line := _trouble(one)[1]:
            print_note(f"{one.source}: {line}")


def _print_engines(engines: Sequence[EngineStatus]) -> None:
    if not engines:
        return
    rows = [
        (one.engine, one.queue, *(_at_most(count) for count in (one.waiting, one.running, one.failed)), _hours(one))
        for one in engines
    ]
    print_rows(ENGINE_COLUMNS, rows, Format.TABLE, "transcripts", ends="", beside=True)
    for one in engines:
        if one.failed:
            option = "" if one.engine == AWS_ENGINE else f" --engine {one.engine}"
            print_note(f"call-lake transcribe --failed{option} lists what failed, and asks again.")


def _hours(one: EngineStatus) -> str | None:
    return None if one.hours_per_day is None else f"{one.hours_today} of {one.hours_per_day}"


def _at_most(count: int) -> int | str:
    return f"{count:,}+" if count >= MOST else count


def _line(one: SourceStatus) -> dict[str, Any]:
    """The cells of one source by column."""
    census = {"listed": one.listed, "stored": one.stored} if isinstance(one, SourceCensus) else {}
    elsewhere = {name: _number(one, name) for name in ("queue", "inbox", "quarantine")}
    return {
        "source": one.source,
        "checkpoint": one.checkpoint,
        "age": duration(one.checkpoint_age_s),
        "waiting": _number(one, "waiting"),
        "failed": _reasons(one),
        **elsewhere,
        **census,
        "rows": one.rows,
        "erased": _number(one, "erased"),
        "newest row": one.newest_row,
        "audio from": ", ".join(one.audio_hosts) or None,
        "trouble": _trouble(one)[0],
    }


def _number(one: SourceStatus, name: str) -> int | str:
    """``10,000+`` where counting stopped."""
    number: int = getattr(one, name)
    return f"{number:,}+" if name in one.at_least else number


def _trouble(one: SourceStatus) -> tuple[str | None, str | None]:
    """What the table says, and the line under it that has a command: a cell would cut it in pieces."""
    before, reached, rest = (one.trouble or "").partition(REACHED)
    return before + reached or None, reached + rest or None


def _reasons(one: SourceStatus) -> str | int:
    """``forbidden 1, not_found 3``, or 0; ``…, and more`` where counting stopped."""
    reasons = [f"{reason} {number}" for reason, number in sorted(one.failed.items())]
    return ", ".join(reasons + ["and more"] * ("failed" in one.at_least)) or 0
