"""``call-lake query``: one SQL statement to Athena."""

from typing import Annotated

import typer

from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.stack.athena import run_query
from call_lake_cli.stack.handle import find_stack


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the table calls, in Athena's SQL.")],
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Run one SELECT in Athena and print its rows.

    Examples:
      call-lake query "SELECT count(*) FROM calls WHERE call_date >= '2026-11-01'"
      call-lake query "SHOW PARTITIONS calls" --output csv
    """
    with explained():
        answer = run_query(find_stack(stack), sql)
        cost = answer.cost
        ends = f"{counted(len(answer.rows), 'row')} in {cost.seconds:.1f} s; Athena read {cost.scanned_bytes:,} bytes."
        print_rows(answer.columns, answer.rows, Format.JSON if json_ else Format.TABLE, ends=ends)
