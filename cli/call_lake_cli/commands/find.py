"""``call-lake find``: which calls there were, read from the table's files themselves (ADR 0036).

This command prints numbers and names.
"""

from collections.abc import Sequence
from enum import StrEnum
from heapq import nlargest
from itertools import islice
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from call_lake.model.table import Row, length_of
from call_lake_cli.console.errors import NothingMatched, err, explained
from call_lake_cli.console.manner import Format, manner
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.stack.calls import (
    Asked,
    Wanted,
    as_json,
    clock_text,
    countries_of,
    find_calls,
    length_text,
    local_start,
    wanted_of,
    zone_of_source,
)
from call_lake_cli.stack.handle import Stack, find_stack

COLUMNS = (
    *("direction", "caller", "callee", "agent", "disposition", "duration_s", "talk_s", "audio_s"),
    *("audio_format", "audio_uri"),
)


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


Number = Annotated[
    list[str] | None,
    typer.Option("--number", help="Calls from or to this number, in any spelling of it; may be repeated."),
]
Agent = Annotated[
    list[str] | None,
    typer.Option("--agent", help="Calls of agents whose name has these words, in any case; may be repeated."),
]
Day = Annotated[str | None, typer.Option("--day", metavar="DAY", help="Calls of this day, like 2026-10-25.")]
From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day; without days, the last 31.")]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day; without it, today.")]
DirectionOption = Annotated[Direction | None, typer.Option("--direction", help="Only calls of this direction.")]
LongerThan = Annotated[
    str | None, typer.Option("--longer-than", metavar="LENGTH", help="Only longer calls: 90 (seconds), 5m or 1h30m.")
]


def find(
    number: Number = None,
    agent: Agent = None,
    day: Day = None,
    from_: From = None,
    to: To = None,
    source: SourceName = None,
    direction: DirectionOption = None,
    longer_than: LongerThan = None,
    longest: Annotated[bool, typer.Option("--longest", help="The longest calls first, not the newest.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print so many calls at most.")] = 50,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Find calls by number, agent, day, direction and length. Prints phone numbers and names.

    Reads the table's files, not Athena. A call appears here once its row is in the table, some minutes after the call.

    Examples:
      call-lake find --number "800 000 003" --from 2026-10-01
      call-lake find --agent anna --longest --limit 1
      call-lake find --day 2026-10-25 --longer-than 5m --output csv
    """
    with explained():
        here = find_stack(stack)
        asked = Asked(number or (), agent or (), day, from_, to, source, direction, longer_than)
        wanted = wanted_of(here, asked)
        if wanted.default_days:
            err.print(f"the last 31 days, {wanted.days}; --from DAY looks further back")
        rows = find_calls(here, wanted, COLUMNS)
        if longest:
            found = nlargest(limit + 1, rows, key=lambda row: length_of(row) or 0.0)
        else:
            found = list(islice(rows, limit + 1))
        shown = found[:limit]
        _print(here, wanted, shown, Format.JSON if json_ else manner().output)
        if not shown:
            raise NothingMatched(f"no call fits ({wanted.days})")
        if len(found) > limit:
            which = "longest" if longest else "newest"
            err.print(f"there are more: these are the {which} {limit}; --limit {limit * 10} prints more of them")


def _print(stack: Stack, wanted: Wanted, rows: Sequence[Row], form: Format) -> None:
    countries = countries_of(stack)
    perhaps = [wanted.may_be_another(row, countries.get(row["source"], "")) for row in rows]
    if form is not Format.TABLE:
        lines = [as_json(stack, row) | {"perhaps": maybe} for row, maybe in zip(rows, perhaps, strict=True)]
        columns = list(lines[0]) if lines else ["recording_id"]
        print_rows(columns, [tuple(line.values()) for line in lines], form)
        return
    if not rows:
        return
    zones = sorted({str(_zone(stack, row)) for row in rows})
    start = f"start ({', '.join(zones)})"
    several = len({row["source"] for row in rows}) > 1
    columns = [start, "length", "direction", "caller", "callee", "agent", "audio"]
    columns += ["number"] * any(perhaps) + ["source"] * several + ["recording"]
    cells = [
        _cells(stack, row) | {start: _start(stack, row, zones), "number": "perhaps" if maybe else "same"}
        for row, maybe in zip(rows, perhaps, strict=True)
    ]
    doubt = f"{sum(perhaps)} of them may be of another number (perhaps): look at caller and callee."
    ends = " ".join([f"{counted(len(rows), 'call')}.", *([doubt] if any(perhaps) else [])])
    print_rows(columns, [tuple(one[name] for name in columns) for one in cells], form, ends=ends)


def _start(stack: Stack, row: Row, zones: Sequence[str]) -> str:
    """On the clock of the source. The column's head names the zone where all calls have the same."""
    zone = _zone(stack, row)
    text = clock_text(local_start(stack, row).astimezone(zone))
    return text if len(zones) == 1 else f"{text} {zone}"


def _zone(stack: Stack, row: Row) -> ZoneInfo:
    return ZoneInfo("UTC") if manner().utc else zone_of_source(stack, row["source"])


def _cells(stack: Stack, row: Row) -> dict[str, Any]:
    """One call for a person, without its start."""
    return {
        "length": length_text(length_of(row)),
        **{name: row[name] for name in ("direction", "caller", "callee", "agent", "source")},
        "audio": row["audio_format"] if row["audio_uri"] else "none",
        "recording": row["recording_id"],
    }
