"""Read canonical fields from Conpeek's record. The mapping is data, for the vendor does not document the record.

Each canonical field has one JMESPath expression, and ``settings.mapping`` replaces any of them. The names of lengths
say their unit: ``talk_ms`` and ``talk_s`` are both known, and the one that is set wins over the other's default.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from operator import methodcaller
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from call_lake.errors import ConfigError
from call_lake.model import json_values

CONPEEK = {
    # The names of the documented CDR dialog, each after the names that a recording's own object would have.
    "provider_key": "recording_uuid || dialog_recording_uuid || recording_id || uuid || id || dialog_uuid",
    # One name: with others behind it, a null that is filled in later would look like another call (rule 6).
    "connection_id": "dialog_uuid",
    "dialog_uuid": "dialog_uuid",
    "started_at": "start_time || started_at",
    "ended_at": "hangup_time || end_time || ended_at",
    "listed_at": "hangup_time || created_at",
    "direction": "business_direction || direction",
    "caller": "from_display_target || caller || from_number || from",
    "callee": "to_display_target || callee || to_number || to",
    "agent": "user_name || tenant_user_name || agent || tenant_user_id",
    "disposition": "business_end_cause || disposition",
    "duration_s": "",  # by default from start to end
    "duration_ms": "",
    "talk_s": "",
    "talk_ms": "talking_time",
    "queue": "",
    "team": "project_id",
    "audio_url": "recording_url || audio_url || file_url || download_url || url",
}
LENGTHS = ("duration", "talk")
PLAIN = re.compile(r"[A-Za-z_]\w*(?: *\|\| *[A-Za-z_]\w*)*", re.ASCII)

type Extract = Callable[[Any], Any]
type LengthReader = Callable[[Any, list[str]], float | None]


def compile_mapping(source: str, overrides: Mapping[str, str]) -> dict[str, Extract]:
    """Return one function for each canonical field. Raises ConfigError for an unknown field."""
    unknown = set(overrides) - set(CONPEEK)
    if unknown:
        raise ConfigError(f"source {source!r}: mapping of unknown {sorted(unknown)}; known: {', '.join(CONPEEK)}")
    expressions = CONPEEK | dict(overrides)
    for length in LENGTHS:
        seconds, milliseconds = f"{length}_s", f"{length}_ms"
        if seconds in overrides and milliseconds not in overrides:
            expressions[milliseconds] = ""
    return {name: _extract(expression) for name, expression in expressions.items() if expression}


def _extract(expression: str) -> Extract:
    """Return a function that reads an expression's value. A chain of plain names does without JMESPath's interpreter,
    which took half of a poll's CPU time."""
    if not PLAIN.fullmatch(expression):
        return partial(_search, jmespath.compile(expression))
    names = [name.strip() for name in expression.split("||")]
    if len(names) == 1:
        return methodcaller("get", names[0])

    first, *others = names

    def extract(record: Any) -> Any:
        value = record.get(first)
        for name in others:
            if value is None:  # a name that the record does not have: most of them
                value = record.get(name)
                continue
            if value or (value == 0 and value is not False):  # JMESPath: a number is never false
                return value
            value = record.get(name)
        return value

    return extract


def _search(compiled: ParsedResult, record: Any) -> Any:
    """None where the expression's functions refuse what this record holds."""
    try:
        return compiled.search(record)
    except JMESPathError:
        return None


def length_reader(mapping: Mapping[str, Extract], length: str) -> LengthReader:
    """Return a function that reads the ``talk`` or ``duration`` of a record in seconds, from the unit that is mapped.
    It adds the column to a list where the length is negative."""
    column = f"{length}_s"
    for name, in_a_second in ((column, 1), (f"{length}_ms", 1000)):
        if (extract := mapping.get(name)) is not None:
            return partial(_seconds, extract, in_a_second, column)
    return lambda record, odd: None


def _seconds(extract: Extract, in_a_second: int, column: str, record: Any, odd: list[str]) -> float | None:
    length = json_values.length(extract(record), column, odd)
    return None if length is None else length / in_a_second
