"""``call-lake source``: what it writes, prints and refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake_cli.commands import source
from call_lake_cli.console import questions
from call_lake_cli.main import app
from tests.support.template import TEXT

type Type = Callable[..., Any]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types ``call-lake source …`` in a folder with a copy of the template."""
    (tmp_path / "template.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return lambda *words, answer="": CliRunner().invoke(app, ["source", *words], input=answer)


def names(typed: Type) -> list[str]:
    return [one["name"] for one in json.loads(typed("list", "--json").stdout) if not one["removed"]]


def test_a_source_is_added_and_listed(typed):
    added = typed("add", "north", "--provider", "thulium")

    assert added.exit_code == 0
    assert "NorthBaseUrl" in added.stderr
    assert names(typed) == ["thulium", "conpeek", "north"]


def test_removing_says_what_goes_and_what_stays_and_asks(typed, monkeypatch):
    monkeypatch.setattr(questions, "at_terminal", lambda: True)
    typed("add", "north", "--provider", "thulium")

    refused = typed("remove", "north", answer="n\n")

    assert refused.exit_code == 1
    assert "its secret" in refused.stderr
    assert "its audio" in refused.stderr
    assert "north" in names(typed)
    assert typed("remove", "north", answer="y\n").exit_code == 0
    assert names(typed) == ["thulium", "conpeek"]


def test_scripts_are_not_asked(typed):
    silent = typed("remove", "conpeek")
    assert silent.exit_code == 2
    assert "error: no terminal to ask at, so nothing was changed: --yes goes on without a question\n" in silent.stderr
    assert names(typed) == ["thulium", "conpeek"]
    assert typed("remove", "conpeek", "--yes").exit_code == 0
    assert names(typed) == ["thulium"]


def test_a_removed_source_is_listed_as_removed(typed):
    typed("remove", "conpeek", "--yes")

    assert json.loads(typed("list", "--json").stdout)[1] == {"name": "conpeek", "provider": "conpeek", "removed": True}
    assert "removed" in typed("list").stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "thulium", "--provider", "thulium"), "is in the template already"),
        (("add", "north", "--provider", "acme"), "is not one of"),
        (("remove", "north", "--yes"), "has no source 'north'"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(typed, words, why):
    refused = typed(*words)

    assert refused.exit_code == 1
    assert why in refused.stderr
    assert Path("template.yaml").read_text() == TEXT


def test_a_folder_without_a_template_is_named(typed):
    Path("template.yaml").unlink()

    refused = typed("list")

    assert refused.exit_code == 1
    assert "no template.yaml here" in refused.stderr


def test_make_sources_changes_nothing_where_nothing_changed(typed):
    source.rewrite()

    assert Path("template.yaml").read_text() == TEXT
