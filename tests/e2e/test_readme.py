"""What the README shows is what happens."""

import contextlib
import json
import re
import shlex
import subprocess
from typing import Any

import jsonschema
import pytest
import typer
import typer.main

from call_lake_cli.main import app
from tests.e2e.conftest import REPO, Shell

README = (REPO / "README.md").read_text()
EVENT_SCHEMA = json.loads((REPO / "events/recording-stored.schema.json").read_text())


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line and not line.startswith("#")]
    return lines + re.findall(r"`(call-lake [^`]+)`", README)


QUERIES = [query.strip() for block in blocks("sql") for query in block.split(";") if query.strip()]


@pytest.mark.parametrize("sql", QUERIES)
def test_every_query_runs_and_finds_something(laptop: Shell, sql: str) -> None:
    typed = laptop.type("query", sql, "--json")

    assert typed.code == 0, typed.err
    assert json.loads(typed.out)


def test_there_are_three_queries() -> None:
    assert len(QUERIES) == 3


@pytest.mark.parametrize("line", [line for line in commands() if "call-lake " in line and "sam " not in line])
def test_every_command_exists_with_these_options(line: str) -> None:
    words = shlex.split(line)
    words = words[next(n for n, word in enumerate(words) if word.endswith("call-lake")) + 1 :]
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    with contextlib.suppress(typer.Exit):  # --help
        command.make_context("call-lake", words)


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("make ")])
def test_every_make_target_exists(line: str) -> None:
    target = line.split()[1]
    done = subprocess.run(["make", "--dry-run", target], cwd=REPO, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", blocks("json"))
def test_the_event_it_shows_fits_its_schema(text: str) -> None:
    jsonschema.validate(json.loads(text), EVENT_SCHEMA)


def test_the_columns_it_lists_are_the_tables() -> None:
    from call_lake.model.table import COLUMNS, PARTITION_COLUMNS

    rows = re.findall(r"^\| ([a-z0-9_, ]+) \| ", README.split("## The table `calls`")[1], re.MULTILINE)
    listed = [name.strip() for row in rows for name in row.split(",") if name.strip() != "column"]
    assert listed == [*COLUMNS, *PARTITION_COLUMNS]


def test_every_command_of_the_command_line_explains_itself() -> None:
    def walk(command: Any) -> None:
        assert command.help, f"{command.name} has no help"
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, f"{command.name} {parameter.opts} has no help"
        if hasattr(command, "commands"):
            for child in command.commands.values():
                walk(child)

    walk(typer.main.get_command(app))
