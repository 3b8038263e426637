"""The interpreters of the environments that set-up makes beside the project's own."""

import os
from pathlib import Path

_TOOLS = Path(__file__).parents[2] / ".tools"


def ministack_python() -> Path:
    return Path(os.environ.get("CALL_LAKE_MINISTACK_PYTHON", _TOOLS / "ministack/bin/python"))


def peers_python() -> Path:
    return Path(os.environ.get("CALL_LAKE_PEERS_PYTHON", _TOOLS / "peers/bin/python"))
