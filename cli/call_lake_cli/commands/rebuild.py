"""``call-lake rebuild``: write the lake's partitions again, from the ledger and the audio objects."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn

from call_lake.model.lake_tables import CALLS, TRANSCRIPTS
from call_lake.operations.days import Days
from call_lake.operations.verify.transcripts import TranscriptVerifier, read_again
from call_lake.wiring.operator import (
    CLOCK,
    catalog_of,
    compactor_settings,
    documents_queue,
    ledger_of,
    transcripts_of,
)
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


class Table(StrEnum):
    """What can be made again from something else. The rows of ``sound`` are made by ``call-lake sound``."""

    CALLS = "calls"
    TRANSCRIPTS = "transcripts"


def rebuild(
    source: SourceName = None,
    table: Annotated[Table, typer.Option("--table", help="The table to rebuild.")] = Table.CALLS,
    from_: Annotated[
        str | None, typer.Option("--from", help="First call_date, YYYY-MM-DD; without it the first there is.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Last call_date, included; without it the last there is.")
    ] = None,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Rebuild a table's partitions, whatever is left of them: calls from the ledger and the audio objects, transcripts
    from the engines' documents.

    It is safe while everything runs: a query sees a partition before or after, and the compactor loses nothing. Right
    partitions are left alone, so after an interruption the same command goes on where it stopped. It runs with your own
    credentials: they have to read the compactor's settings, the ledger and the bucket, and write the bucket.

    Examples:
      call-lake rebuild
      call-lake rebuild --source thulium --from 2026-10-01 --to 2026-10-31
      call-lake rebuild --table transcripts
    """
    with explained():
        days = parse_days(from_, to)
        here = find_stack(stack)
        refuse_other_version(here, "rebuild")
        sources = list(select_sources(here, source))
        done = _rebuild(here, sources, days, table)
        sent = read_documents(here, sources, days) if table is Table.TRANSCRIPTS else None
        _print(done, sent, json_)
        if any(one.error for one in done):
            raise UserError("not every partition was rebuilt: the same command tries those that failed again")


def _rebuild(stack: Stack, sources: Sequence[str], days: Days, table: Table) -> list["RebuildAttempt"]:
    from call_lake.operations.rebuild import Rebuilder

    grace_s = compactor_settings(stack).grace_s
    of = TRANSCRIPTS if table is Table.TRANSCRIPTS else CALLS
    rebuilder = Rebuilder(ledger_of(stack), stack.store, catalog_of(stack), CLOCK, grace_s, table=of)
    with progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task("reading the ledger", total=None)
        found = rebuilder.find(sources, days.first, days.last)
        bar.update(task, description="partitions", total=len(found))
        try:
            return rebuilder.rebuild(found, lambda so_far, of: bar.update(task, completed=so_far))
        except KeyboardInterrupt:
            raise UserError("interrupted; what is rebuilt stays, and the same command goes on from there") from None


def read_documents(stack: Stack, sources: Sequence[str], days: Days) -> int:
    """Have the reader read each document of these days that has no row now; return how many there are."""
    from call_lake.lake.spoken import transcript_keys

    ledgers = transcripts_of(stack)
    rows = partial(transcript_keys, stack.store)
    verifier = TranscriptVerifier(stack.store, ledgers, rows, CLOCK, young=timedelta())
    sent = 0
    with progress(BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task("reading the documents", total=None)
        for source in sources:
            some = verifier.days_with_documents(source, days)
            for number, day in enumerate(some):
                bar.update(task, description=f"documents of {source}", completed=number, total=len(some))
                unread = verifier.verify(source, Days(day, day), {}, lambda _: None).unread
                sent += read_again(stack.store, ledgers, [info for _, info in unread], documents_queue(stack))
    return sent


def _print(done: Sequence["RebuildAttempt"], sent: int | None, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "sources": [dict(zip(COLUMNS, line, strict=True)) for line in by_source(done)],
                "rebuilt": [_as_json(one) for one in done if one.rebuilt and one.rebuilt.changed],
                "failed": [one.error for one in done if one.error],
            }
            | ({} if sent is None else {"documents_sent": sent})
        )
        return
    rebuilt = sum(bool(one.rebuilt and one.rebuilt.changed) for one in done)
    print_rows(
        COLUMNS, by_source(done), Format.TABLE, ends=f"{rebuilt:,} of {counted(len(done), 'partition')} rebuilt."
    )
    if sent is not None:
        err.print(f"documents without a row: {sent:,}; they were sent to the reader, and become rows in some minutes")
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
