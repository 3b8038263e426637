"""``call-lake quarantine list`` and ``retry``: rows that the table could not hold."""

from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn

from call_lake.bucket.quarantine import QuarantinedRow, list_quarantine, put_back
from call_lake.ledger.entry import erased_among
from call_lake.model.times import iso
from call_lake.ports import ObjectStore, Table
from call_lake_cli.commands.show import ID
from call_lake_cli.console.app import App
from call_lake_cli.console.errors import NothingMatched, err, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import find_source, find_stack, zone_of
from call_lake_cli.stack.version import refuse_other_version

app = App(name="quarantine", help="Rows that the table could not hold: see them, send them again.")

ERASED_BATCH = 1000


@app.command("list")
def list_(
    source: SourceName = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Also print the rows' texts. They hold phone numbers and names.")
    ] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """List the rows in the quarantine: key, partition, reason, since when.

    Examples:
      call-lake quarantine list
      call-lake quarantine list --source thulium
    """
    with explained():
        here = find_stack(stack)
        if source is not None:
            find_source(here, source)
        lines = [line_of(one, raw=raw) for one in chosen(here.store, source)]
        if json_:
            print_json(lines)
            return
        columns = tuple(lines[0]) if lines else ("key",)
        ends = f"{counted(len(lines), 'row')} in the quarantine."
        rows = [tuple(line.values()) for line in lines]
        print_rows(columns, rows, Format.TABLE, ends=ends, zone=zone_of(here))


@app.command()
def retry(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY", help="Only these rows, by the keys of `quarantine list`.")
    ] = None,
    source: SourceName = None,
    stack: StackName = None,
    json_: AsJson = False,
) -> None:
    """Send rows from the quarantine back to the inbox, once their reason is fixed: the compactor tries them again.

    Examples:
      call-lake quarantine retry
      call-lake quarantine retry --source thulium
    """
    with explained():
        here = find_stack(stack)
        refuse_other_version(here, "quarantine retry")
        if source is not None:
            find_source(here, source)
        rows = list(chosen(here.store, source, keys))
        with progress(BarColumn(), MofNCompleteColumn()) as bar:
            sent, dropped = 0, 0
            for one in bar.track(send_again(here.store, here.table, rows), total=len(rows), description="rows"):
                sent += one
                dropped += not one
        if json_:
            print_json({"sent": sent, "dropped": dropped})
        else:
            erased = f"; {dropped} of erased recordings were deleted" if dropped else ""
            err.print(f"{counted(sent, 'row')} sent back to the inbox{erased}")
            if sent:
                err.print("after the next compaction call-lake quarantine list shows those that were refused again")


def chosen(store: ObjectStore, source: str | None, keys: Sequence[str] | None = None) -> Iterator[QuarantinedRow]:
    """The rows of this source, with these keys. Raises NothingMatched for a key that is not there."""
    missing = {name_of(key) for key in keys or ()}
    for one in list_quarantine(store):
        if source is not None and (one.partition is None or one.partition.source != source):
            continue
        if not keys or name_of(one.key) in missing:
            missing.discard(name_of(one.key))
            yield one
    if missing:
        raise NothingMatched(f"the quarantine has no row {sorted(missing)[0]}; call-lake quarantine list has the keys")


def name_of(key: str) -> str:
    """The last part of a key, which no other row has: short enough for a terminal."""
    return key.rpartition("/")[2].removesuffix(".json")


def line_of(one: QuarantinedRow, *, raw: bool) -> dict[str, Any]:
    """One row; only its text (``raw``) holds anything personal."""
    id = one.recording_id or ""
    line = {
        "key": name_of(one.key),
        "source": one.partition.source if one.partition else None,
        "call_date": one.partition.call_date.isoformat() if one.partition else None,
        "recording_id": id if ID.fullmatch(id) else None,
        "at": iso(one.at),
        "reason": one.rejected.reason,
    }
    return line | {"raw": one.rejected.text} if raw else line


def send_again(store: ObjectStore, table: Table, rows: Sequence[QuarantinedRow]) -> Iterator[bool]:
    """Move rows to the inbox; yields for each row whether it moved. The row of an erased recording is deleted instead,
    even if the recording is erased while the row moves (rule 15, tombstones)."""
    for some in batched(rows, ERASED_BATCH, strict=False):
        before = _erased(table, some)
        moved: list[tuple[QuarantinedRow, str]] = []
        for one in some:
            if one.recording_id in before:
                store.delete([one.key])
            else:
                moved.append((one, put_back(store, one)))
            yield one.recording_id not in before
        after = _erased(table, [one for one, _ in moved])
        store.delete([key for one, key in moved if one.recording_id in after])


def _erased(table: Table, rows: Sequence[QuarantinedRow]) -> set[str]:
    return erased_among(table, sorted({one.recording_id for one in rows if one.recording_id}))
