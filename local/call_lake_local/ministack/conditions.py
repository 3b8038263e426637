"""Let conditions of a template look into a list that is made of a parameter, as CloudFormation does:
``!Equals [!Select [0, !Split [",", !Ref Names]], ""]``. ministack takes only a ``!Ref`` there."""

import sys
from types import ModuleType
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

TEXT_FUNCTIONS = {"Fn::Join", "Fn::Select", "Fn::Split"}
USERS: tuple[ModuleType, ...] = (engine, changesets, handlers, stacks)
"""Who has the function by its name."""

_evaluate = engine._evaluate_conditions


def install() -> None:
    """Exits where what this replaces is not there."""
    for module in USERS:
        if not hasattr(module, "_evaluate_conditions"):
            sys.exit("this ministack does not evaluate conditions as the local stack expects")
        module._evaluate_conditions = evaluate  # type: ignore[attr-defined]


def evaluate(template: dict[str, Any], params: dict[str, Any]) -> dict[str, bool]:
    """By name, whether each condition holds."""
    mappings = template.get("Mappings", {})
    spelled_out = _texts(template.get("Conditions", {}), params, mappings)
    found: dict[str, bool] = _evaluate(template | {"Conditions": spelled_out}, params)
    return found


def _texts(node: Any, params: dict[str, Any], mappings: dict[str, Any]) -> Any:
    """The node with each of TEXT_FUNCTIONS carried out."""
    if isinstance(node, list):
        return [_texts(one, params, mappings) for one in node]
    if not isinstance(node, dict):
        return node
    if TEXT_FUNCTIONS & node.keys():
        return engine._resolve_refs(node, {}, params, {}, mappings, "", "")
    return {name: _texts(one, params, mappings) for name, one in node.items()}
