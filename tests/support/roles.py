"""What each function's role may do with the ledger, read from the template, and a table that holds the function to it.

No emulator enforces ``dynamodb:Attributes``. So this does: every write of the functions, in every test that runs the
pipeline in memory, goes through a table that refuses what IAM would refuse
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html).
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from call_lake.ports import FIRST_DUE, Expectation, Item, Table

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ONLY = "ForAllValues:StringEquals"
WRITING = {"PartiQLInsert", "UpdateItem"}


class Refused(BaseException):
    """IAM would refuse this request. No ``except Exception`` of the code under test may catch it."""


@dataclass
class Role:
    """``attributes``: those that an action which writes may name; any, where it is not there. ``used`` and ``named``
    grow as the function works."""

    name: str
    actions: frozenset[str]
    attributes: Mapping[str, frozenset[str]]
    used: set[str] = field(default_factory=set)
    named: dict[str, set[str]] = field(default_factory=dict)

    def check(self, action: str, names: Set[str] = frozenset()) -> None:
        """Raises Refused."""
        if action not in self.actions:
            raise Refused(f"{self.name} may not {action}")
        if action in self.attributes and (more := names - self.attributes[action]):
            raise Refused(f"{self.name} may not name {', '.join(sorted(more))} in an {action}")
        self.used.add(action)
        self.named.setdefault(action, set()).update(names)


class TableOfRole:
    """The ledger's table as one function sees it."""

    def __init__(self, table: Table, role: Role) -> None:
        self._table = table
        self._role = role

    def get(self, id: str) -> Item | None:
        self._role.check("GetItem")
        return self._table.get(id)

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        self._role.check("BatchGetItem")
        return self._table.get_many(ids)

    def update(self, id: str, changes: Mapping[str, Any], expect: Expectation | None = None) -> None:
        # "read, written, or evaluated in a conditional write", and the key (the page above)
        self._role.check("UpdateItem", {"id", *changes, *(expect or ())})
        self._table.update(id, changes, expect)

    def insert(self, items: Sequence[Item]) -> set[str]:
        self._role.check("PartiQLInsert", {name for item in items for name in item})
        return self._table.insert(items)

    def query_due(self, due_list: str, due_before: str, limit: int, *, due_from: str = FIRST_DUE) -> list[Item]:
        self._role.check("Query")
        return self._table.query_due(due_list, due_before, limit, due_from=due_from)

    def created_at(self) -> datetime:
        self._role.check("DescribeTable")
        return self._table.created_at()

    def scan(self, attributes: Sequence[str], *, may_be_late: bool = False) -> Iterator[Item]:
        self._role.check("Scan")
        return self._table.scan(attributes, may_be_late=may_be_late)


def role_of(function: str, *conditions: str) -> Role:
    """The role of a function, with nothing used yet. ``conditions``: those of the template that hold for it."""
    actions, attributes = set[str](), dict[str, frozenset[str]]()
    for statement in _statements(function, conditions):
        given = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        of_ledger = {action.removeprefix("dynamodb:") for action in given if action.startswith("dynamodb:")}
        actions |= of_ledger
        for action in of_ledger & WRITING:
            _, in_cloud, _ = statement.get("Condition", ("", {}, ""))  # !If [Cloud, …, …]
            if names := in_cloud.get(ONLY, {}).get("dynamodb:Attributes", ()):
                attributes[action] = frozenset(names)
    return Role(f"{function}Role", frozenset(actions), attributes)


@cache
def _statements(function: str, conditions: tuple[str, ...]) -> list[Mapping[str, Any]]:
    role = _template()["Resources"][f"{function}Role"]
    statements = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    chosen = [one[1] if isinstance(one, list) and one[0] in conditions else one for one in statements]  # of !If
    return [one for one in chosen if isinstance(one, dict) and "Action" in one]


@cache
def _template() -> Any:
    loader = type("Loader", (yaml.CSafeLoader,), {})

    def plain(loader: Any, suffix: str, node: Any) -> Any:
        match node:
            case yaml.ScalarNode():
                return loader.construct_scalar(node)
            case yaml.SequenceNode():
                return loader.construct_sequence(node, deep=True)
        return loader.construct_mapping(node, deep=True)

    loader.add_multi_constructor("!", plain)  # type: ignore[attr-defined]  # !Ref and its like
    return yaml.load(TEMPLATE.read_text(), loader)  # noqa: S506 - a safe loader
