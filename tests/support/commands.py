"""Every command of ``call-lake``, so that a test can hold a rule for all of them, also for those to come."""

from collections.abc import Iterator
from typing import Any

import typer.main

from call_lake_cli.main import app

type Words = tuple[str, ...]

SAMPLES = {"from_": "2026-10-20", "to": "2026-10-20", "more": "5", "sql": "SELECT 1", "provider": "thulium"}
"""What is typed for a parameter that a command needs, where it is not ``thulium``."""
ALSO_NEEDED: dict[Words, Words] = {
    ("backfill",): ("--yes",),
    ("sound",): ("--yes",),
    ("erase",): ("--recording-id", f"thulium-{'0' * 32}", "--yes"),
    ("export",): (f"thulium-{'0' * 32}",),
    ("query",): ("SELECT 1",),
    ("probe",): ("--source", "thulium"),
    ("source", "remove"): ("--yes",),
    ("transcribe",): ("--from", "2026-10-20", "--to", "2026-10-20"),
}
"""What a command needs beside the parameters that typer requires."""


def every_command() -> dict[Words, Any]:
    """Each command by the words that call it, like ``("local", "up")``."""
    return dict(_below(typer.main.get_command(app)))


def _below(command: Any, before: Words = ()) -> Iterator[tuple[Words, Any]]:
    if not hasattr(command, "commands"):
        yield before, command
        return
    for name, inner in command.commands.items():
        yield from _below(inner, (*before, name))


def shortest(words: Words) -> list[str]:
    """The shortest line that typer takes for this command."""
    typed = list(words)
    for parameter in every_command()[words].params:
        if parameter.required:
            sample = SAMPLES.get(parameter.name, "thulium")
            typed += [parameter.opts[0], sample] if parameter.opts[0].startswith("-") else [sample]
    return [*typed, *ALSO_NEEDED.get(words, ())]
