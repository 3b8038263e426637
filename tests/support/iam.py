"""A policy decided as IAM decides it, as far as our policies go: deny before allow, patterns, conditions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.support.resolved import Resolved

type Context = Mapping[str, Sequence[str]]
"""Keys of a request, each with its values."""


@dataclass(frozen=True, slots=True)
class Statement:
    """``sid`` is empty where it has none."""

    sid: str
    is_allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]]

    def fits(self, action: str, resource: str, context: Context) -> bool:
        return (
            any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
            and any(matches(pattern, resource) for pattern in self.resources)
            and all(
                _holds(operator, listed(wanted), context.get(key, ()))
                for operator, keys in self.conditions.items()
                for key, wanted in keys.items()
            )
        )


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    """Those of a resolved policy document."""
    return [
        Statement(
            one.get("Sid", ""),
            one["Effect"] == "Allow",
            listed(one["Action"]),
            listed(one["Resource"]),
            one.get("Condition", {}),
        )
        for one in document["Statement"]
    ]


def statements_of_role(deployed: Resolved, role: str) -> list[Statement]:
    """Those of a role's own policies, by its logical id."""
    policies = deployed.properties(role)["Policies"]
    return [one for policy in policies for one in statements_of(policy["PolicyDocument"])]


def is_allowed(statements: Iterable[Statement], action: str, resource: str, context: Context | None = None) -> bool:
    fitting = [one for one in statements if one.fits(action, resource, context or {})]
    return bool(fitting) and all(one.is_allow for one in fitting)


def grants(statements: Iterable[Statement]) -> Iterator[tuple[str, str, str]]:
    """Each allowed action on each resource: sid, action, pattern of the resource."""
    for one in statements:
        if one.is_allow:
            yield from ((one.sid, action, resource) for action in one.actions for resource in one.resources)


def matches(pattern: str, text: str) -> bool:
    """``*`` is any text and ``?`` one character, within the parts of an ARN and across them."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL)


def listed(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else (_text(value),)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _holds(operator: str, wanted: Sequence[str], values: Sequence[str]) -> bool:
    """A key that the request does not have fits no operator but ``Null``, those that begin with ``ForAllValues`` and
    those that end with ``IfExists``: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""
    if operator == "Null":
        return (not values) == (wanted == ("true",))
    if operator.endswith("IfExists") and not values:
        return True
    test = _TESTS[operator.removesuffix("IfExists").removeprefix("ForAllValues:")]
    of_each = [any(test(one, value) for one in wanted) for value in values]
    return all(of_each) if operator.startswith("ForAllValues:") else any(of_each)


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnLike": matches,
    "Bool": str.__eq__,
    "StringEquals": str.__eq__,
    "StringLike": matches,
}
