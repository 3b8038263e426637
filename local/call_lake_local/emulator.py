"""Run the emulator of AWS, ministack, as a child process: on 127.0.0.1 only, all its files in one directory.

docs/local-stack.md says how it works and where it differs from AWS.
"""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from call_lake_local import private_folder, processes
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import LocalError
from call_lake_local.processes import LOOPBACK, Process
from call_lake_local.project import project

NAME = "emulator"
REGION = "eu-central-1"
ROOT_SECRET = "CALL_LAKE_ROOT_SECRET"  # the launcher takes it out of its environment before a function starts
LAUNCHER = "local/call_lake_local/ministack/launch.py"
READY_DEADLINE_S = 60.0
_START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator. The keys of ``endpoint`` are the account root's; for all other callers it enforces IAM."""

    process: Process
    endpoint: Endpoint

    def environment(self) -> dict[str, str]:
        """The variables with which any AWS SDK or tool talks to this emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_REGION": self.endpoint.region,
            "AWS_DEFAULT_REGION": self.endpoint.region,
            "AWS_ACCESS_KEY_ID": self.endpoint.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.endpoint.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "STRICT_REQUESTS": "true",
        }

    def is_healthy(self) -> bool:
        try:
            return self._ask("GET", "/_ministack/health", timeout_s=5).ok
        except requests.RequestException:
            return False

    def reset(self) -> None:
        """Forget every resource of every service, and end the functions' processes. Raises LocalError."""
        try:
            self._ask("POST", "/_ministack/reset", timeout_s=60).raise_for_status()
        except requests.RequestException as error:
            raise LocalError(f"the emulator at {self.endpoint.url} cannot be reset: {error}") from None

    def stop(self) -> None:
        stop(self.process)

    def _ask(self, method: str, path: str, *, timeout_s: float) -> requests.Response:
        """Ask ministack itself, signed like a request of AWS: the gate lets nothing else pass."""
        here = self.endpoint
        url = here.url + path
        request = AWSRequest(method, url)
        credentials = Credentials(here.access_key_id, here.secret_access_key)
        SigV4Auth(credentials, "ministack", here.region).add_auth(request)
        with requests.Session() as session:
            session.trust_env = False  # your proxies are not meant for it
            return session.request(method, url, headers=dict(request.headers.items()), timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def stop(process: Process) -> None:
    """End an emulator and every function that it runs, and delete what it stored."""
    processes.end(process)
    shutil.rmtree(process.state_dir / "aws", ignore_errors=True)


def start_emulator(python: Path, state_dir: Path, port: int | None = None, *, attached: bool = True) -> Emulator:
    """Start an empty emulator on ``python``, the interpreter of the environment that ministack is installed in.

    It writes only below ``state_dir``, and takes only requests that are signed with a key that it makes itself.
    Without ``port`` it takes any free one. An attached emulator ends with this process. Raises LocalError where the
    port is busy, the folder is another user's, or the emulator is not ready after a minute.
    """
    private_folder.make(state_dir)
    if processes.find(NAME, state_dir):
        raise LocalError(f"the local stack runs already, with its state in {state_dir}: call-lake local down")
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            return _start_once(python, state_dir.resolve(), processes.free_port(port), attached=attached)
        except LocalError as error:
            # A free port may be taken by somebody else before the emulator binds it.
            if port is not None or attempt == _START_ATTEMPTS or "already in use" not in str(error):
                raise
    raise AssertionError("unreachable")


def _start_once(python: Path, state_dir: Path, port: int, *, attached: bool) -> Emulator:
    files = state_dir / "aws"
    shutil.rmtree(files, ignore_errors=True)
    (files / "tmp").mkdir(parents=True)
    # One that looks like none of AWS's, and not like 12 digits: those are ministack's own idea of a root.
    key, secret = f"CALLLAKE{secrets.token_hex(6).upper()}", secrets.token_urlsafe(30)
    process = processes.start(
        NAME,
        [python, project() / LAUNCHER],
        state_dir=state_dir,
        environment=_environment(python, files, port) | {"AWS_ACCESS_KEY_ID": key, ROOT_SECRET: secret},
        attached=attached,
    )
    emulator = Emulator(process, Endpoint(f"http://{LOOPBACK}:{port}", REGION, key, secret))

    def is_ready() -> bool:
        # Its own log says that it has the port. Another process that took the port first would answer, too.
        return (
            f"Running on {emulator.endpoint.url} " in process.log.read_text(errors="replace") and emulator.is_healthy()
        )

    try:
        processes.wait_until_ready(process, is_ready, deadline_s=READY_DEADLINE_S)
    except BaseException:
        processes.end(process)
        raise
    return emulator


def _environment(python: Path, files: Path, port: int) -> dict[str, str]:
    """The emulator's whole environment. Its functions inherit it, so nothing of the user's may be in it."""
    return {
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "HOME": str(files),
        "TMPDIR": str(files / "tmp"),  # unpacked functions, its pid file
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "AUTH": "true",  # the template's IAM roles are enforced
        "IOT_MTLS_ENABLED": "0",  # else it listens on 8883
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(files / "state"),
        "S3_DATA_DIR": str(files / "s3"),
        "S3_PERSIST": "1",  # objects on disk: audio would fill the memory
        "DOCKER_HOST": f"unix://{files}/no-docker",  # else it removes containers of other ministacks at start
    }
