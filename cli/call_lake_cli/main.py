"""``call-lake``: look into Call Lake and run it. This module only puts the commands together."""

from collections.abc import Callable
from typing import Annotated

import typer

from call_lake_cli.commands import local, quarantine, secrets, source
from call_lake_cli.commands.alarms import alarms
from call_lake_cli.commands.allow import allow
from call_lake_cli.commands.backfill import backfill
from call_lake_cli.commands.deploy import deploy
from call_lake_cli.commands.env import env
from call_lake_cli.commands.erase import erase
from call_lake_cli.commands.export import export
from call_lake_cli.commands.failed import failed, redrive
from call_lake_cli.commands.find import find
from call_lake_cli.commands.get import get
from call_lake_cli.commands.jobs import jobs
from call_lake_cli.commands.listen import listen
from call_lake_cli.commands.logs import logs
from call_lake_cli.commands.pause import pause, resume
from call_lake_cli.commands.probe import probe
from call_lake_cli.commands.query import query
from call_lake_cli.commands.rebuild import rebuild
from call_lake_cli.commands.show import show
from call_lake_cli.commands.sound import sound
from call_lake_cli.commands.status import status
from call_lake_cli.commands.transcribe import transcribe
from call_lake_cli.commands.verify import verify
from call_lake_cli.console.app import App, print_version
from call_lake_cli.doctor.command import doctor

SETTINGS: dict[Callable[..., None], dict[str, bool]] = {query: {"ignore_unknown_options": True}}
"""SQL may begin with a comment, so with two hyphens."""
app = App(
    help="Call recordings in your own cloud: look into Call Lake and run it.",
    epilog="Exit codes: 0 done, 1 failed, 2 typed wrong, 3 differences or problems found, 4 a provider or AWS does not "
    "answer, 5 nothing matched. docs/command-line.md says more.",
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Print what belongs to no command."""


PANELS: dict[str, tuple[Callable[..., None] | App, ...]] = {
    "Begin": (local.app, deploy, secrets.app, source.app, probe),
    "Find calls": (find, show, listen, get, export, query, env),
    "Watch": (status, failed, doctor, verify, alarms, logs, jobs),
    "Act": (backfill, transcribe, sound, redrive, quarantine.app, pause, resume, allow, rebuild, erase),
}
"""Every command by the panel of ``call-lake --help`` that shows it."""
for panel, commands in PANELS.items():
    for command in commands:
        if isinstance(command, App):
            app.add_typer(command, rich_help_panel=panel)
        else:
            app.command(rich_help_panel=panel, context_settings=SETTINGS.get(command))(command)

if __name__ == "__main__":
    app()
