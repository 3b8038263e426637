"""Print data to stdout: a table for people, CSV or JSON for programs. Everything else goes to stderr."""

import csv
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from rich.progress import Progress, ProgressColumn
from rich.table import Table
from rich.text import Text

from call_lake.plain_text import json_text, safe
from call_lake_cli.console.errors import UserError, err
from call_lake_cli.console.terminal import Terminal, progress_on

out = Terminal(soft_wrap=True, width=None if sys.stdout.isatty() else 200)

NUMBER = re.compile(r"[+-]?[0-9][0-9 ]*([.,][0-9]+)?([eE][+-]?[0-9]+)?")
FORMULA = re.compile(r"(^|;)(?=[\s\"]*[=+\-@＝＋－＠])")
"""Where a spreadsheet would read a formula: at the start of a cell, or behind a semicolon, which separates the cells of
a CSV file in half of Europe. Japanese spreadsheets take the wide forms too."""


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def progress(*columns: ProgressColumn) -> Progress:
    """A line on stderr while a command works: what it does, these columns, the time so far. It vanishes at the end."""
    return progress_on(err, *columns)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: Format, title: str | None = None) -> None:
    """Raises UserError where the output cannot be written."""
    if form is Format.JSON:
        names = _different(columns)
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    with _written():
        if form is Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(csv_cell(name, out.encoding) for name in columns)
            writer.writerows([csv_cell(value, out.encoding) for value in row] for row in rows)
        else:
            _print_table(columns, rows, title)


def print_json(data: Any) -> None:
    """Raises UserError where the output cannot be written."""
    with _written():
        sys.stdout.write(json_text(data, out.encoding, indent=2) + "\n")


def print_line(text: str) -> None:
    """Raises UserError where the output cannot be written."""
    with _written():
        out.print(text)


def csv_cell(value: Any, encoding: str = "utf-8") -> str:
    """A value as CSV shows it: nothing for None, an apostrophe before what a spreadsheet would calculate (ADR 0019).

    A number is left alone, also one with a sign like ``+48500600700``.
    """
    if value is None:
        return ""
    text = safe(str(value), encoding)
    return text if NUMBER.fullmatch(text) else FORMULA.sub(r"\1'", text)


def _different(names: Sequence[str]) -> list[str]:
    """A name for each column: the second ``calls`` becomes ``calls_2``, as a JSON object has each name once."""
    found: list[str] = []
    for name in names:
        number, one = 1, name
        while one in found or (number > 1 and one in names):
            number += 1
            one = f"{name}_{number}"
        found.append(one)
    return found


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


def _text(value: Any) -> str | Text:
    if value is None:
        return Text("-", "dim")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("\t", " ")  # Athena's DESCRIBE has tabs between blanks
