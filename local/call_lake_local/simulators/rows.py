"""The faults of a single row: other types, missing, null and unknown fields."""

from collections.abc import Collection
from typing import Any

from call_lake_local.simulators.faults import FaultPlan

_UNKNOWN: dict[str, Any] = {
    "x_future_field": {"nested": [1, 2, {"deep": "zażółć"}]},
    "rating": None,
    "": "a field without a name",
}


def troubled(row: dict[str, Any], who: str, optional: Collection[str], plan: FaultPlan) -> dict[str, Any]:
    """The row as it is listed under ``plan``; ``who`` is its recording's subject."""
    if not plan.active:
        return row
    if plan.hits("strings_for_numbers", who):
        row = {name: str(value) if type(value) in (int, float) else value for name, value in row.items()}
    if plan.hits("unknown_fields", who):
        row = row | _UNKNOWN
    if plan.hits("missing_optionals", who):
        row = {name: value for name, value in row.items() if name not in optional}
    if plan.hits("nulls", who):
        row = {name: None if name in optional else value for name, value in row.items()}
    return row
