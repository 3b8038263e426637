"""The ready-made queries of docs/queries, and their parameters."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from call_lake_cli.console.errors import UsageError

PACKAGED = Path(__file__).parents[1] / "queries"
IN_CHECKOUT = Path(__file__).parents[3] / "docs/queries"
NAME = re.compile(r"([0-9]+-)?([a-z0-9]+(?:-[a-z0-9]+)+)")
PARAMETERS = re.compile(r"(?<=^WITH params AS \(\n    SELECT )(.+)$", re.MULTILINE)
PARAMETER = re.compile(r"(?P<value>'(?:[^']|'')*'|[0-9.e]+) AS (?P<name>[a-z_]+)")


def saved_queries() -> dict[str, str]:
    """Their SQL by name: ``longest-calls``."""
    folder = PACKAGED if PACKAGED.is_dir() else IN_CHECKOUT
    return {file.stem.partition("-")[2]: file.read_text() for file in sorted(folder.glob("[0-9]*.sql"))}


def saved_query(name: str) -> str:
    """The SQL of ``longest-calls``, also named as its file is, ``04-longest-calls``. Raises UsageError."""
    found, queries = NAME.fullmatch(name), saved_queries()
    if not found or found[2] not in queries:
        raise UsageError(f"there is no ready-made query {name!r}; there are: {', '.join(queries)}")
    return queries[found[2]]


def is_name(text: str) -> bool:
    """Whether it names a ready-made query, if there is one, and is no SQL."""
    return NAME.fullmatch(text) is not None


def parse_values(texts: Sequence[str]) -> dict[str, str]:
    """The values of ``--param NAME=VALUE``. Raises UsageError."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise UsageError(f"--param {name!r} must be NAME=VALUE, like --param zone=Europe/Warsaw")
    return {name: value for name, _, value in pairs}


def with_values(sql: str, values: Mapping[str, str]) -> str:
    """The query with other values in its line ``params``. A text is quoted. Raises UsageError."""
    line = PARAMETERS.search(sql)
    known = {found["name"]: found["value"] for found in PARAMETER.finditer(line[1])} if line else {}
    for name in values:
        if name not in known:
            raise UsageError(f"this query has no parameter {name!r}; it has: {', '.join(known) or 'none'}")
    if line is None:
        return sql

    def other(found: re.Match[str]) -> str:
        name, old = found["name"], found["value"]
        return f"{_literal(name, old, values[name]) if name in values else old} AS {name}"

    return sql[: line.start()] + PARAMETER.sub(other, line[1]) + sql[line.end() :]


def _literal(name: str, old: str, value: str) -> str:
    """The value as SQL of the old one's type. Raises UsageError."""
    if old.startswith("'"):
        return "'" + value.replace("'", "''") + "'"
    pattern, what = (r"[0-9]+", "a whole number") if old.isdigit() else (r"[0-9]+(\.[0-9]+)?", "a number")
    if not re.fullmatch(pattern, value, re.ASCII):
        raise UsageError(f"--param {name}={value} must be {what}")
    return value if old.isdigit() else f"{value}e0"
