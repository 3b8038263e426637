"""Ask before something begins that cannot be taken back."""

import sys

import typer

from call_lake_cli.console.errors import ExitCode, UsageError, err


def at_terminal() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty()


def need_terminal(otherwise: str) -> None:
    """Raises UsageError where nobody can be asked. ``otherwise``: what is left as it was, like "nothing was begun"."""
    if not at_terminal():
        raise UsageError(f"no terminal to ask at, so {otherwise}: --yes goes on without a question")


def agree(question: str, otherwise: str) -> None:
    """Ask, and return only after a yes. Raises UsageError where nobody can be asked, typer.Exit after a no."""
    need_terminal(otherwise)
    if not typer.confirm(question, default=False, err=True):
        err.print(otherwise)
        raise typer.Exit(int(ExitCode.FAILED))
