"""``call-lake find``: which calls there were, read from the tables' files themselves (ADR 0036, ADR 0046).

This command prints numbers and names, and with ``--says`` words of the calls.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from call_lake.model.table import Row, length_of
from call_lake.model.times import iso, parse_iso
from call_lake_cli.commands.find_said import NO_WORDS, note_search, print_said
from call_lake_cli.console.errors import NothingMatched, err, explained
from call_lake_cli.console.manner import Format, manner
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import is_laid_out, print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.stack.calls import (
    Asked,
    Wanted,
    as_json,
    clock_text,
    countries_of,
    find_calls,
    find_said,
    length_text,
    local_start,
    parse_phrase,
    wanted_of,
    zone_of_source,
)
from call_lake_cli.stack.handle import Stack, find_stack

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.lake.spoken import Said

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
Says = Annotated[
    str | None,
    typer.Option(
        "--says",
        metavar="WORDS",
        help="Calls in which these words were said, one after the other, in any case and without accents.",
    ),
]
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
    says: Says = None,
    longest: Annotated[bool, typer.Option("--longest", help="The longest calls first, not the newest.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Print so many calls at most.")] = 50,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Find calls by number, agent, day, direction, length and spoken words. Prints phone numbers and names.

    Reads the tables' files, not Athena. A call appears here once its row is in the table, some minutes after the call.
    With --says, it prints words of the calls. So each search is noted in the bucket: who, when, and which recordings.

    Examples:
      call-lake find --number "800 000 003" --from 2026-10-01
      call-lake find --agent anna --longest --limit 1
      call-lake find --day 2026-10-25 --longer-than 5m --output csv
      call-lake find --says "cancel my contract" --from 2026-10-01
    """
    with explained():
        here = find_stack(stack)
        asked = Asked(number or (), agent or (), day, from_, to, source, direction, longer_than)
        wanted = wanted_of(here, asked)
        if wanted.default_days:
            err.print(f"the last 31 days, {wanted.days}; --from DAY looks further back")
        found = _some(_found(here, wanted, says), limit + 1, longest=longest)
        shown = found[:limit]
        form = Format.JSON if json_ else manner().output
        if says is None:
            _print(here, wanted, [row for row, _ in shown], form)
        else:
            note_search(here, shown)
            print_said(here, [(row, said) for row, said in shown if said], form)
        if not shown:
            raise NothingMatched(f"no call fits ({wanted.days})" + (NO_WORDS if says else ""))
        if len(found) > limit:
            which = "longest" if longest else "newest"
            err.print(f"there are more: these are the {which} {limit}; --limit {limit * 10} prints more of them")


def _found(stack: Stack, wanted: Wanted, says: str | None) -> "Iterator[tuple[Row, Said | None]]":
    if says is None:
        return ((row, None) for row in find_calls(stack, wanted, COLUMNS))
    return iter(find_said(stack, wanted, parse_phrase(says), COLUMNS))


def _some(found: "Iterator[tuple[Row, Said | None]]", most: int, *, longest: bool) -> "list[tuple[Row, Said | None]]":
    if longest:
        return nlargest(most, found, key=lambda one: length_of(one[0]) or 0.0)
    return list(islice(found, most))


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
    start = f"start ({', '.join(zones)})" if is_laid_out() else "start"
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
    """On the clock of the source; in a pipe in UTC, as it is stored. The column's head names the zone where all calls
    have the same."""
    if not is_laid_out():
        return iso(parse_iso(row["started_at"]))
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
