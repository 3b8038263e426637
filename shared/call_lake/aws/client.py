"""boto3 clients as Call Lake wants them, and AWS's refusals as the domain's own errors."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from call_lake.errors import Reason, Transient
from call_lake.ports import PartialFailure
from call_lake.settings import strict_requests

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=5,
    read_timeout=60,
    tcp_keepalive=True,
    # Without this botocore builds its own for each request, which takes a tenth of a PUT's CPU.
    user_agent=f"call-lake boto3/{boto3.__version__}",
    max_pool_connections=32,  # above any number of copy threads: a thread never waits for a connection
    # Given a SHA-256 as checksum, botocore would read the whole body once more to sign it, over TLS too. The checksum
    # is a signed header and S3 holds the body to it, so nothing is lost by not signing the body itself.
    s3={"payload_signing_enabled": False},
)


@cache
def client(service: str, config: Config = CONFIG) -> Any:
    """The one client of ``service`` in this process; its methods may be called from any thread."""
    if strict_requests():
        # Here, for what nobody switched on shall cost no function its time to import.
        from call_lake.aws.strict.requests import check_every_request

        check_every_request()
    return boto3.client(service, config=config)  # type: ignore[call-overload]


def code_of(error: ClientError) -> str:
    """AWS's code of the error, like ``AccessDenied``; empty where the answer has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """The HTTP status of the answer; 0 where it is unknown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def failed(what: str, error: Exception) -> Transient:
    """The typed error for a call that AWS failed or refused.

    A missing permission is Transient too: once somebody grants it, the work goes on by itself.
    """
    return Transient(Reason.AWS, f"{what}: {error if isinstance(error, ClientError) else repr(error)}")


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Raise AWS's errors in the block as Transient(AWS).

    ParamValidationError passes through: boto3 calls the request malformed, so it is our defect.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except (ClientError, BotoCoreError) as error:
        raise failed(what, error) from error


def send_all(what: str, batches: Iterable[Sequence[int]], send: Callable[[Sequence[int]], dict[int, str]]) -> None:
    """Send positions batch by batch. ``send`` returns the refused positions, each with why. They are sent once more,
    each alone, so that one bad item does not fail others.

    Raises PartialFailure with the positions that were refused twice.
    """
    refused = [position for batch in batches for position in send(batch)]
    again: dict[int, str] = {}
    for position in refused:
        again |= send([position])
    if again:
        raise PartialFailure(what, sorted(again), ", ".join(sorted(set(again.values()))))


def in_batches(count: int, size: int) -> Iterator[range]:
    """The positions 0 to ``count`` in ranges of ``size`` at most."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))
