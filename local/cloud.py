"""Deploy Call Lake to an AWS account: ``make deploy``.

Asks only for what has no sensible default. A stack that exists keeps its parameters; what is to change is named with
``--set``. The build, and so the packages, are those of the laptop's stack, for the account's processor.
"""

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from call_lake.errors import CallLakeError
from local import deploy

REPO = Path(__file__).parents[1]
SAM = REPO / ".tools/sam/bin/sam"
STACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")
BASE_URL = re.compile(r"https://[^/\s?#@\"\\]+(/[^\s?#\"\\]*)?")
ARCHITECTURES = ("arm64", "x86_64")


def base_url(text: str) -> str:
    """Raises ValueError."""
    if not BASE_URL.fullmatch(text):
        raise ValueError("an address like https://example.thulium.com/api is needed")
    return text.rstrip("/")


def zone(text: str) -> str:
    """Raises ValueError."""
    if text not in available_timezones():
        raise ValueError("a name of the IANA time zone database is needed, like Europe/Warsaw")
    return ZoneInfo(text).key


def day(text: str) -> str:
    """Raises ValueError."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ValueError("a day like 2026-01-31 is needed, or nothing") from None


QUESTIONS: Mapping[str, tuple[str, str | None, Callable[[str], str]]] = {
    "ThuliumBaseUrl": ("Thulium's API, like https://NAME.thulium.com/api", None, base_url),
    "ThuliumTimeZone": ("Time zone of the Thulium system's clock", "Europe/Warsaw", zone),
    "ConpeekBaseUrl": ("Conpeek's API, the address before /cdr_dialog_recording", None, base_url),
    "ConpeekTimeZone": ("Time zone of Conpeek's call dates", "Europe/Warsaw", zone),
    "FirstPollFrom": ("Copy recordings from which day on (empty: from now on)", "", day),
}
"""By parameter of the template: question, default, check."""


def main(
    stack: Annotated[str | None, typer.Option(help="Name of the stack; asked for if it is not given.")] = None,
    set_: Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the template.")] = [],  # noqa: B006
    architecture: Annotated[str, typer.Option(help="Processor of the functions: arm64 or x86_64.")] = "arm64",
) -> None:
    """Build Call Lake and deploy it to the AWS account of your credentials, or upgrade it there."""
    try:
        deploy_stack(stack, dict(map(_pair, set_)), architecture, stands=_stands, build=_build, sam=_sam)
    except (CallLakeError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except (BotoCoreError, ClientError) as error:
        typer.echo(f"error: AWS: {error}; log in first (`aws sso login`) and set AWS_REGION", err=True)
        raise typer.Exit(1) from None


def deploy_stack(
    stack: str | None,
    given: dict[str, str],
    architecture: str,
    *,
    stands: Callable[[str], bool],
    build: Callable[[str], Path],
    sam: Callable[[Sequence[str]], int],
) -> None:
    """``stands`` says whether the account has this stack; ``build`` makes the packages for a processor and gives the
    built template; ``sam`` runs with these arguments and gives its exit code. Raises ValueError for what was typed
    wrong, CallLakeError where sam did not succeed."""
    if architecture not in ARCHITECTURES:
        raise ValueError(f"{architecture!r} is no processor of Lambda's: {' or '.join(ARCHITECTURES)}")
    stack = stack or typer.prompt("Name of the stack", default="call-lake")
    if not STACK_NAME.fullmatch(stack):
        raise ValueError(f"{stack!r} cannot be a stack's name: lower-case letters, digits and '-', at most 48")
    is_new = not stands(stack)
    typer.echo(f"{stack} is new" if is_new else f"{stack} stands: it is upgraded and keeps its parameters")
    chosen = (_asked(given) if is_new else {}) | given
    chosen |= {"Architecture": architecture}
    command = ["deploy", "--template", str(build(architecture)), "--stack-name", stack, "--resolve-s3"]
    command += ["--capabilities", "CAPABILITY_IAM", "--no-fail-on-empty-changeset", "--config-env", stack]
    command += ["--parameter-overrides", *(f"{key}={value}" for key, value in chosen.items())]
    if sam(command) != 0:
        raise CallLakeError("sam deploy did not succeed; its lines above say why. Nothing that stood before was lost")
    if is_new:
        typer.echo(f"Next: call-lake secrets set thulium --stack {stack}; the same for conpeek; then:")
    typer.echo(f"call-lake doctor --stack {stack}")


def _build(architecture: str) -> Path:
    return deploy.build(REPO, SAM, REPO / ".aws-sam" / architecture, architecture, say=typer.echo)


def _sam(arguments: Sequence[str]) -> int:
    return subprocess.run([SAM, *arguments], cwd=REPO, env=os.environ | {"SAM_CLI_TELEMETRY": "0"}).returncode


def _stands(stack: str) -> bool:
    account, region = boto3.client("sts").get_caller_identity()["Account"], boto3.Session().region_name
    typer.echo(f"account {account}, region {region}")
    try:
        boto3.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    answers = {}
    for key, (question, default, check) in QUESTIONS.items():
        if key not in given:
            answers[key] = typer.prompt(question, default=default, value_proc=_checked(check))
    return answers


def _checked(check: Callable[[str], str]) -> Callable[[str], str]:
    def convert(text: str) -> str:
        try:
            return check(text.strip())
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None  # asked again

    return convert


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text!r}: write KEY=VALUE")
    return key, value


if __name__ == "__main__":
    typer.run(main)
