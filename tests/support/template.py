"""The template, read for the tests of it."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import decode_str  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()


@cache
def parse(text: str = TEXT) -> Any:
    return json.loads(json.dumps(decode_str(text)[0], default=str))


def resource(name: str) -> Any:
    return parse()["Resources"][name]


def properties(name: str) -> Any:
    return resource(name)["Properties"]


def kind_of(function: str) -> str:
    """How a function is named outside the template: ``transcript-reader`` for ``TranscriptReader``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", function).lower()


def of_type(kind: str, template: Any = None) -> dict[str, Any]:
    resources = (template or parse())["Resources"]
    return {name: body for name, body in resources.items() if body["Type"] == kind}


def default(parameter: str) -> Any:
    return parse()["Parameters"][parameter]["Default"]
