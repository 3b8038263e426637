"""Print data to stdout: a table for people, CSV or JSON for programs. Everything else goes to stderr."""

import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from call_lake_cli.console.errors import UserError, err

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 200)


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def progress(*columns: ProgressColumn) -> Progress:
    """A line on stderr while a command works: what it does, these columns, the time so far. It vanishes at the end."""
    around = (SpinnerColumn(), TextColumn("{task.description}"), *columns, TimeElapsedColumn())
    return Progress(*around, console=err, transient=True)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: Format, title: str | None = None) -> None:
    """Raises UserError where the output cannot be written."""
    if form is Format.JSON:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    with _written():
        if form is Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(["" if value is None else value for value in row] for row in rows)
        else:
            _print_table(columns, rows, title)


def print_json(data: Any) -> None:
    """Raises UserError where the output cannot be written."""
    with _written():
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")


@contextmanager
def _written() -> Iterator[None]:
    """Report a full disk while that is still possible. A pipe that its reader has closed is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes the rest once more at its end
        raise UserError(f"the output cannot be written: {error.strerror}") from None


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> None:
    table = Table(title=title, title_justify="left")
    for position, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[position], int | float | None) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(value) for value in row))
    out.print(table)


def _text(value: Any) -> str:
    if value is None:
        return "[dim]-[/dim]"
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return text.replace("[", r"\[")
