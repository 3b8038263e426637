"""Print errors for the person at the terminal: one line that says what to do, exit code 1, no stack trace."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import botocore.exceptions
import requests
import typer
from rich.text import Text

from call_lake.errors import CallLakeError
from call_lake_cli.console.terminal import Terminal
from call_lake_local.errors import LocalError
from call_lake_local.processes import LOOPBACK

STARTED = time.monotonic()
NO_REGION = "no AWS region: set AWS_REGION, or `region` in the AWS profile"
err = Terminal(stderr=True, soft_wrap=True)


class UserError(CallLakeError):
    """The command cannot do what the user typed. The message says why, and what to type instead."""


@contextmanager
def explained() -> Iterator[None]:
    """Print every expected failure of a command as one line on stderr, and exit with code 1."""
    try:
        yield
    except LocalError as error:
        fail(*str(error).split("\n"))  # the tail of a log may follow
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
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):  # typer knows what to do
        raise
    except Exception:  # Python would print what a provider sent as it is
        fail("this is a fault of Call Lake:", *traceback.format_exc().splitlines())


def say(line: str) -> None:
    """One line of progress, with the seconds since the command began."""
    err.print(f"{time.monotonic() - STARTED:6.1f} s  {line}")


def fail(message: str, *more: str) -> NoReturn:
    """Print an error, each text on its own line, and end the command with exit code 1."""
    err.print(Text("error:", "red"), message)
    for line in more:
        err.print(line)
    raise typer.Exit(1)
