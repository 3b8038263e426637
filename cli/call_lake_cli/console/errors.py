"""Print errors for the person at the terminal: one line that says what to do, exit code 1, no stack trace."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions
import requests
import typer
from rich.console import Console

from call_lake.errors import CallLakeError
from call_lake_local.processes import LOOPBACK

STARTED = time.monotonic()
NO_REGION = "no AWS region: set AWS_REGION, or `region` in the AWS profile"
err = Console(stderr=True, soft_wrap=True)


class UserError(CallLakeError):
    """The command cannot do what the user typed. The message says why, and what to type instead."""


@contextmanager
def explained() -> Iterator[None]:
    """Print every expected failure of a command as one line on stderr, and exit with code 1."""
    try:
        yield
    except CallLakeError as error:
        fail(str(error))
    except botocore.exceptions.NoCredentialsError:
        fail(
            "no AWS credentials: log in (for example `aws sso login`), or start the laptop's stack: call-lake local up"
        )
    except botocore.exceptions.NoRegionError:
        fail(NO_REGION)
    except botocore.exceptions.ProfileNotFound as error:
        fail(f"{error}: set AWS_PROFILE to one that `aws configure list-profiles` names, or to none")
    except (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError) as error:
        if LOOPBACK in str(error):
            fail(f"{error}; is the local stack still running? `call-lake local up` starts it")
        fail(f"{error}; check the network, and the region (AWS_REGION, or that of the AWS profile)")
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        fail(f"AWS refused: {error}")
    except requests.RequestException as error:
        fail(f"no answer: {error}")


def say(line: str) -> None:
    """One line of progress, with the seconds since the command began."""
    err.print(f"{time.monotonic() - STARTED:6.1f} s  {line}", highlight=False, markup=False)


def fail(message: str) -> None:
    """Print the error and end the command. Raises typer.Exit."""
    err.print(f"[red]error:[/red] {_plain(message)}", highlight=False)
    raise typer.Exit(1)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
