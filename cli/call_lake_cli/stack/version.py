"""Compare the version of a stack with that of this command."""

import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from call_lake_cli.console.errors import UserError, err

if TYPE_CHECKING:
    from call_lake_cli.stack.handle import Stack


def this_version() -> str:
    """Of the installed command."""
    return version("call-lake")


def warn_of_other_version(stack: "Stack") -> None:
    """Print a line where the versions differ. What a command only reads is right, or it fails by itself."""
    if stack.version != this_version():
        theirs = f"version {stack.version}" if stack.version else "an unknown version"
        err.print(f"warning: stack {stack.name} is of {theirs} of Call Lake, this command of version {this_version()}")


def refuse_other_version(stack: "Stack", command: str) -> None:
    """For a ``command`` that could miss what another version stores. Raises UserError where the versions differ."""
    if stack.version == this_version():
        return
    raise UserError(
        f"{command} could miss what another version stores in {stack.name}, so it did nothing: {_to_do(stack)}"
    )


def _to_do(stack: "Stack") -> str:
    if stack.local:
        return "type call-lake local down, then call-lake local up"
    same = f"in a copy of Call Lake type git checkout v{stack.version}, then uvx --from . call-lake …"
    upgrade = f"upgrade the stack: call-lake deploy --stack {stack.name}"
    if not stack.version:
        return upgrade
    return f"{same}, or {upgrade}" if _numbers(stack.version) < _numbers(this_version()) else same


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
