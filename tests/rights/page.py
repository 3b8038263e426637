"""The table of docs/security.md with each right of each role, and what uses it."""

import re
from collections import defaultdict
from collections.abc import Iterable

from bench.harness.tables import table
from tests.rights.compared import allowed_to, deployed, needs_of_role
from tests.rights.needs import BEHALVES, KEY_USES
from tests.support.iam import grants, matches
from tests.support.resolved import GENERATED
from tests.support.template import ROOT

PAGE = ROOT / "docs/security.md"
MARK = "rights"
PAGES = {one.by: one.page for one in BEHALVES} | {
    f"{action.partition(':')[0]}: your key": use.page for action, use in KEY_USES.items()
}
HEAD = ("role", "call", "action", "on", "why")


def rights() -> str:
    """One row for each statement of a role and what it is used for."""
    rows: dict[tuple[str, ...], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for role in deployed().of_type("AWS::IAM::Role"):
        for sid, action, resource in grants(allowed_to(role)):
            calls = {
                need.call for need in needs_of_role(role) if need.action == action and matches(resource, need.resource)
            }
            actions, places = rows[role, ", ".join(_call(call) for call in sorted(calls)), sid]
            actions.add(action)
            places.add(_short(resource))
    return table(
        HEAD,
        [
            (f"`{role}`", call, _code(actions), _code(places), _words(sid))
            for (role, call, sid), (actions, places) in rows.items()
        ],
        range(len(HEAD)),
    )


def _call(call: str) -> str:
    return f"[{call}]({PAGES[call]})" if call in PAGES else f"`{call}`"


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in sorted(texts))


def _short(resource: str) -> str:
    """Without what every ARN begins with and a made name ends with."""
    short = resource.split(":", 5)[-1].removesuffix(":*") if resource.startswith("arn:") else resource
    return short.replace(f"-{GENERATED}", "")


def _words(sid: str) -> str:
    """``StoreAudio`` is ``store audio``."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", sid).lower()
