"""``call-lake``: look into Call Lake and run it."""

from typing import Annotated

import typer

from cli import local_commands, quarantine, secrets
from cli.backfill import backfill
from cli.census import SourceCensus, take_census
from cli.doctor import doctor
from cli.erase import erase
from cli.errors import explained
from cli.failed import failed, redrive
from cli.get import get
from cli.options import AsJson, StackName
from cli.output import Format, print_json, print_rows
from cli.pause import pause, resume
from cli.probe import probe
from cli.rebuild import rebuild
from cli.show import show
from cli.stack import find_stack
from cli.verify import verify

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Call recordings in your own cloud: look into Call Lake and run it.",
)
app.add_typer(local_commands.app, name="local")
app.add_typer(secrets.app, name="secrets")
app.add_typer(quarantine.app, name="quarantine")

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
    from cli.athena import run_query

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
