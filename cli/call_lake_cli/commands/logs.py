"""``call-lake logs``: what the stack's functions logged lately."""

import re
from collections import deque
from datetime import timedelta
from typing import Annotated

import typer

from call_lake.model.recording import RECORDING_ID
from call_lake.plain_text import json_text
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.errors import UsageError, explained
from call_lake_cli.console.options import AsJson, SourceName, StackName
from call_lake_cli.console.output import Format, print_json, print_rows, progress
from call_lake_cli.console.words import counted
from call_lake_cli.stack.handle import Stack, find_source, find_stack, zone_of
from call_lake_cli.stack.log_lines import LogLevel, LogLine, lines_of

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def logs(
    function: Annotated[
        str | None,
        typer.Argument(
            help="One of poller, copier, compactor, transcriber, transcript-reader and sound-analyzer; without it, all."
        ),
    ] = None,
    since: Annotated[str, typer.Option(help="How far to look back: 90s, 30m, 2h, 7d.")] = "1h",
    level: Annotated[LogLevel, typer.Option(help="Only lines of this level, and more serious ones.")] = LogLevel.INFO,
    source: SourceName = None,
    recording: Annotated[
        str | None, typer.Option("--recording", metavar="ID", help="Only lines about this recording id.")
    ] = None,
    text: Annotated[str, typer.Option(metavar="TEXT", help="Only lines with this text, as the table shows them.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many lines, the newest ones.")] = 100,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Show what the functions logged, the newest line last. A log holds no phone number, name or provider key.

    Examples:
      call-lake logs
      call-lake logs poller --level error --since 2h
      call-lake logs poller --text collisions= --since 1d
      call-lake logs --recording thulium-0f3c9a4be1d24c8f9a60b7d2e5f81c33
    """
    with explained():
        back = _duration(since)
        if recording is not None and not RECORDING_ID.fullmatch(recording):
            raise UsageError(f"{recording!r} is no recording id; `call-lake show` finds it by the provider's key")
        here = find_stack(stack)
        kinds = _kinds(here, function)
        if source is not None:
            find_source(here, source)
        start = CLOCK.now() - back
        found: list[LogLine] = []
        with progress() as bar:
            task = bar.add_task("reading", total=None)
            for kind in kinds:
                bar.update(task, description=f"reading the {kind}'s log")
                lines = lines_of(here, kind, start, recording or source)
                chosen = (one for one in lines if one.level.rank >= level.rank and one.is_about(source))
                found += deque((one for one in chosen if text in f"{one.message} {_more(one)}"), limit)
        found = sorted(found, key=lambda line: line.at)[-limit:]
        if json_:
            print_json([line.to_json() for line in found])
            return
        rows = [(one.at, one.function, one.level, one.message, _more(one)) for one in found]
        ends = f"{counted(len(found), 'line')} of the last {since}."
        if len(found) == limit:
            ends = f"The newest {counted(limit, 'line')} of the last {since}; --limit shows more."
        print_rows(("time", "function", "level", "message", "more"), rows, Format.TABLE, ends=ends, zone=zone_of(here))


def _more(line: LogLine) -> str | None:
    """The line's facts in one text, without those that are zero or empty."""
    facts = {key: value for key, value in line.facts.items() if value or value is False}
    texts = (f"{key}={v if isinstance(v, str) else json_text(v, 'utf-8')}" for key, v in facts.items())
    return " ".join(texts) or None


def _kinds(stack: Stack, function: str | None) -> list[str]:
    """Raises UsageError for a function that the stack does not have."""
    if function is None:
        return list(stack.functions)
    if function not in stack.functions:
        raise UsageError(f"there is no function {function!r}; there are: {', '.join(stack.functions)}")
    return [function]


def _duration(text: str) -> timedelta:
    """Raises UsageError."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if not match:
        raise UsageError(f"--since {text!r}: write it like 90s, 30m, 2h or 7d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
