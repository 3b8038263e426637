"""``call-lake``: look into Call Lake and run it."""

from typing import Annotated

import typer

from call_lake_cli.commands import local, quarantine, secrets, source
from call_lake_cli.commands.backfill import backfill
from call_lake_cli.commands.erase import erase
from call_lake_cli.commands.failed import failed, redrive
from call_lake_cli.commands.get import get
from call_lake_cli.commands.pause import pause, resume
from call_lake_cli.commands.probe import probe
from call_lake_cli.commands.rebuild import rebuild
from call_lake_cli.commands.show import show
from call_lake_cli.commands.verify import verify
from call_lake_cli.console.errors import explained
from call_lake_cli.console.options import AsJson, StackName
from call_lake_cli.console.output import Format, print_json, print_rows
from call_lake_cli.doctor.command import doctor
from call_lake_cli.stack.census import SourceCensus, take_census
from call_lake_cli.stack.handle import find_stack

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Call recordings in your own cloud: look into Call Lake and run it.",
)
app.add_typer(local.app, name="local")
app.add_typer(secrets.app, name="secrets")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(source.app, name="source")

for command in (verify, failed, redrive, show, get, backfill, probe, doctor, pause, resume, rebuild, erase):
    app.command()(command)


@app.command(context_settings={"ignore_unknown_options": True})  # SQL may begin with a comment
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the table calls, in Athena's SQL.")],
    form: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.TABLE,
    json_: AsJson = False,
    stack: StackName = None,
) -> None:
    """Ask Athena."""
    from call_lake_cli.stack.athena import run_query

    with explained():
        answer = run_query(find_stack(stack), sql)
        print_rows(answer.columns, answer.rows, Format.JSON if json_ else form)


@app.command()
def status(json_: AsJson = False, stack: StackName = None) -> None:
    """Show each source: how far it was read, and what became of its recordings."""
    with explained():
        census = take_census(find_stack(stack))
        if json_:
            print_json([one.to_json() for one in census])
        else:
            columns = (
                "source",
                "checkpoint",
                "age",
                "listed",
                "stored",
                "failed",
                "waiting",
                "queue",
                "inbox",
                "rows",
                "newest row",
                "trouble",
            )
            print_rows(columns, [_status_row(one) for one in census], Format.TABLE)


def _status_row(one: SourceCensus) -> tuple[object, ...]:
    failed = ", ".join(f"{reason} {number}" for reason, number in sorted(one.failed.items())) or 0
    age = None if one.checkpoint_age_s is None else _duration(one.checkpoint_age_s)
    return (
        one.source,
        one.checkpoint,
        age,
        one.listed,
        one.stored,
        failed,
        one.waiting,
        one.queue,
        one.inbox,
        one.rows,
        one.newest_row,
        one.trouble,
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


if __name__ == "__main__":
    app()
