"""How ``call-lake find --says`` prints the places at which words were said, and notes that it printed them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from call_lake.model.table import Row, length_of
from call_lake_cli.console.manner import Format
from call_lake_cli.console.output import print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.stack.audio import access_log_of
from call_lake_cli.stack.calls import as_json, length_text, told_hit
from call_lake_cli.stack.handle import Stack, zone_of

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.lake.spoken import Said

PRINTED = 3
"""So many places of one call are in a table. JSON and CSV have more."""
NO_WORDS = "; a call without a transcript has no words to find: call-lake status tells how many wait"


def note_search(stack: Stack, found: "Sequence[tuple[Row, Said | None]]") -> None:
    """Write a line of the access log before words of these calls are printed."""
    if found:
        access_log_of(stack).note("search", [row["recording_id"] for row, _ in found])


def print_said(stack: Stack, found: "Sequence[tuple[Row, Said]]", form: Format) -> None:
    """Print each call with the places at which the words were said in it."""
    if form is Format.JSON:
        lines = [_json_of(stack, row, said) for row, said in found]
        print_rows(list(lines[0]) if lines else ["recording_id"], [tuple(one.values()) for one in lines], form)
        return
    cells = [cell for row, said in found for cell in _cells(stack, row, said, form)]
    if not cells:
        return
    names = [name for name in cells[0] if any(cell[name] is not None for cell in cells)]
    places = sum(said.total for _, said in found)
    ends = f"{counted(len(found), 'call')}, {counted(places, 'place')}; at: minutes and seconds in the recording."
    print_rows(names, [tuple(cell[name] for name in names) for cell in cells], form, ends=ends, zone=zone_of(stack))


def _json_of(stack: Stack, row: Row, said: "Said") -> dict[str, Any]:
    hits = {"engine": said.engine, "places": said.total, "hits": [told_hit(hit) for hit in said.hits]}
    return as_json(stack, row) | hits


def _cells(stack: Stack, row: Row, said: "Said", form: Format) -> Iterator[dict[str, Any]]:
    """A line for each place."""
    for hit in said.hits if form is Format.CSV else said.hits[:PRINTED]:
        told = told_hit(hit)
        if form is Format.CSV:
            names = ("at_s", "side", "before", "words", "after")
            yield as_json(stack, row) | {"engine": said.engine} | {name: told[name] for name in names}
            continue
        yield {
            "start": row["started_at"],
            "length": length_text(length_of(row)),
            "caller": row["caller"],
            "callee": row["callee"],
            "agent": row["agent"],
            "at": length_text(hit.at_s),
            "side": told["side"],
            "said": f"{hit.before}[{hit.words}]{hit.after}",
            "recording": row["recording_id"],
        }
