"""Every key and prefix of the bucket comes from one module."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from call_lake.model import layout
from call_lake.model.layout import Partition

ROOT = Path(__file__).resolve().parents[3]
LAYOUT = ROOT / "shared/call_lake/model/layout.py"
PREFIXES = (
    *("audio/source", "inbox/", "lake/", "transcripts/"),
    *("athena-results/", "access-log/", "proofs/"),
)
CODE = [path for package in ("shared", "cli", "functions") for path in sorted((ROOT / package).rglob("*.py"))]
DAY = Partition("thulium", date(2026, 10, 20))


def texts_in(path: Path) -> Iterator[str]:
    """Every text of a module but its docstrings, which may name a key."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_spells_a_key_or_a_prefix(path: Path) -> None:
    spelled = [text for text in texts_in(path) if text.startswith(PREFIXES) or text == "audio/"]
    assert bool(spelled) is (path == LAYOUT)


def test_the_partition_of_a_key_is_the_one_that_made_it() -> None:
    assert Partition.of_key(f"{DAY.audio}any", layout.AUDIO) == DAY


@pytest.mark.parametrize("key", ["inbox/stray.json", "inbox/source=thulium/call_date=2026-02-30/a.json", "other/a"])
def test_a_key_that_names_no_partition_has_none(key: str) -> None:
    assert Partition.of_key(key, layout.INBOX) is None
