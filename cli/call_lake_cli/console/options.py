"""Options that several commands share, and how their texts are read."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated

import typer

from call_lake.aws.clock import SystemClock
from call_lake.operations.days import Days
from call_lake_cli.console.errors import UsageError

CLOCK = SystemClock()

StackName = Annotated[
    str | None,
    typer.Option("--stack", envvar="CALL_LAKE_STACK", help="A stack in AWS; without it, the one on this machine."),
]
PRINTING = "Printing"
"""The panel of a command's help with the options that say how it prints."""
AsJson = Annotated[bool, typer.Option("--json", help="The short form of --output json.", rich_help_panel=PRINTING)]
"""A command that prints data has a parameter ``json_`` of this type, and gets ``--output`` and ``--utc`` with it."""
SourceName = Annotated[str | None, typer.Option("--source", help="Only this source; without it, all sources.")]


def parse_day(text: str) -> date:
    """A day written like ``2026-10-25``. Raises UsageError."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day
    except ValueError:
        raise UsageError(f"{text!r} is no day: write it like 2026-10-25") from None


def parse_days(from_: str | None, to: str | None) -> Days:
    """The days from ``from_`` to ``to``, both included; None means no bound. Raises UsageError, also for days that
    are in the future everywhere."""
    days = Days(parse_day(from_) if from_ else date.min, parse_day(to) if to else date.max)
    if days.last < days.first:
        raise UsageError(f"--to {to} is before --from {from_}")
    if days.first > (CLOCK.now() + timedelta(days=1)).date():
        raise UsageError(f"{days.first} is in the future: no call was made then")
    return days


def parse_parameters(texts: Sequence[str]) -> dict[str, str]:
    """The values of ``--set PARAMETER=VALUE`` by parameter of template.yaml. Raises UsageError."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise UsageError(f"--set {name!r} must be PARAMETER=VALUE, like --set SweepDays=30")
    return {name: value for name, _, value in pairs}
