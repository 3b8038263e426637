"""What holds for the help of every command, also of those to come."""

import re
import shlex
from typing import Any

import pytest
from typer.testing import CliRunner

from call_lake_cli.console.app import EXAMPLES, JSON
from call_lake_cli.main import PANELS, app
from tests.support.commands import Words, every_command

SENTENCES = {
    *(("deploy",), ("get",), ("listen",), ("export",), ("env",), ("pause",), ("resume",), ("allow",)),
    ("secrets", "set"),
    *(("source", "add"), ("source", "remove"), ("local", "down")),
}
"""Commands that print sentences alone, so nothing that a program would read."""
PLAIN = re.compile(r"\b(stands|rings)\b")  # the other words: test_prose.py
EVERY = pytest.mark.parametrize("words", every_command(), ids=" ".join)
SCREEN = 80


def options_of(words: Words) -> dict[str, Any]:
    return {option: one for one in every_command()[words].params for option in one.opts}


def shown(*words: str) -> str:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@EVERY
def test_it_has_the_options_that_all_have(words: Words) -> None:
    options = options_of(words)

    assert {"--quiet", "-q", "--verbose", "-v"} <= options.keys()
    assert ("--json" in options) == ("--output" in options) == ("--utc" in options) == (words not in SENTENCES)
    if "--output" in options:
        assert [str(one) for one in options["--output"].type_descriptor.annotation] == ["table", "json", "csv"]
        assert options["--json"].name == JSON
    assert options.get("-o") is not options.get("--output", "no output")


@EVERY
def test_h_is_help(words: Words) -> None:
    assert shown(*words, "-h") == shown(*words, "--help")


@EVERY
def test_its_help_is_made_of_sentences(words: Words) -> None:
    command = every_command()[words]
    texts = [command.help.partition("\n\n")[0], *(one.help or "" for one in command.params)]

    assert [text for text in texts if not re.fullmatch(r"[^a-z-].*[.)]", text, re.DOTALL)] == []
    assert [text for text in texts if PLAIN.search(text)] == []


@EVERY
def test_its_examples_can_be_typed_and_fit_the_screen(words: Words) -> None:
    lines = every_command()[words].epilog.removeprefix(EXAMPLES).split("\n")
    examples = [line.strip() for line in lines if line.strip()]

    assert examples
    for line in examples:
        typed = shlex.split(line.partition(" < ")[0])
        assert len(line) < SCREEN
        assert (typed[0], tuple(typed[1 : 1 + len(words)])) == ("call-lake", words)
        every_command()[words].make_context("call-lake", typed[1 + len(words) :])


def test_the_help_shows_every_command_in_a_panel() -> None:
    lines = shown("--help").splitlines()

    assert [panel for panel in PANELS if not any(line.startswith(f"╭─ {panel} ─") for line in lines)] == []
    assert not any(line.startswith("╭─ Commands ─") for line in lines)
    assert [words for words in every_command() if not any(line.startswith(f"│ {words[0]} ") for line in lines)] == []


def test_the_version_is_one_line() -> None:
    assert re.fullmatch(r"call-lake \d+\.\d+\.\d+\n", shown("--version"))


def test_two_forms_at_once_are_refused() -> None:
    done = CliRunner().invoke(app, ["source", "list", "--json", "--output", "csv"])

    assert done.exit_code == 2
    assert "--json and --output csv exclude each other" in done.stderr
