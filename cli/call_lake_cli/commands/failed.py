"""``call-lake failed`` and ``call-lake redrive``: list the recordings that failed permanently, and send them again."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from call_lake.errors import Reason
from call_lake.ledger.entry import Entry
from call_lake.ledger.ledger import Ledger
from call_lake.operations.redrive import RedriveCounts, Redriver
from call_lake.wiring.operator import dead_letters_of, ledger_of, queue_of
from call_lake_cli.console.errors import UsageError, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import find_source, find_stack, select_sources, zone_of

ReasonName = Annotated[str | None, typer.Option("--reason", help="Only what failed for this reason, like forbidden.")]


def failed(
    source: SourceName = None, reason: ReasonName = None, json_: AsJson = False, stack: StackName = None
) -> None:
    """List the recordings that failed permanently, by reason. Prints no phone number, name or provider key.

    Examples:
      call-lake failed
      call-lake failed --reason forbidden --output csv
    """
    with explained():
        here = find_stack(stack)
        _check(reason)
        entries = failures(ledger_of(here), list(select_sources(here, source)), reason)
        lines = [line_of(entry) for entry in entries]
        counts = Counter((line["source"], line["reason"]) for line in lines)
        by_reason = [{"source": s, "reason": r, "recordings": n} for (s, r), n in sorted(counts.items())]
        dead = len(dead_letters_of(here))
        if json_:
            print_json({"failed": len(lines), "dead_letters": dead, "by_reason": by_reason, "recordings": lines})
            return
        counts_of = [tuple(one.values()) for one in by_reason]
        print_rows(("source", "reason", "recordings"), counts_of, Format.TABLE, ends="", beside=True)
        columns = tuple(lines[0]) if lines else ("recording_id",)
        failed, letters = counted(len(lines), "recording"), counted(dead, "message")
        ends = f"{failed} failed permanently; {letters} in the dead-letter queue."
        rows = [tuple(line.values()) for line in lines]
        print_rows(columns, rows, Format.TABLE, ends=ends, zone=zone_of(here))


def redrive(
    reason: ReasonName = None, source: SourceName = None, json_: AsJson = False, stack: StackName = None
) -> None:
    """Send again what failed permanently: the dead letters, and the FAILED recordings of the ledger without one.

    Examples:
      call-lake redrive
      call-lake redrive --source thulium --reason forbidden
    """
    with explained():
        here = find_stack(stack)
        _check(reason)
        if source is not None:
            find_source(here, source)
        # All queues, whatever the filter: one queue holds the dead letters of every source.
        queues = {name: queue_of(here, settings) for name, settings in here.sources.items()}
        redriver = Redriver(ledger_of(here), queues, dead_letters_of(here), reason=reason, source=source)
        with progress() as bar:
            task = bar.add_task("reading the dead-letter queue", total=None)

            def show(counts: RedriveCounts) -> None:
                bar.update(task, description=f"{counts.sent} sent again")

            counts = asdict(redriver.redrive(show))
        if json_:
            print_json(counts)
        else:
            print_rows(
                tuple(counts),
                [tuple(counts.values())],
                Format.TABLE,
                ends=f"{counted(counts['sent'], 'recording')} sent again.",
            )


def failures(ledger: Ledger, sources: list[str], reason: str | None) -> list[Entry]:
    """The failed recordings by source and reason, the newest failure first."""
    found = [entry for source in sources for entry in ledger.failures(source) if reason in (None, entry.reason)]
    found.sort(key=_since, reverse=True)
    return sorted(found, key=lambda entry: (entry.source, entry.reason or ""))


def line_of(entry: Entry) -> dict[str, Any]:
    """One failed recording, without anything personal."""
    last = entry.history[-1] if entry.history else {}
    return {
        "recording_id": entry.recording_id,
        "source": entry.source,
        "call_date": entry.recording.call_date.isoformat() if entry.recording else None,
        "reason": entry.reason,
        "detail": last.get("detail"),
        "since": _since(entry) or None,
        "attempts": entry.attempts,
    }


def _since(entry: Entry) -> str:
    return str(entry.history[-1]["at"]) if entry.history else ""


def _check(reason: str | None) -> None:
    if reason is not None and reason not in set(Reason):
        raise UsageError(f"there is no reason {reason!r}; `call-lake failed` lists those that there are")
