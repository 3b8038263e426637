"""Options that several commands share."""

from typing import Annotated

import typer

StackName = Annotated[
    str | None,
    typer.Option("--stack", envvar="CALL_LAKE_STACK", help="A stack in AWS; without it the one on this machine."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SourceName = Annotated[str | None, typer.Option("--source", help="This source alone; without it all of them.")]
