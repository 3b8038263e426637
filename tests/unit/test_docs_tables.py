"""The pages have a line for every column of every table, in its order and with its type."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from call_lake.model.lake_tables import CALLS, SOUND, TRANSCRIPTS
from call_lake.model.transcripts import SEGMENTS

ROOT = Path(__file__).parents[2]
PARTITION = {"source": "string", "call_date": "date"}
WORDS = {SEGMENTS: "array of struct"}
FIELDS = dict(field.split(":") for field in SEGMENTS.removeprefix("array<struct<").removesuffix(">>").split(","))


def columns_under(page: str, heading: str) -> dict[str, str]:
    """Column -> type, of the first table after this heading."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert rows, heading
    found: dict[str, str] = {}
    for line in rows[0].splitlines()[2:]:
        names, kinds = (cell.strip().split(", ") for cell in line.split("|")[1:3])
        found |= zip(names, kinds * len(names) if len(kinds) == 1 else kinds, strict=True)
    return found


@pytest.mark.parametrize(
    ("page", "heading", "columns"),
    [
        ("README.md", "## The table `calls`", {**CALLS.columns, **PARTITION}),
        ("docs/schema.md", "## The table `transcripts`", {**TRANSCRIPTS.columns, **PARTITION}),
        ("docs/schema.md", "### Segments", FIELDS),
        ("docs/sound.md", "## The columns", {**SOUND.columns, **PARTITION}),
    ],
)
def test_a_page_names_every_column_of_a_table(page: str, heading: str, columns: Mapping[str, str]) -> None:
    expected = [(name, WORDS.get(kind, kind)) for name, kind in columns.items()]
    assert list(columns_under(page, heading).items()) == expected
