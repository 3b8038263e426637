"""``call-lake rebuild``: write the lake's partitions again, from the ledger and the audio objects."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn

from call_lake.operations.days import Days
from call_lake.wiring.operator import CLOCK, catalog_of, compactor_settings, ledger_of
from call_lake_cli.console.errors import UserError, err, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName, parse_days
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import Stack, find_stack, select_sources
from call_lake_cli.stack.version import refuse_other_version

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.operations.rebuild import RebuildAttempt

COLUMNS = (
    "source",
    "partitions",
    "rebuilt",
    "rows",
    "mended",
    "dropped",
    "kept",
    "unreadable files",
    "to quarantine",
    "failed",
)


def rebuild(
    source: SourceName = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First call_date, YYYY-MM-DD; without it the first there is.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Last call_date, included; without it the last there is.")
    ] = None,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Rebuild the table's partitions from the ledger and the audio objects, whatever is left of them.

    It is safe while everything runs: a query sees a partition before or after, and the compactor loses nothing. Right
    partitions are left alone, so after an interruption the same command goes on where it stopped. It runs with your own
    credentials: they have to read the compactor's settings, the ledger and the bucket, and write the bucket.

    Examples:
      call-lake rebuild
      call-lake rebuild --source thulium --from 2026-10-01 --to 2026-10-31
    """
    with explained():
        days = parse_days(from_, to)
        here = find_stack(stack)
        refuse_other_version(here, "rebuild")
        done = _rebuild(here, list(select_sources(here, source)), days)
        _print(done, json_)
        if any(one.error for one in done):
            raise UserError("not every partition was rebuilt: the same command tries those that failed again")


def _rebuild(stack: Stack, sources: Sequence[str], days: Days) -> list["RebuildAttempt"]:
    from call_lake.operations.rebuild import Rebuilder

    grace_s = compactor_settings(stack).grace_s
    rebuilder = Rebuilder(ledger_of(stack), stack.store, catalog_of(stack), CLOCK, grace_s)
    with progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task("reading the ledger", total=None)
        found = rebuilder.find(sources, days.first, days.last)
        bar.update(task, description="partitions", total=len(found))
        try:
            return rebuilder.rebuild(found, lambda so_far, of: bar.update(task, completed=so_far))
        except KeyboardInterrupt:
            raise UserError("interrupted; what is rebuilt stays, and the same command goes on from there") from None


def _print(done: Sequence["RebuildAttempt"], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "sources": [dict(zip(COLUMNS, line, strict=True)) for line in by_source(done)],
                "rebuilt": [_as_json(one) for one in done if one.rebuilt and one.rebuilt.changed],
                "failed": [one.error for one in done if one.error],
            }
        )
        return
    rebuilt = sum(bool(one.rebuilt and one.rebuilt.changed) for one in done)
    print_rows(
        COLUMNS, by_source(done), Format.TABLE, ends=f"{rebuilt:,} of {counted(len(done), 'partition')} rebuilt."
    )
    for one in done:
        if one.error:
            err.print(f"as it was: {one.error}")
    if any(one.to_quarantine for one in done):
        err.print("rows that the table cannot hold: call-lake quarantine list, after the next compaction")


def by_source(done: Sequence["RebuildAttempt"]) -> list[tuple[Any, ...]]:
    """One line for each source, in the order of ``COLUMNS``."""
    counts: dict[str, Counter[str]] = {}
    for one in done:
        count = counts.setdefault(one.partition.source, Counter())
        count["partitions"] += 1
        count["to quarantine"] += one.to_quarantine
        count["failed"] += bool(one.error)
        if one.rebuilt:
            count["rebuilt"] += one.rebuilt.changed
            count["rows"] += len(one.rebuilt.held)
            count["mended"] += one.rebuilt.mended
            count["dropped"] += one.rebuilt.dropped
            count["kept"] += one.rebuilt.kept
            count["unreadable files"] += len(one.rebuilt.unreadable)
    return [(source, *(counts[source][name] for name in COLUMNS[1:])) for source in sorted(counts)]


def _as_json(one: "RebuildAttempt") -> dict[str, Any]:
    assert one.rebuilt  # noqa: S101 - the caller chose those that have
    return {
        "source": one.partition.source,
        "call_date": one.partition.call_date.isoformat(),
        "rows": len(one.rebuilt.held),
        "mended": one.rebuilt.mended,
        "dropped": one.rebuilt.dropped,
        "kept": one.rebuilt.kept,
        "unreadable": list(one.rebuilt.unreadable),
    }
