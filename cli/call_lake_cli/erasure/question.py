"""Ask before an erasure: what would go, and what is only perhaps theirs."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer
from rich.progress import Progress

from call_lake_cli.console.errors import UsageError, err
from call_lake_cli.console.words import counted

if TYPE_CHECKING:  # pyarrow takes longer to load than most commands to run
    from call_lake.operations.erase.targets import Near, Targets

AGENTS_SHOWN = 5
NEAR_SHOWN = 20


def must_be_able_to_ask(*, yes: bool) -> None:
    """Raises UsageError where nobody can be asked."""
    if not yes and not sys.stdin.isatty():
        raise UsageError("no terminal to ask at: --yes erases without asking, --dry-run shows what; nothing was erased")


def approve(targets: "Targets", query_results: int, *, yes: bool, bar: Progress) -> None:
    """Return where the erasure may begin. Raises UsageError where something is only perhaps theirs, and typer.Abort
    where the user says no."""
    near = targets.near
    if targets.matched and (near.numbers or near.mentioned):
        print_near(near)
        raise UsageError(f"{what_is_near(near)}; nothing was erased")
    if yes or not targets.all:
        return
    bar.stop()  # its line would be drawn over the question
    for line in summary(targets, query_results):
        err.print(line)
    err.print("it takes about half an hour, for queries that run now; --now does not wait for them")
    if not typer.confirm("Erase them permanently?", default=False, err=True):
        err.print("nothing was erased")
        raise typer.Abort
    bar.start()


def summary(targets: "Targets", query_results: int) -> list[str]:
    """What would be erased: how many recordings, of which days, sources and agents."""
    days = sorted(target.partition.call_date for target in targets.all)
    sources = sorted({target.partition.source for target in targets.all})
    lines = [f"{counted(len(targets.ids), 'recording')} of {days[0]} to {days[-1]}, of {', '.join(sources)}"]
    if targets.agents:
        lines.append(f"agents: {_shortly(targets.agents)}")
    if unfinished := len(targets.ids) - targets.matched:
        lines.append(f"{unfinished:,} of them are what an earlier erasure left that did not end")
    lines.append(
        f"everybody's results of Athena's queries go too: {counted(query_results, 'object')}, at most 7 days old"
    )
    return lines


def print_near(near: "Near") -> None:
    """List on stderr what is perhaps theirs."""
    for what, found in (("number", near.numbers), ("agent", near.agents)):
        for text, recordings in list(found.items())[:NEAR_SHOWN]:
            err.print(f"perhaps theirs: {what} {text} ({counted(recordings, 'recording')})")
        if len(found) > NEAR_SHOWN:
            err.print(f"perhaps theirs: {len(found) - NEAR_SHOWN:,} more {what}s; --dry-run --json lists all")
    for id in near.mentioned[:NEAR_SHOWN]:
        err.print(f"perhaps theirs: {id}, of which only the provider's record or file name holds the digits")
    if len(near.mentioned) > NEAR_SHOWN:
        err.print(
            f"perhaps theirs: {len(near.mentioned) - NEAR_SHOWN:,} more such recordings; --dry-run --json lists all"
        )


def what_is_near(near: "Near") -> str:
    """What to type about it, in one sentence."""
    ways = []
    if near.numbers:
        ways.append(f"perhaps theirs by a stored number: {len(near.numbers):,} (--also NUMBER takes one)")
    if near.mentioned:
        ways.append(f"by digits elsewhere in a record: {len(near.mentioned):,} (--mentioned takes them)")
    if near.agents:
        ways.append(f"by a similar name: {len(near.agents):,} (--agent NAME takes one)")
    return "; ".join(ways) + ("; --exact leaves all others out" if near.numbers or near.mentioned else "")


def _shortly(agents: Mapping[str, int]) -> str:
    most = sorted(agents.items(), key=lambda one: (-one[1], one[0]))
    named = ", ".join(f"{name} ({recordings:,})" for name, recordings in most[:AGENTS_SHOWN])
    return named + (f" and {len(most) - AGENTS_SHOWN:,} more" if len(most) > AGENTS_SHOWN else "")
