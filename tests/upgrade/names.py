"""Every name that others rely on: a name that is gone breaks what they wrote."""

import json
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from call_lake.model.lake_tables import CALLS_OPEN, TABLES
from call_lake.model.layout import ACCESS_LOG, DOCUMENTS, INBOX, PROOFS
from call_lake_cli.console.errors import ExitCode
from tests.support.commands import every_command
from tests.support.screens import SCREENS, screen_of
from tests.support.template import ROOT, parse

KEYED_BY_FACTS = re.compile(
    r"^query |^logs facts\.|near\.(numbers|agents)\.|sources\.(failed|findings)\.|^probe settings\."
)
"""Objects of --json whose keys are no names: columns of a query, numbers, reasons, settings."""


def names_now() -> set[str]:
    """Each name after its kind, like ``option: erase --number``."""
    return {f"{kind}: {name}" for kind, names in _kinds() for name in names}


def names_text(names: Iterable[str]) -> str:
    return "".join(f"{name}\n" for name in sorted(names))


def _kinds() -> Iterable[tuple[str, Iterable[str]]]:
    commands = {" ".join(words): command for words, command in every_command().items()}
    yield "command", commands
    yield (
        "option",
        (f"{words} {option}" for words, command in commands.items() for one in command.params for option in one.opts),
    )
    yield "exit code", (f"{one.name} {one.value}" for one in ExitCode)
    yield "key of --json", _printed_keys()
    yield (
        "column",
        (f"{table.name} {column} {kind}" for table in (*TABLES, CALLS_OPEN) for column, kind in table.columns.items()),
    )
    yield "parameter", parse()["Parameters"]
    yield "output", parse()["Outputs"]
    yield "prefix in the bucket", (INBOX, DOCUMENTS, PROOFS, ACCESS_LOG, *(one.manifests for one in TABLES))
    for file in sorted((ROOT / "events").glob("*.schema.json")):
        yield (
            "field",
            (
                f"{file.name.removesuffix('.schema.json')} {path}"
                for path in _fields(json.loads(file.read_text("utf-8")))
            ),
        )


def _fields(schema: Any, path: str = "") -> Iterable[str]:
    """The paths of all fields that a JSON Schema describes."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from _fields(inner, f"{path}{name}.")
    if isinstance(schema.get("items"), dict):
        yield from _fields(schema["items"], path)
    for word in ("$defs", "definitions"):
        for inner in schema.get(word, {}).values():
            yield from _fields(inner, path)


def _printed_keys() -> Iterable[str]:
    """The keys that each command prints as JSON, for the known facts of its screens."""
    commands = {words: command for words, command in every_command().items() if _prints_json(command)}
    for screen in SCREENS.values():
        typed = tuple(screen.line.split()[1:])
        command = next((words for words in commands if typed[: len(words)] == words), None)
        if command is None or {"--json", "--output", "-h", "--help"}.intersection(typed):
            continue
        with tempfile.TemporaryDirectory() as folder:
            printed = screen_of(replace(screen, line=f"{screen.line} --json"), 80, Path(folder))
        found = (f"{' '.join(command)} {key}" for key in _keys(_json_in(printed)))
        yield from (name for name in found if not KEYED_BY_FACTS.search(name))


def _prints_json(command: Any) -> bool:
    return any("--json" in one.opts for one in command.params)


def _json_in(printed: str) -> Any:
    """The document among the lines of a screen; None where it has none."""
    lines = printed.splitlines()
    for first, line in enumerate(lines):
        if line[:1] in ("{", "["):
            with suppress(ValueError):
                return json.JSONDecoder().raw_decode("\n".join(lines[first:]))[0]
    return None


def _keys(value: Any, path: str = "") -> Iterable[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from _keys(inner, f"{path}{name}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner, path)
