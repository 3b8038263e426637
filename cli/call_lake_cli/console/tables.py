"""Lay rows out for a screen of some width: a table where it fits, else a block of lines for each row.

No cell is ever cut. Only prose is broken, between two words, so that an id or an address can be copied whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

GAP = "  "
PROSE_FROM = 20
"""A cell with blanks that is wider than this may be broken."""
PROSE_MIN = 20
"""A column of prose is never narrower: rows are shown as blocks instead."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text that is safe to print, how it looks, and whether it is a number."""

    text: str
    style: str = ""
    numeric: bool = False

    @property
    def width(self) -> int:
        return cell_len(self.text)

    @property
    def is_prose(self) -> bool:
        return " " in self.text and self.width > PROSE_FROM


EMPTY = Cell("-", "dim")


def lay_out(names: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> list[Text]:
    """The lines of a table at most so wide; of blocks where no such table fits. ``names`` are safe to print."""
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    widths = _fitted(names, columns, width)
    return blocks(names, rows, width) if widths is None else _table(names, rows, columns, widths)


def blocks(names: Sequence[str], rows: Sequence[Sequence[Cell]], width: int) -> list[Text]:
    """A block for each row: a line for each field that is not empty. Long prose goes on below itself."""
    label = max(cell_len(name) for name in names)
    lines: list[Text] = []
    for row in rows:
        lines += [Text("")] if lines else []
        for name, cell in zip(names, row, strict=True):
            if cell == EMPTY:
                continue
            first, *more = _broken(cell, width - label - len(GAP))
            lines.append(_joined([Text(_padded(name, label), "bold"), Text(first, cell.style)]))
            lines += [_joined([Text(" " * label), Text(text, cell.style)]) for text in more]
    return lines


def _fitted(names: Sequence[str], columns: Sequence[Sequence[Cell]], width: int) -> list[int] | None:
    """The width of each column; None where they do not fit side by side."""
    widest = [
        max(cell_len(name), *(cell.width for cell in column)) for name, column in zip(names, columns, strict=True)
    ]
    too_much = sum(widest) + len(GAP) * (len(widest) - 1) - width
    if too_much <= 0:
        return widest
    prose = {n for n, column in enumerate(columns) if any(cell.is_prose for cell in column)}
    least = {n: max(PROSE_MIN, cell_len(names[n]), *(_longest_word(cell) for cell in columns[n])) for n in prose}
    widths = list(widest)
    while too_much > 0:  # take from the widest column of prose that can still give
        giving = [n for n in prose if widths[n] > least[n]]
        if not giving:
            return None
        one = max(giving, key=lambda n: widths[n])
        widths[one] -= 1
        too_much -= 1
    return widths


def _table(
    names: Sequence[str], rows: Sequence[Sequence[Cell]], columns: Sequence[Sequence[Cell]], widths: Sequence[int]
) -> list[Text]:
    right = [
        all(cell.numeric or cell == EMPTY for cell in column) and any(cell.numeric for cell in column)
        for column in columns
    ]
    head = [Text(_padded(name, n, right=r), "bold") for name, n, r in zip(names, widths, right, strict=True)]
    lines = [_joined(head), _joined([Text("-" * n, "dim") for n in widths])]
    for row in rows:
        parts = [_broken(cell, n) for cell, n in zip(row, widths, strict=True)]
        for line in zip_longest(*parts, fillvalue=""):
            cells = zip(line, row, widths, right, strict=True)
            lines.append(_joined([Text(_padded(text, n, right=r), cell.style) for text, cell, n, r in cells]))
    return lines


def _joined(cells: Sequence[Text]) -> Text:
    line = Text(GAP).join(cells)
    line.rstrip()
    return line


def _padded(text: str, width: int, *, right: bool = False) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks


def _longest_word(cell: Cell) -> int:
    return max(map(cell_len, cell.text.split(" "))) if cell.is_prose else cell.width


def _broken(cell: Cell, width: int) -> list[str]:
    """The cell's lines: prose is broken between words, everything else is one line."""
    if not cell.is_prose:
        return [cell.text]
    lines = [""]
    for word in cell.text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
