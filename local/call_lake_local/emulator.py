"""Run the emulator of AWS, ministack, as a child process: on 127.0.0.1 only, all its files in one directory.

docs/local-stack.md says how it works and where it differs from AWS.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import requests

from call_lake_local import processes
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import LocalError
from call_lake_local.processes import LOOPBACK, Process

NAME = "emulator"
REGION = "eu-central-1"
ROOT_KEY = "test"  # the one key id, besides 12-digit ones, that ministack takes for the account's root
LAUNCHER = Path(__file__).parent / "ministack" / "launch.py"
READY_DEADLINE_S = 60.0
_START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator. Its keys are the account root's; for all other callers it enforces IAM."""

    process: Process
    endpoint_url: str
    region: str = REGION
    access_key_id: str = ROOT_KEY
    secret_access_key: str = ROOT_KEY

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.endpoint_url, self.region, self.access_key_id, self.secret_access_key)

    def environment(self) -> dict[str, str]:
        """The variables with which any AWS SDK or tool talks to this emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def is_healthy(self) -> bool:
        return _answers(self.endpoint_url)

    def reset(self) -> None:
        """Forget every resource of every service, and end the functions' processes. Raises LocalError."""
        try:
            requests.post(f"{self.endpoint_url}/_ministack/reset", timeout=60).raise_for_status()
        except requests.RequestException as error:
            raise LocalError(f"the emulator at {self.endpoint_url} cannot be reset: {error}") from None

    def stop(self) -> None:
        """End the emulator and every function that it runs, and delete what it stored."""
        processes.end(self.process)
        shutil.rmtree(self.process.state_dir / "aws", ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def start_emulator(python: Path, state_dir: Path, port: int | None = None, *, attached: bool = True) -> Emulator:
    """Start an empty emulator on ``python``, the interpreter of the environment that ministack is installed in.

    It writes only below ``state_dir``. Without ``port`` it takes any free one. An attached emulator ends with this
    process. Raises LocalError where the port is busy, or the emulator is not ready after a minute.
    """
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
    process = processes.start(
        NAME,
        [python, LAUNCHER],
        state_dir=state_dir,
        environment=_environment(python, files, port),
        attached=attached,
    )
    emulator = Emulator(process, f"http://{LOOPBACK}:{port}")
    try:
        processes.wait_until_ready(process, emulator.is_healthy, deadline_s=READY_DEADLINE_S)
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


def _answers(endpoint_url: str) -> bool:
    try:
        return requests.get(f"{endpoint_url}/_ministack/health", timeout=5).ok
    except requests.RequestException:
        return False
