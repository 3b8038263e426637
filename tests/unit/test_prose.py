"""Words that we do not use, and lines that fit a screen: in documentation, comments and docstrings."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bench", "cli", "docs", "functions", "local", "shared", "tests")
RESULTS = ROOT / "bench/RESULTS.md"
"""Written by the benches."""
PAGES = sorted(path for path in chain((ROOT / "README.md", ROOT / "CONTRIBUTING.md"), ROOT.glob("docs/**/*.md")))
TEXTS = sorted(
    path
    for path in chain(
        ROOT.glob("*.md"),
        ROOT.glob("*.yaml"),
        *((ROOT / folder).rglob(f"*.{ending}") for folder in FOLDERS for ending in ("md", "py", "sql", "yaml")),
    )
    if path not in (RESULTS, Path(__file__))
)
INSTEAD = {
    "anew": "again",
    "but for": "except",
    "for good": "permanently",
    "nobody has": "untested, or who did not do what",
    "of its own": "separate",
    "of their own": "separate",
    "whoever": "the reader, the caller, the next one",
}
UNWANTED = re.compile(rf"\b({'|'.join(INSTEAD)})\b".replace(" ", r"[\s#]+"), re.IGNORECASE)
COLUMNS = 120


def unwanted(text: str) -> Iterator[str]:
    for found in UNWANTED.finditer(text):
        phrase = " ".join(re.findall(r"\w+", found[0].lower()))
        yield f"line {text.count('\n', 0, found.start()) + 1}: write {INSTEAD[phrase]!r} instead of {phrase!r}"


def too_long(page: str) -> Iterator[str]:
    """Lines of prose: outside of code and tables, and not one long word like an address."""
    in_code = False
    for number, line in enumerate(page.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        one_word = " " not in re.sub(r"^\s*([-*]|\d+\.)?\s*", "", line)
        if len(line) > COLUMNS and not (in_code or line.lstrip().startswith("|") or one_word):
            yield f"line {number} has {len(line)} characters"


def test_an_unwanted_phrase_is_seen_across_lines_and_in_any_case() -> None:
    assert list(unwanted("fine\nBegin Anew")) == ["line 2: write 'again' instead of 'anew'"]
    assert list(unwanted("# gone for\n# good")) == ["line 1: write 'permanently' instead of 'for good'"]
    assert not list(unwanted("0009-files-of-its-own.md, for goods, renewed"))


def test_a_long_line_is_seen_outside_of_code_and_tables() -> None:
    long = "word " * 25
    assert list(too_long(f"{long}\n- {long}")) == ["line 1 has 125 characters", "line 2 has 127 characters"]
    assert not list(too_long(f"```sh\n{long}\n```\n| {long} |\n  [text](https://{'a' * 120})"))


@pytest.mark.parametrize(("find", "paths"), [(unwanted, TEXTS), (too_long, PAGES)], ids=["words", "width"])
def test_every_text_has_plain_words_and_every_page_fits_a_screen(
    find: Callable[[str], Iterator[str]], paths: Sequence[Path]
) -> None:
    assert [f"{path.relative_to(ROOT)}: {one}" for path in paths for one in find(path.read_text("utf-8"))] == []
