"""Make ministack's tables say nothing where nothing was given, as Glue's do.

An empty Description is a text: Trino takes it for the comment of the table, by which it knows its own views.
"""

import sys
from typing import Any

from ministack.services import glue

OPTIONAL = ("Description", "Owner")

_json_response = glue.json_response


def install() -> None:
    """Exits where what this replaces is not there."""
    if not hasattr(glue, "json_response"):
        sys.exit("this ministack does not answer for Glue as the local stack expects")
    glue.json_response = _without_empty_texts


def _without_empty_texts(answer: dict[str, Any], *arguments: Any, **named: Any) -> Any:
    changed = dict(answer)
    if "Table" in answer:
        changed["Table"] = shown(answer["Table"])
    if "TableList" in answer:
        changed["TableList"] = [shown(table) for table in answer["TableList"]]
    return _json_response(changed, *arguments, **named)


def shown(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value != "" or key not in OPTIONAL}
