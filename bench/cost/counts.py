"""The counts of a run, kept as JSON beside the code."""

import json
from dataclasses import asdict
from pathlib import Path

from bench.cost.runs import Counted, Day, Sizes

FILE = Path(__file__).with_name("counts.json")


def save(counted: Counted) -> None:
    FILE.write_text(json.dumps(asdict(counted), indent=2) + "\n", encoding="utf-8")


def load() -> Counted:
    """Raises ValueError for counts that another version of this module wrote."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    days = {name: Day(**data.pop(name)) for name in ("rare", "one")}
    try:
        return Counted(**data | days | {"sizes": Sizes(**data["sizes"])})
    except TypeError as error:
        raise ValueError(f"{FILE.name} has other counts than are needed: run `make cost` ({error})") from None
