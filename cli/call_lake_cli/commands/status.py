"""``call-lake status``: how far each source was read, and what became of its recordings."""

from collections.abc import Sequence

from call_lake.ledger.ceiling import REACHED
from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_line, print_rows
from call_lake_cli.stack.census import SourceCensus, take_census
from call_lake_cli.stack.handle import find_stack


def status(json_: AsJson = False, stack: StackName = None) -> None:
    """Show each source: how far it was read, and what became of its recordings."""
    with explained():
        census = take_census(find_stack(stack))
        if json_:
            print_json([one.to_json() for one in census])
        else:
            _print(census)


def print_counts(census: Sequence[SourceCensus], title: str | None = None) -> None:
    """What became of each source's recordings, without its checkpoint: for `local settle` and the demo."""
    columns = ("source", "listed", "stored", "rows", "failed", "waiting", "in queue", "in inbox")
    rows = [
        (one.source, one.listed, one.stored, one.rows, _reasons(one), one.waiting, one.queue, one.inbox)
        for one in census
    ]
    print_rows(columns, rows, Format.TABLE, title)


def _print(census: Sequence[SourceCensus]) -> None:
    columns = (
        *("source", "checkpoint", "age", "listed", "stored", "failed"),
        *("waiting", "queue", "inbox", "rows", "newest row", "audio from", "trouble"),
    )
    rows = [
        (
            *(one.source, one.checkpoint, _duration(one.checkpoint_age_s), one.listed, one.stored, _reasons(one)),
            *(one.waiting, one.queue, one.inbox, one.rows, one.newest_row, ", ".join(one.audio_hosts) or None),
            _trouble(one)[0],
        )
        for one in census
    ]
    print_rows(columns, rows, Format.TABLE)
    for one in census:
        if line := _trouble(one)[1]:
            print_line(f"{one.source}: {line}")


def _trouble(one: SourceCensus) -> tuple[str | None, str | None]:
    """What the table says, and the line under it that has a command: a cell would cut it in pieces."""
    before, reached, rest = (one.trouble or "").partition(REACHED)
    return before + reached or None, reached + rest or None


def _reasons(one: SourceCensus) -> str | int:
    """``not_found 3, forbidden 1``, or 0."""
    return ", ".join(f"{reason} {number}" for reason, number in sorted(one.failed.items())) or 0


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
