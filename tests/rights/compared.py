"""What the roles of the template allow, beside what is needed."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from tests.rights.needs import Need, needs_of, needs_of_aws, needs_of_key
from tests.rights.runs import EVERYTHING, KEY, requests
from tests.support.iam import Statement, grants, is_allowed, matches, statements_of_role
from tests.support.resolved import Resolved


@cache
def deployed() -> Resolved:
    """A stack that has all there is."""
    return Resolved(**EVERYTHING)


@cache
def needs() -> frozenset[Need]:
    """What all roles need: for the functions' requests, for what AWS does in their names, and for the key."""
    sent = requests()
    found = {need for request in sent for need in needs_of(request)} | set(needs_of_aws(deployed(), sent))
    return frozenset(found | set(needs_of_key(deployed(), KEY, found)))


def needs_of_role(role: str) -> list[Need]:
    return [need for need in needs() if need.role == role]


@cache
def allowed_to(role: str) -> tuple[Statement, ...]:
    return tuple(statements_of_role(deployed(), role))


def missing(role: str, statements: Iterable[Statement]) -> set[Need]:
    """What the role needs, and these statements do not allow."""
    given = tuple(statements)
    return {
        need for need in needs_of_role(role) if not is_allowed(given, need.action, need.resource, dict(need.context))
    }


def unused(role: str, statements: Iterable[Statement]) -> set[tuple[str, str, str]]:
    """What these statements allow, and the role does not need: sid, action, resource. And each name of a service that
    may use the key and does not: sid, ``kms:ViaService``, name."""
    given = tuple(statements)
    of_role = needs_of_role(role)
    via = {name for need in of_role for key, names in need.context if key == "kms:ViaService" for name in names}
    actions = {
        (sid, action, resource)
        for sid, action, resource in grants(given)
        if not any(need.action == action and matches(resource, need.resource) for need in of_role)
    }
    return actions | {(sid, "kms:ViaService", name) for sid, name in _services(given) if name not in via}


def _services(statements: Sequence[Statement]) -> Iterator[tuple[str, str]]:
    for one in statements:
        for name in one.conditions.get("StringEquals", {}).get("kms:ViaService", ()):
            yield one.sid, name
