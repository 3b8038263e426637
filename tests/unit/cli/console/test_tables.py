"""Rows on a screen: nothing is cut, and only prose is broken."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from call_lake_cli.console.tables import EMPTY, Cell, lay_out

ID = "thulium-0123456789abcdef0123456789abcdef"
PROSE = "the alarm has no subscription, so nobody is told when it fires; type aws sns subscribe"


def laid(names: list[str], *rows: list[str], width: int) -> list[str]:
    cells = [[Cell(text) if text else EMPTY for text in row] for row in rows]
    return [line.plain for line in lay_out(names, cells, width)]


def test_what_fits_is_a_table() -> None:
    assert laid(["source", "n"], ["thulium", "1"], ["a", ""], width=12) == [
        *("source   n", "-------  -", "thulium  1", "a        -"),
    ]


def test_numbers_are_aligned_to_the_right() -> None:
    rows = [[Cell("7", numeric=True)], [EMPTY], [Cell("1,234", numeric=True)]]
    assert [line.plain for line in lay_out(["n"], rows, 80)][2:] == ["    7", "    -", "1,234"]


def test_prose_is_broken_between_words_where_that_makes_it_fit() -> None:
    lines = laid(["what", "id"], [PROSE, ID], width=80)

    assert max(map(len, lines)) <= 80
    assert sum(ID in line for line in lines) == 1
    assert " ".join(line[:38].strip() for line in lines[2:]) == PROSE


def test_an_id_in_prose_stays_whole_and_its_column_is_wide_enough() -> None:
    lines = laid(["what", "to do"], [f"{ID} has no audio object in the bucket any more", PROSE], width=70)

    assert max(map(len, lines)) <= 70
    assert sum(ID in line for line in lines) == 1


def test_what_does_not_fit_is_a_block_for_each_row_without_empty_fields() -> None:
    assert laid(["recording", "also"], [ID, ID], [ID, ""], width=60) == [
        *(f"recording  {ID}", f"also       {ID}", "", f"recording  {ID}"),
    ]


def test_in_a_block_prose_goes_on_below_itself() -> None:
    assert laid(["id", "what"], [ID, PROSE], width=50) == [
        f"id    {ID}",
        "what  the alarm has no subscription, so nobody is",
        "      told when it fires; type aws sns subscribe",
    ]


def test_no_rows_are_no_lines() -> None:
    assert laid(["source"], width=80) == []


words = st.text(st.sampled_from("ab漢é"), min_size=1, max_size=12)
texts = st.one_of(st.just(""), words, st.lists(words, min_size=1, max_size=12).map(" ".join))


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(texts, min_size=n, max_size=n), min_size=1)))
def test_every_word_is_shown_and_no_line_is_wider_than_the_screen(rows: list[list[str]]) -> None:
    names = [f"c{n}" for n in range(len(rows[0]))]

    lines = laid(names, *rows, width=60)

    assert max(map(cell_len, lines)) <= 60
    shown = re.findall(r"[ab漢é]+", " ".join(lines))
    assert sorted(shown) == sorted(word for row in rows for text in row for word in text.split())
