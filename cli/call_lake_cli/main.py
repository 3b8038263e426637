"""``call-lake``: look into Call Lake and run it. This module only puts the commands together."""

import typer

from call_lake_cli.commands import local, quarantine, secrets, source
from call_lake_cli.commands.allow import allow
from call_lake_cli.commands.backfill import backfill
from call_lake_cli.commands.deploy import deploy
from call_lake_cli.commands.erase import erase
from call_lake_cli.commands.failed import failed, redrive
from call_lake_cli.commands.get import get
from call_lake_cli.commands.pause import pause, resume
from call_lake_cli.commands.probe import probe
from call_lake_cli.commands.query import query
from call_lake_cli.commands.rebuild import rebuild
from call_lake_cli.commands.show import show
from call_lake_cli.commands.status import status
from call_lake_cli.commands.verify import verify
from call_lake_cli.doctor.command import doctor

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Call recordings in your own cloud: look into Call Lake and run it.",
    epilog="Exit codes: 0 done, 1 failed, 2 typed wrong, 3 differences or problems found, 4 a provider or AWS does not "
    "answer, 5 nothing matched. docs/command-line.md says more.",
)
app.add_typer(local.app, name="local")
app.add_typer(secrets.app, name="secrets")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(source.app, name="source")

COMMANDS = (
    *(deploy, status, verify, failed, redrive, show, get),
    *(backfill, probe, doctor, pause, resume, allow, rebuild, erase),
)
for command in COMMANDS:
    app.command()(command)
app.command(context_settings={"ignore_unknown_options": True})(query)  # SQL may begin with a comment

if __name__ == "__main__":
    app()
