"""``call-lake query``: one SQL statement to Athena, printed or written into a file."""

import csv
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from call_lake.plain_text import json_text
from call_lake_cli.console.errors import UsageError, UserError, err, explained
from call_lake_cli.console.files import whole_file
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, csv_cell, print_line, print_rows
from call_lake_cli.console.words import counted
from call_lake_cli.stack.athena import Answer, run_query
from call_lake_cli.stack.handle import find_stack
from call_lake_cli.stack.saved_queries import is_name, parse_values, saved_query, with_values

STDIN = "-"
ENDINGS = (".parquet", ".csv", ".json")


def query(
    sql: Annotated[
        str | None,
        typer.Argument(metavar="SQL|NAME|-", help="A SELECT, a ready-made query like longest-calls, or - for stdin."),
    ] = None,
    sql_file: Annotated[Path | None, typer.Option("--sql-file", "-f", help="Read the SELECT from this file.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="Another value in the query's line params; repeatable."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-o", help="Write the rows into a file that ends in .parquet, .csv or .json."),
    ] = None,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Run one SELECT in Athena, and print its rows or write them into a file.

    Athena keeps the text of each query for 45 days. To look for a number, use call-lake find.

    Examples:
      call-lake query "SELECT agent FROM calls WHERE call_date = DATE '2026-11-01'"
      call-lake query longest-calls -o longest.csv
    """
    with explained():
        if file and file.suffix.lower() not in ENDINGS:
            raise UsageError(f"{file} says no format: end its name in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
        if file and file.exists():
            raise UserError(f"{file} exists already, and is not written over: choose another name")
        statement = with_values(_read(sql, sql_file), parse_values(param or []))
        answer = run_query(find_stack(stack), statement)
        if file is None:
            cost = answer.cost
            rows = counted(len(answer.rows), "row")
            ends = f"{rows} in {cost.seconds:.1f} s; Athena read {cost.scanned_bytes:,} bytes."
            print_rows(answer.columns, answer.rows, Format.JSON if json_ else Format.TABLE, ends=ends)
            return
        write_answer(answer, file)
        err.print(counted(len(answer.rows), "row"))
        print_line(str(file))


def _read(sql: str | None, file: Path | None) -> str:
    """The statement. Raises UsageError."""
    if (sql is None) == (file is None):
        raise UsageError("which query? give a SELECT, the name of a ready-made one, - for stdin, or -f FILE")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None
    if sql == STDIN:
        return sys.stdin.read()
    assert sql is not None  # noqa: S101 - else there is a file
    return saved_query(sql) if is_name(sql) else sql


def write_answer(answer: Answer, file: Path) -> None:
    """Write a new file in the format that its name ends in. Raises UserError."""
    if len(set(answer.columns)) < len(answer.columns):
        raise UserError("two columns of the answer have one name: name them with AS")
    with whole_file(file) as out:
        if file.suffix.lower() == ".parquet":
            from call_lake.lake.answers import write_parquet

            write_parquet(answer.columns, answer.types, answer.rows, out)
        elif file.suffix.lower() == ".json":
            out.write(json_text(answer.as_dicts(), indent=2).encode() + b"\n")
        else:
            text = TextIOWrapper(out, "utf-8", newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerows([csv_cell(value) for value in row] for row in (answer.columns, *answer.rows))
            text.flush()
            text.detach()
