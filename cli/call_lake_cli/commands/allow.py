"""``call-lake allow``: let more new recordings of a source through today than its ceiling says."""

from typing import Annotated

import typer

from call_lake.ledger.ceiling import Ceiling
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.errors import err, explained
from call_lake_cli.console.options import StackName
from call_lake_cli.stack.handle import find_source, find_stack

MORE_MAX = 10_000_000
"""A larger number is a slip: so many recordings cost some hundred dollars, and their audio as much each month."""


def allow(
    source: Annotated[str, typer.Argument(help="The source, as `call-lake status` names it.")],
    more: Annotated[int, typer.Option("--more", help="How many new recordings more.", min=1, max=MORE_MAX)],
    stack: StackName = None,
) -> None:
    """Let more new recordings of a source through until 00:00 UTC, when its ceiling is reached or will be.

    Examples:
      call-lake allow thulium --more 50000
    """
    with explained():
        here = find_stack(stack)
        per_day = find_source(here, source).new_per_day
        today = Ceiling(here.table, CLOCK, source, per_day).allow(more)
        err.print(
            f"{source} may bring {today.left:,} new recordings more until 00:00 UTC, {today.limit:,} in all today; "
            "the next poll goes on"
        )
