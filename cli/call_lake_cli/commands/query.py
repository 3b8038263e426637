"""``call-lake query``: one SQL statement to Athena."""

from typing import Annotated

import typer

from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_rows
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import find_stack


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the table calls, in Athena's SQL.")],
    form: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Run one SELECT in Athena and print its rows."""
    with explained():
        answer = run_query(find_stack(stack), sql)
        print_rows(answer.columns, answer.rows, Format.JSON if json_ else form)
