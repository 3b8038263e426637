"""Every command's screen, at 80 and at 60 columns. ``make screens`` writes them again; look at what changed."""

import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.commands import every_command
from tests.support.screens import FOLDER, ID, SCREENS, WIDTHS, screen_of

WRITE = "CALL_LAKE_WRITE_SCREENS"
UNBROKEN = re.compile(r"\S{40,}|call-lake show ")
"""What is never broken, so that it can be copied whole: ids, keys."""


@pytest.mark.parametrize("name", SCREENS)
def test_it_prints_what_its_file_shows(name: str, tmp_path: Path) -> None:
    shown = []
    for width in WIDTHS:
        folder = tmp_path / str(width)
        folder.mkdir()
        shown.append(screen_of(SCREENS[name], width, folder).replace(str(folder), "FOLDER"))
    file = FOLDER / f"{name}.txt"
    if os.environ.get(WRITE):
        file.write_text("\n".join(shown), encoding="utf-8")

    assert file.read_text(encoding="utf-8") == "\n".join(shown), f"if this is right: make screens, then look at {file}"


def test_no_screen_is_of_a_fault() -> None:
    assert [file.name for file in FOLDER.glob("*.txt") if "fault of Call Lake" in file.read_text("utf-8")] == []


def test_every_command_has_a_screen() -> None:
    typed = {tuple(screen.line.split()[1 : 1 + len(words)]) for screen in SCREENS.values() for words in every_command()}
    assert set(every_command()) <= typed


def test_no_file_is_left_of_a_screen_that_is_gone() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(SCREENS)


def test_a_table_is_as_wide_as_the_screen_at_most_and_breaks_no_id() -> None:
    for name in SCREENS:
        for part in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n\n$ "):
            width = int(part.rpartition("[")[2].split()[0])
            lines = [line for line in part.splitlines()[1:] if not UNBROKEN.search(line)]
            table = [line for line in lines if re.match(r"-+  -", line)]
            assert [line for line in table if cell_len(line) > width] == [], name
        text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        assert text.count(ID[:12]) == text.count(ID), f"{name} breaks an id"
