"""A typer application whose commands all have the same options for printing, and show examples in their help."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from call_lake_cli.console.errors import err
from call_lake_cli.console.manner import Format, Manner, in_manner
from call_lake_cli.console.options import PRINTING
from call_lake_cli.console.output import print_line
from call_lake_cli.stack.version import this_version

EXAMPLES = "Examples:"
JSON = "json_"
"""The parameter of a command that prints data: whether to print JSON."""

Output = Annotated[
    Format | None,
    typer.Option("--output", help="How to print the data; by default a table.", rich_help_panel=PRINTING),
]
Utc = Annotated[
    bool, typer.Option("--utc", help="Show times in UTC, not in the sources' zone.", rich_help_panel=PRINTING)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print data and errors alone.", rich_help_panel=PRINTING)]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Also print each call of AWS, and where an error comes from.", rich_help_panel=PRINTING
    ),
]
WITH_DATA: dict[str, Any] = {"output": Output, "utc": Utc}
ALWAYS: dict[str, Any] = {"quiet": Quiet, "verbose": Verbose}


class App(typer.Typer):
    """Commands or a group of them. Each command gets ``-h``, ``-q`` and ``-v``; one with a parameter ``json_`` also
    ``--output`` and ``--utc``.

    The lines after ``Examples:`` in a command's docstring are shown as they are; all other text is wrapped.
    """

    def __init__(self, help: str, *, name: str | None = None, epilog: str | None = None) -> None:
        names = {"help_option_names": ["-h", "--help"]}
        super().__init__(
            name=name,
            no_args_is_help=True,
            pretty_exceptions_enable=False,
            help=help,
            epilog=epilog,
            context_settings=names,
        )

    def command(self, name: str | None = None, **more: Any) -> Callable[[Any], Any]:
        """As typer's own."""

        def add(function: Callable[..., None]) -> Callable[..., None]:
            text, examples = help_of(function)
            register = super(App, self).command(name, help=text, epilog=examples, **more)
            register(_in_its_manner(function))
            return function

        return add


def help_of(function: Callable[..., None]) -> tuple[str, str]:
    """A command's docstring with each paragraph on one line, and its examples."""
    text, _, examples = inspect.cleandoc(function.__doc__ or "").partition(f"\n\n{EXAMPLES}\n")
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(paragraphs), f"{EXAMPLES}\n\n{examples}" if examples else ""


def print_version(wanted: bool) -> None:
    """For the option ``--version``."""
    if wanted:
        print_line(f"call-lake {this_version()}")
        raise typer.Exit


def _in_its_manner(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the shared options as parameters, which decide how it prints."""
    parameters = inspect.signature(function, eval_str=True).parameters
    shared = (WITH_DATA if JSON in parameters else {}) | ALWAYS

    @wraps(function)
    def run(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in shared}
        output = chosen.get("output") or Format.TABLE
        if given.get(JSON) and output is Format.CSV:
            raise typer.BadParameter("--json and --output csv exclude each other: give one of them")
        if JSON in given:
            given[JSON] = given[JSON] or output is Format.JSON
        how = Manner(output, chosen.get("utc", False), chosen["quiet"], chosen["verbose"])
        err.quiet = how.quiet
        with in_manner(how):
            function(**given)

    default = {name: None if name == "output" else False for name in shared}
    kind = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(name, kind, default=default[name], annotation=shared[name]) for name in shared]
    keyword = [one.replace(kind=kind) for one in parameters.values()]
    run.__signature__ = inspect.Signature([*keyword, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in [*keyword, *added]}
    return run
