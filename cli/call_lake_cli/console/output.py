"""Print data to stdout: a table for people, CSV, JSON or tab-separated text for programs.

Everything else goes to stderr. What a command prints as a table depends on where it goes:

- a terminal, or any place where COLUMNS is set: a table, or a block for each row where no table fits
- a pipe or a file: tab-separated text, a header and a line for each row, with the values as they are stored
"""

import csv
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from rich.progress import Progress, ProgressColumn
from rich.text import Text

from call_lake.plain_text import json_text, safe
from call_lake_cli.console.errors import UserError, err
from call_lake_cli.console.manner import Format as Format
from call_lake_cli.console.manner import manner
from call_lake_cli.console.tables import EMPTY, Cell, blocks, lay_out
from call_lake_cli.console.terminal import Terminal, progress_on
from call_lake_cli.console.words import counted

out = Terminal(soft_wrap=True)

NUMBER = re.compile(r"[+-]?[0-9][0-9 ]*([.,][0-9]+)?([eE][+-]?[0-9]+)?")
FORMULA = re.compile(r"(^|;)(?=[\s\"]*[=+\-@＝＋－＠])")
"""Where a spreadsheet would read a formula: at the start of a cell, or behind a semicolon, which separates the cells of
a CSV file in half of Europe. Japanese spreadsheets take the wide forms too."""


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
"""A time as Call Lake stores it."""


class Level(StrEnum):
    """How a check came out. A terminal with colours shows it in one."""

    OK = "ok"
    WARN = "warning"
    FAIL = "failed"


STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def progress(*columns: ProgressColumn) -> Progress:
    """A line on stderr while a command works: what it does, these columns, the time so far. It vanishes at the end."""
    return progress_on(err, *columns)


def print_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    form: Format,
    title: str | None = None,
    *,
    ends: str | None = None,
    zone: ZoneInfo | None = None,
    beside: bool = False,
) -> None:
    """Print rows, and a sentence that ends them. Raises UserError where the output cannot be written.

    ``form``: TABLE lets the option ``--output`` decide. ``ends``: the sentence; by default how many rows there are,
    empty for none. ``zone``: people read times in it; without one they read them as they are stored. ``beside``: the
    rows only sum up others, so CSV, which holds one table, leaves them out.
    """
    form = manner().output if form is Format.TABLE else form
    if form is Format.JSON:
        names = _different(columns)
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    if form is Format.CSV and beside:
        return
    sentence = f"{counted(len(rows), 'row')}." if ends is None else ends
    width = _width()
    with _written():
        if form is Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(csv_cell(name, out.encoding) for name in columns)
            writer.writerows([csv_cell(value, out.encoding) for value in row] for row in rows)
        elif width is None:
            _print_plain(columns, rows, title)
        else:
            cells, names = _Cells(zone), [safe(name, out.encoding) for name in columns]
            laid = lay_out(names, [[cells.of(value) for value in row] for row in rows], width)
            _print_lines(laid, title)
            sentence = cells.explained(sentence)
    if sentence and form is Format.CSV:
        err.print(sentence)
    elif sentence:
        print_note(sentence)


def is_laid_out() -> bool:
    """Whether a table is for people. A pipe or a file gets values as they are stored."""
    return _width() is not None


def print_note(text: str) -> None:
    """Print a sentence for people: below the table on a screen, on stderr where a program reads the data, nowhere under
    ``--quiet``. Raises UserError where the output cannot be written."""
    if _width() is None or manner().output is not Format.TABLE:
        err.print(text)
    elif not manner().quiet:
        print_line(text)


def print_story(fields: Sequence[tuple[str, Any]], zone: ZoneInfo | None = None, ends: str = "") -> None:
    """Print what there is to say of one thing, a line each, and a sentence. Raises UserError where the output cannot be
    written."""
    known = [field for field in fields if field[1] is not None]
    width = _width()
    if width is None or manner().output is Format.CSV:
        print_rows(("what", "value"), known, Format.TABLE, ends=ends)
        return
    cells = _Cells(zone)
    names = [safe(name, out.encoding) for name, _ in known]
    with _written():
        _print_lines(blocks(names, [[cells.of(value) for _, value in known]], width), None)
    if sentence := cells.explained(ends):
        print_note(sentence)


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


def _width() -> int | None:
    """Columns of the screen; None where a program reads, which wants no layout."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted):
        return int(wanted)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> None:
    """A tab between two values, so no value has one: ``safe`` writes it as an escape."""
    heads = [[title]] if title else []
    for line in [*heads, columns, *rows]:
        texts = ("" if value is None else safe(str(value), out.encoding) for value in line)
        sys.stdout.write("\t".join(texts) + "\n")


def _print_lines(lines: Sequence[Text], title: str | None) -> None:
    if title:
        out.print(Text(safe(title, out.encoding), "bold"))
    for line in lines:
        out.print(line)
    if lines:
        out.print()


class _Cells:
    """Make cells for people. Remembers whether one of them is a time, so that its zone is named once."""

    def __init__(self, zone: ZoneInfo | None) -> None:
        self._zone = ZoneInfo("UTC") if zone and manner().utc else zone
        self._times = False

    def of(self, value: Any) -> Cell:
        match value:
            case None:
                return EMPTY
            case Level():
                return Cell(value, STYLES[value])
            case int() if not isinstance(value, bool):
                return Cell(f"{value:,}", numeric=True)
            case float():
                return Cell(str(value), numeric=True)
            case datetime():
                return Cell(self._local(value.astimezone(UTC)))
            case str() if self._zone and MOMENT.fullmatch(value):
                return Cell(self._local(datetime.fromisoformat(value)))
        # Athena's DESCRIBE has tabs between blanks.
        return Cell(safe(str(value).replace("\t", " "), out.encoding))

    def explained(self, sentence: str) -> str:
        """The sentence, and after it whose times the table shows."""
        return f"{sentence} Times: {self._zone or 'UTC'}.".strip() if self._times else sentence

    def _local(self, moment: datetime) -> str:
        self._times = True
        return f"{moment.astimezone(self._zone or UTC):%Y-%m-%d %H:%M}"
