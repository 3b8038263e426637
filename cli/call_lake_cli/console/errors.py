"""Print errors for the person at the terminal: one line that says what to do, an exit code, no stack trace.

::

    UserError               1  the command could not do it
     |- UsageError          2  it was typed wrong; nothing was done
     |- Found               3  it did its work, and found differences or problems
     |- Unreachable         4  a provider or AWS gives no answer now; the same command may work later
     `- NothingMatched      5  it looked, and there is nothing of what was asked for
"""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import botocore.exceptions
import requests
import typer
from rich.text import Text

from call_lake.aws.client import code_of, status_of
from call_lake.errors import CallLakeError, Transient
from call_lake_cli.console.manner import manner
from call_lake_cli.console.terminal import Terminal
from call_lake_local.errors import LocalError
from call_lake_local.processes import LOOPBACK

STARTED = time.monotonic()
NO_REGION = "no AWS region: set AWS_REGION, or `region` in the AWS profile"
THROTTLED = ("Throttl", "TooManyRequests", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "SlowDown")
"""How AWS's codes of a refused rate begin:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""
err = Terminal(stderr=True, soft_wrap=True)


class ExitCode(IntEnum):
    """What a command's exit code says. docs/command-line.md explains each."""

    DONE = 0
    FAILED = 1
    USAGE = 2  # also typer's own
    FOUND = 3
    UNREACHABLE = 4
    NOTHING_MATCHED = 5


class UserError(CallLakeError):
    """The command could not do it. The message says why, and what to type."""

    exit_code = ExitCode.FAILED


class UsageError(UserError):
    """What was typed is wrong or not enough: nothing was done."""

    exit_code = ExitCode.USAGE


class Found(UserError):
    """The command did its work, and found differences or problems."""

    exit_code = ExitCode.FOUND


class Unreachable(UserError):
    """A provider or AWS gives no answer now. The same command may work later."""

    exit_code = ExitCode.UNREACHABLE


class NothingMatched(UserError):
    """The command looked, and there is nothing of what was asked for."""

    exit_code = ExitCode.NOTHING_MATCHED


@contextmanager
def explained() -> Iterator[None]:
    """Print every expected failure of a command as one line on stderr, and exit with its code."""
    try:
        yield
    except LocalError as error:
        fail(*str(error).split("\n"))  # the tail of a log may follow
    except UserError as error:
        fail(str(error), code=error.exit_code)
    except Transient as error:
        fail(str(error), code=_code_of(error.__cause__))
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
            down = f"{error}; is the local stack still running? `call-lake local up` starts it"
        else:
            down = f"{error}; check the network, and the region (AWS_REGION, or that of the AWS profile)"
        fail(down, code=ExitCode.UNREACHABLE)
    except botocore.exceptions.ClientError as error:
        fail(f"AWS refused: {error}", code=_code_of(error))
    except botocore.exceptions.BotoCoreError as error:
        fail(f"AWS refused: {error}")
    except requests.RequestException as error:
        fail(f"no answer: {error}", code=ExitCode.UNREACHABLE)
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):  # typer knows what to do
        raise
    except Exception:  # Python would print what a provider sent as it is
        fail("this is a fault of Call Lake:", *traceback.format_exc().splitlines())


def say(line: str) -> None:
    """One line of progress, with the seconds since the command began."""
    err.print(f"{time.monotonic() - STARTED:6.1f} s  {line}")


def _code_of(cause: BaseException | None) -> ExitCode:
    """Of what was not answered. AWS that refuses a right will refuse it again; AWS that is overloaded will not."""
    if not isinstance(cause, botocore.exceptions.ClientError):
        return ExitCode.UNREACHABLE
    down = status_of(cause) >= 500 or code_of(cause).startswith(THROTTLED)
    return ExitCode.UNREACHABLE if down else ExitCode.FAILED


def fail(message: str, *more: str, code: ExitCode = ExitCode.FAILED) -> NoReturn:
    """Print an error, each text on its own line, and end the command with this exit code."""
    err.quiet = False
    err.print(Text("error:", "red"), message)
    more_to_say = traceback.format_exc().splitlines() if manner().verbose else []
    for line in [*more, *more_to_say]:
        err.print(line)
    raise typer.Exit(int(code))
