"""Whatever a provider sends is printed as text: nothing in it acts on a terminal, a spreadsheet or a JSON reader."""

import ast
import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

import call_lake_cli
from call_lake.plain_text import json_text, safe
from call_lake_cli.console.errors import UserError, explained, fail, say
from call_lake_cli.console.output import Format, csv_cell, print_json, print_line, print_rows, progress
from call_lake_cli.console.terminal import Terminal, progress_on
from call_lake_local.errors import LocalError
from tests.support.tables import read_table

CLI = Path(call_lake_cli.__file__).parent
FILES = [file for file in sorted(CLI.rglob("*.py")) if file.parent.name != "console"]
HOSTILE = (
    *("[/x]", "[red]", "[/]", "[link=https://x.example]here[/link]", "\\[/x]", ":100:", ":smile:", "%s{task.x}"),
    *(
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\x1b]52;c;cm0gLXJm\x07",
        "\x9b31m",
        "\x7f",
        "\x00",
        "\x85",
        "a\rb",
        "a\nb",
        "a\tb",
    ),
    *("\u202egpj.exe", "\u2066a\u2069", "\u200f", "\u2028", "\ufeff", "\U000e0041", "\ud800", "\udfff\ud83d"),
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "x;=1", "漢字", "👩‍👩‍👧", "zażółć", "e\u0301" * 40, ""),
)


@pytest.fixture(autouse=True)
def screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """People read what is printed here, on a screen."""
    monkeypatch.setenv("COLUMNS", "80")


A_NUMBER = re.compile(r"[+-][0-9][0-9 ]*([.,][0-9]+)?([eE][+-]?[0-9]+)?")
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(), max_size=20),
    st.lists(st.sampled_from([*HOSTILE, "a", " ", "\\", "[", "]", ":", "/"]), max_size=5).map("".join),
)
encodings = st.sampled_from(["utf-8", "ascii", "iso-8859-2", "cp1252"])


def acts(text: str) -> list[str]:
    """The characters that act on a terminal, except ends of lines."""
    return [
        char
        for char in text
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(char) in BIDI
        if char != "\n"
    ]


def printed(encoding: str, act: Callable[[], object]) -> str:
    """What ``act`` prints on a stdout and stderr of this encoding, which are strict as Python's own stdout."""
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding, errors="strict", newline="")
    with redirect_stdout(stream), redirect_stderr(stream):
        act()
        stream.flush()
    return kept.getvalue().decode(encoding)


def refused(*lines: str) -> None:
    with suppress(typer.Exit):
        fail(*lines)


def test_every_character_that_acts_is_written_as_an_escape() -> None:
    for code in range(0x110000):
        if acts(chr(code)) or chr(code) == "\n":
            assert safe(chr(code)).startswith("\\"), hex(code)


@pytest.mark.parametrize("char", "\u034f\u115f\u1160\u17b4\u180b\u180f\u3164\uffa0\U0001bca0\U0001d173")
def test_a_character_that_shows_nothing_is_written_as_an_escape(char: str) -> None:
    assert safe(f"a{char}b") == f"a{char.encode('unicode_escape').decode()}b"


@pytest.mark.parametrize("mark", "\u0301\u20dd\u0e47\u064b\u0591\u0f74\ufe20")
def test_a_flood_of_marks_on_one_letter_is_written_as_escapes(mark: str) -> None:
    escaped = mark.encode("unicode_escape").decode()
    assert safe("e" + mark * 500 + "x") == "e" + mark * 4 + escaped * 496 + "x"
    assert json.loads(json_text("e" + mark * 500)) == "e" + mark * 500


def test_what_people_write_is_left_alone() -> None:
    for text in (
        "e\u0301\u0323 ệ",
        "ที่นี้",
        "بِسْمِ ٱللَّهِ",
        "בְּרֵאשִׁ֖ית",
        "བསྒྲུབས",
        "zażółć gęślą jaźń",
        "漢字",
        "👩\u200d👩\u200d👧",
        "می\u200cخواهم",
        "[/x] :100: \\x1b",
        "+48 500 600 700",
    ):
        assert safe(text) == text


@given(texts, encodings)
def test_nothing_printed_for_people_acts_on_the_terminal(text: str, encoding: str) -> None:
    def act() -> None:
        print_rows((text, "n"), [(text, 1), (None, 2)], Format.TABLE, text)
        print_rows((text, "n"), [(text, 1)], Format.CSV)
        print_line(text)
        say(text)
        refused(text, text)
        with progress() as bar:
            bar.update(bar.add_task(text), description=text)
            bar.refresh()

    assert acts(printed(encoding, act)) == []


@given(texts)
def test_markup_and_codes_of_emoji_are_printed_as_they_are(text: str) -> None:
    def act() -> None:
        print_line(text)
        refused(text)

    assert printed("utf-8", act) == f"{safe(text)}\nerror: {safe(text)}\n"


@given(texts)
def test_a_terminal_with_colours_gets_only_the_colours_of_the_program(text: str) -> None:
    terminal = Terminal(file=io.StringIO(), force_terminal=True, color_system="standard", soft_wrap=True)
    with progress_on(terminal) as bar:
        bar.update(bar.add_task(text), description=text)
    terminal.print(Text("error:", "red"), text)
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]

    assert "\x1b[31merror:\x1b[0m " + safe(text) in shown
    ours = re.sub(r"\x1b\[(\?25[lh]|[0-9;]*m|2K|1A)|\r", "", shown)
    assert acts(ours) == []


def test_a_table_in_ascii_keeps_its_columns() -> None:
    rows = [("漢字", 1), ("zażółć", 2)]
    shown = printed("ascii", lambda: print_rows(("name", "n"), rows, Format.TABLE))

    assert [list(row.values()) for row in read_table(shown)] == [
        [r"\u6f22\u5b57", "1"],
        [r"za\u017c\xf3\u0142\u0107", "2"],
    ]


# -- JSON


@given(st.recursive(st.one_of(texts, st.floats(), st.integers(), st.none(), st.booleans()), st.lists), encodings)
def test_json_is_valid_and_gives_back_what_was_stored(data: Any, encoding: str) -> None:
    def no_constant(name: str) -> None:
        raise AssertionError(name)

    shown = printed(encoding, lambda: print_json({"data": data}))

    assert acts(shown) == []
    assert json.loads(shown, parse_constant=no_constant) == {"data": finite(data)}


def finite(data: Any) -> Any:
    """As JSON can say it: without NaN, and with two surrogates side by side as the character that they are."""
    if isinstance(data, list):
        return [finite(one) for one in data]
    if isinstance(data, str):
        return data.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return None if isinstance(data, float) and not math.isfinite(data) else data


@given(st.lists(st.sampled_from(["calls", "calls_2", "calls_3", "", "_2"]), max_size=6))
def test_columns_of_one_name_are_all_in_the_json(names: list[str]) -> None:
    row = list(range(len(names)))
    [found] = json.loads(printed("utf-8", lambda: print_rows(names, [row], Format.JSON)))

    assert list(found.values()) == row
    assert set(names) <= set(found)


def test_the_second_column_of_a_name_is_numbered() -> None:
    shown = printed("utf-8", lambda: print_rows(("a", "a", "a_2", "b"), [(1, 2, 3, math.nan)], Format.JSON))

    assert json.loads(shown) == [{"a": 1, "a_3": 2, "a_2": 3, "b": None}]


# -- CSV


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "＝1", "+", "-", "+48500600700x", "-2-3", " =1"]
)
def test_a_formula_becomes_text(formula: str) -> None:
    assert csv_cell(formula) == f"'{formula}"


def test_a_formula_behind_the_semicolon_of_another_separator_becomes_text() -> None:
    assert csv_cell('x;=1+1;"=2') == """x;'=1+1;'"=2"""


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1", "\x00=1"])
def test_a_formula_behind_a_control_character_is_behind_an_escape(text: str) -> None:
    assert csv_cell(text) == safe(text)


@pytest.mark.parametrize("number", ["+48500600700", "-5", "-1.5", "-1,5", "+48 500 600 700", -3, -1.5e-07, 7])
def test_a_number_is_left_alone(number: object) -> None:
    assert csv_cell(number) == str(number)


@given(st.lists(texts, min_size=1, max_size=4), encodings)
def test_no_cell_of_a_csv_begins_a_formula(cells: list[str], encoding: str) -> None:
    shown = printed(encoding, lambda: print_rows(["name"] * len(cells), [cells], Format.CSV, ends=""))

    header, row = csv.reader(io.StringIO(shown))
    assert len(header) == len(row) == len(cells)
    for separator in (",", ";", "\t"):
        for one in csv.reader(io.StringIO(shown), delimiter=separator):
            assert not [cell for cell in one if cell.startswith(tuple("=+-@\t\r")) and not A_NUMBER.fullmatch(cell)]


# -- errors


@pytest.mark.parametrize(
    "error", [LocalError("no\nthe \x1b[2J log"), UserError("no \x1b[2J[/x]"), ValueError("\x1b[2J[/x]")]
)
def test_an_error_is_text(error: Exception) -> None:
    def act() -> None:
        with suppress(typer.Exit), explained():
            raise error

    shown = printed("utf-8", act)
    assert acts(shown) == []
    assert r"\x1b[2J" in shown


def test_the_tail_of_a_log_has_its_own_lines() -> None:
    def act() -> None:
        with suppress(typer.Exit), explained():
            raise LocalError("sam failed\n  first\n  second")

    assert printed("utf-8", act) == "error: sam failed\n  first\n  second\n"


# -- one way out


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CLI).as_posix())
def test_only_the_console_prints(file: Path) -> None:
    """Everything else goes through it, so nothing can be printed that was not made safe."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)}
    imported = {
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    bars = {"BarColumn", "MofNCompleteColumn", "TaskProgressColumn", "Progress"}  # they show numbers alone

    forbidden = {
        "print",
        "sys.stdout",
        "sys.stderr",
        "sys.stdout.write",
        "typer.echo",
        "typer.secho",
        "Text",
        "TextColumn",
    }
    assert names & forbidden == set()
    assert {name for name in imported if name.startswith("rich")} <= {f"rich.progress.{bar}" for bar in bars}
