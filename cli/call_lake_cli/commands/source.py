"""``call-lake source add | remove | list``: which sources the template has."""

from pathlib import Path
from typing import Annotated

import typer

from call_lake.providers import VENDORS
from call_lake_cli.console.app import App
from call_lake_cli.console.errors import UserError, err, explained
from call_lake_cli.console.options import AsJson
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.console.questions import agree
from call_lake_cli.console.words import counted
from call_lake_local import template_sources
from call_lake_local.template_sources import TemplateSource, read_sources, with_source, without_source

app = App(name="source", help="The sources of template.yaml: one account of a vendor each.")

TEMPLATE = Path("template.yaml")
GOES = "its queue with the messages that wait in it, its secret, its schedules, its alarms"
STAYS = "its audio, its rows (the table still shows them), its part of the ledger"


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="1 to 32 of a-z, 0-9 and '-'. It never changes after the first poll.")],
    provider: Annotated[str, typer.Option("--provider", help=f"The vendor: {' or '.join(VENDORS)}.")],
) -> None:
    """Write one more source into template.yaml, with its settings, secret, queue, schedules and alarms.

    Examples:
      call-lake source add thulium2 --provider thulium
    """
    with explained():
        template = _read()
        written = with_source(template, name, provider)
        TEMPLATE.write_text(written, encoding="utf-8")
        id = TemplateSource(name, provider).id
        err.print(f"{name} is in template.yaml: its parameters begin with {id}")
        err.print(f"next: make deploy, which asks for {id}BaseUrl, or call-lake local up")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="A source of template.yaml.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take a source out of template.yaml. The next deployment deletes its queue, secret, schedules and alarms.

    Its audio and its rows stay, and the table still shows them.

    Examples:
      call-lake source remove thulium2
    """
    with explained():
        written = without_source(_read(), name)
        err.print(f"the next deployment deletes of {name}: {GOES}")
        err.print(f"what stays: {STAYS}")
        if not yes:
            agree(f"Remove {name} from template.yaml?", "nothing was changed")
        TEMPLATE.write_text(written, encoding="utf-8")
        err.print("next: make deploy, or call-lake local up")


@app.command("list")
def list_(json_: AsJson = False) -> None:
    """Print the sources of template.yaml, removed ones too.

    Examples:
      call-lake source list
    """
    with explained():
        sources = read_sources(_read())
        if json_:
            print_json([{"name": one.name, "provider": one.provider, "removed": one.removed} for one in sources])
            return
        rows = [(one.name, one.provider, "removed" if one.removed else f"{one.id}…") for one in sources]
        print_rows(("source", "vendor", "parameters"), rows, Format.TABLE, ends=f"{counted(len(rows), 'source')}.")


def rewrite() -> None:
    """Write every source again from the definition (``make sources``)."""
    template = _read()
    TEMPLATE.write_text(template_sources.write_sources(template, read_sources(template)), encoding="utf-8")


def _read() -> str:
    """Raises UserError."""
    try:
        return TEMPLATE.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError("there is no template.yaml here: type this in the folder of your copy of Call Lake") from None


if __name__ == "__main__":
    rewrite()
