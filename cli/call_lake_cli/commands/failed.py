"""``call-lake failed`` and ``call-lake redrive``: list the recordings that failed permanently, and send them again."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from call_lake.errors import Reason
from call_lake.ledger.entry import Entry
from call_lake.ledger.ledger import Ledger
from call_lake.model.times import iso
from call_lake.operations.redrive import RedriveCounts, Redriver
from call_lake.wiring.operator import dead_letters_of, ledger_of, queue_of
from call_lake_cli.console.errors import UsageError, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import Stack, find_source, find_stack, select_sources, zone_of

NO_ATTEMPT = "not_tried_yet"
"""Shown as the reason of a recording that no copier has tried: its message waits in the queue."""
WAITING_MOST = 1_000
ReasonName = Annotated[str | None, typer.Option("--reason", help="Only what failed for this reason, like forbidden.")]


def failed(
    source: SourceName = None,
    reason: ReasonName = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Instead, list what waits for another attempt, and why.")
    ] = False,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """List the recordings that failed permanently, by reason. Prints no phone number, name or provider key.

    Examples:
      call-lake failed
      call-lake failed --reason forbidden --output csv
      call-lake failed --waiting
    """
    with explained():
        here = find_stack(stack)
        _check(reason)
        sources = list(select_sources(here, source))
        if waiting:
            _print_waiting(here, sources, reason, json_)
            return
        entries = failures(ledger_of(here), sources, reason)
        lines = [line_of(entry) for entry in entries]
        by_reason = _by_reason(lines)
        dead = len(dead_letters_of(here))
        if json_:
            print_json({"failed": len(lines), "dead_letters": dead, "by_reason": by_reason, "recordings": lines})
            return
        recordings, letters = counted(len(lines), "recording"), counted(dead, "message")
        ends = f"{recordings} failed permanently; {letters} in the dead-letter queue."
        _print_lines(by_reason, lines, ends, zone_of(here))


def _print_waiting(here: Stack, sources: list[str], reason: str | None, json_: bool) -> None:
    entries = [one for source in sources for one in ledger_of(here).waiting(source, WAITING_MOST + 1)]
    more = len(entries) > WAITING_MOST
    lines = [
        waiting_line_of(one) for one in entries[:WAITING_MOST] if reason is None or (one.reason or NO_ATTEMPT) == reason
    ]
    by_reason = _by_reason(lines)
    if json_:
        print_json({"waiting": len(lines), "more": more, "by_reason": by_reason, "recordings": lines})
        return
    ends = f"{counted(len(lines), 'recording')} waiting{', and more' if more else ''}; nothing of them is lost."
    _print_lines(by_reason, lines, ends, zone_of(here))


def _by_reason(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter((line["source"], line["reason"]) for line in lines)
    return [{"source": s, "reason": r, "recordings": n} for (s, r), n in sorted(counts.items())]


def _print_lines(
    by_reason: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]], ends: str, zone: ZoneInfo
) -> None:
    counts = [tuple(one.values()) for one in by_reason]
    print_rows(("source", "reason", "recordings"), counts, Format.TABLE, ends="", beside=True)
    columns = tuple(lines[0]) if lines else ("recording_id",)
    print_rows(columns, [tuple(line.values()) for line in lines], Format.TABLE, ends=ends, zone=zone)


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


def waiting_line_of(entry: Entry) -> dict[str, Any]:
    """One recording that waits, without anything personal. ``next_attempt``: at the latest then a poll sends it again.
    A message that waits in the queue comes earlier."""
    last = entry.history[-1] if entry.history else {}
    return {
        "recording_id": entry.recording_id,
        "source": entry.source,
        "call_date": entry.call_date.isoformat(),
        "reason": entry.reason or NO_ATTEMPT,
        "detail": last.get("detail"),
        "since": iso(entry.first_published_at),
        "attempts": entry.attempts,
        "last_attempt": last.get("at"),
        "next_attempt": entry.due_at,
    }


def _since(entry: Entry) -> str:
    return str(entry.history[-1]["at"]) if entry.history else ""


def _check(reason: str | None) -> None:
    if reason is not None and reason not in {*Reason, NO_ATTEMPT}:
        raise UsageError(f"there is no reason {reason!r}; `call-lake failed` lists those that there are")
