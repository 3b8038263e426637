"""``call-lake secrets``: the credentials of sources, from a prompt into Secrets Manager, checked on the way."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import typer

from call_lake.errors import ConfigError, Drifted, Reason, StepFailed, TooWide
from call_lake.model.windows import Window
from call_lake.ports import Clock, Provider
from call_lake.providers import VENDORS, make_provider
from call_lake.settings import SourceSettings
from call_lake.wiring.operator import CLOCK
from call_lake_cli.console.app import App
from call_lake_cli.console.errors import UsageError, UserError, err, explained
from call_lake_cli.console.options import StackName
from call_lake_cli.stack.handle import Stack, find_source, find_stack

app = App(name="secrets", help="The credentials of sources.")

CHECKED_WINDOW = timedelta(minutes=10)

type Secret = dict[str, str]


@app.callback()
def _group() -> None:
    """The credentials of sources."""


@app.command("set")
def set_(
    source: Annotated[str, typer.Argument(help="The source, as `call-lake status` names it.")],
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the secret's JSON object from a pipe instead of asking, for programs.")
    ] = False,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Write without asking the provider whether it takes them.")
    ] = False,
    stack: StackName = None,
) -> None:
    """Ask for a source's credentials, try them with one listing, and write them to Secrets Manager.

    Nothing is written where the provider refuses them. Never give credentials as arguments: they would stay in the
    shell's history.

    Examples:
      call-lake secrets set thulium
      call-lake secrets set thulium --stdin < secret.json
    """
    with explained():
        here = find_stack(stack)
        settings = find_source(here, source)
        secret = read_secret(settings.provider, source, from_pipe=stdin)
        if not no_check:
            check(settings, secret, CLOCK)
        write(here, settings, secret)
        err.print(f"{source}: its secret is filled; the next poll has it, at the latest five minutes later")


def read_secret(provider: str, name: str, *, from_pipe: bool) -> Secret:
    """From a prompt, or one JSON object from stdin. Raises UsageError, never repeating what was given."""
    wanted = VENDORS[provider].secret_fields
    if from_pipe:
        return from_json(sys.stdin.read(), list(wanted))
    if not sys.stdin.isatty():
        example = json.dumps(dict.fromkeys(wanted, "…"), ensure_ascii=False)
        raise UsageError(f"no terminal to ask at: run this in one, or pipe {example} with --stdin")
    answers = {
        field: typer.prompt(f"{name}: {field}", hide_input=hidden, err=True).strip() for field, hidden in wanted.items()
    }
    return _filled(answers)


def from_json(text: str, wanted: list[str]) -> Secret:
    """Read a secret with exactly the ``wanted`` fields. Raises UsageError, never repeating what was given."""
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict) or set(given) != set(wanted) or not all(isinstance(v, str) for v in given.values()):
        raise UsageError(f"stdin must be one JSON object of texts with exactly {' and '.join(wanted)}")
    return _filled({field: given[field].strip() for field in wanted})


def _filled(secret: Secret) -> Secret:
    empty = [field for field, value in secret.items() if not value]
    if empty:
        raise UsageError(f"{empty[0]} is empty: nothing was written")
    return secret


def check(
    settings: SourceSettings,
    secret: Secret,
    clock: Clock,
    make: Callable[..., Provider] = make_provider,
) -> None:
    """List the last minutes with these credentials. Raises UserError where that fails."""
    provider = make(settings, lambda fresh: dict(secret), clock)
    now = clock.now()
    try:
        for _ in provider.list_window(Window(now - CHECKED_WINDOW, now)):
            return
    except (TooWide, Drifted):
        return  # it listed
    except (StepFailed, ConfigError) as error:
        raise UserError(f"nothing was written: {_advice(settings, error)}") from None


def _advice(settings: SourceSettings, error: StepFailed | ConfigError) -> str:
    if isinstance(error, ConfigError):
        return str(error)
    if error.reason is Reason.UNAUTHORIZED:
        return f"{settings.base_url} refuses these credentials; type them again"
    if error.reason is Reason.FORBIDDEN:
        return f"{settings.base_url} takes them, but does not let this user list recordings: give it that right there"
    return (
        f"{settings.base_url} did not list ({error}); try again later, or add --no-check if this machine cannot "
        "reach it and the stack can"
    )


def write(stack: Stack, settings: SourceSettings, secret: Secret) -> None:
    """Raises botocore's ClientError."""
    client = stack.client("secretsmanager")
    client.put_secret_value(SecretId=settings.secret, SecretString=json.dumps(secret))
