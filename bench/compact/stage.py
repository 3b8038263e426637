"""The S3 of a run, and the jobs that contenders do on it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from bench.compact import peers
from bench.compact.dataset import Dataset
from bench.compact.task import Job
from call_lake_local.bootstrap import ROOT

# As template.yaml sets them for the compactor: what was freed goes back to the system.
MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1000000"}
JOB_S = 900.0
HANG_S = 120.0


@dataclass(frozen=True, slots=True)
class Contender:
    """``most``: increments that it is given; fewer than all where each takes it seconds."""

    module: str
    name: str
    is_peer: bool = True
    most: int = 10_000
    is_ours: bool = False

    @property
    def python(self) -> str:
        return str(peers.PYTHON) if self.is_peer else sys.executable


@dataclass(frozen=True, slots=True)
class Answer:
    """``seconds`` and ``cpu_s`` of the load, or of each increment. ``refused``: increments that ended in an error.
    ``files``: keys of the table's data files at the end. ``idle_mb``: what the imports alone hold."""

    seconds: list[float]
    cpu_s: list[float]
    refused: list[int]
    idle_mb: float
    peak_mb: float
    files: list[str]


@dataclass(slots=True)
class Stage:
    """A bucket of one contender."""

    s3_url: str
    contender: Contender
    dataset: Dataset
    folder: Path
    bucket: str
    _jobs: int = field(default=0)

    def do(self, phase: str, increments: Sequence[int] = ()) -> Answer:
        """Run one job to its end. Raises SystemExit where its process fails."""
        return self.answer(*self.start(phase, increments))

    def start(self, phase: str, increments: Sequence[int] = ()) -> "tuple[Job, subprocess.Popen[bytes]]":
        self._jobs += 1
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        job = Job(
            contender=self.contender.module,
            phase=phase,
            s3_url=self.s3_url,
            bucket=self.bucket,
            dataset=str(self.dataset.folder),
            state=str(state),
            answer=str(self.folder / f"answer-{self._jobs}.json"),
            increments=tuple(increments),
        )
        file = self.folder / f"job-{self._jobs}.json"
        job.write(file)
        with (self.folder / "log").open("ab") as log:
            command = [self.contender.python, "-m", "bench.compact.task", str(file)]
            return job, subprocess.Popen(command, env=self._environment(), cwd=self.folder, stdout=log, stderr=log)

    def answer(self, job: Job, process: "subprocess.Popen[bytes]") -> Answer:
        if process.wait(JOB_S):
            said = (self.folder / "log").read_text(errors="replace")[-3000:]
            raise SystemExit(f"{self.contender.name}: {job.phase} failed:\n{said}")
        return Answer(**json.loads(Path(job.answer).read_text()))

    def killed_in(self, increment: int, writes: int) -> bool:
        """Kill the contender during an increment, when it wants to write for the ``writes + 1``-th time. False where it
        was done before."""
        ask(self.s3_url, f"hang?after={writes}")
        _, process = self.start("grow", [increment])
        deadline = time.monotonic() + HANG_S
        while process.poll() is None and not ask(self.s3_url, "stats")["hung"] and time.monotonic() < deadline:
            time.sleep(0.02)
        was_alive = process.poll() is None
        process.kill()
        process.wait()
        ask(self.s3_url, "go-on")
        return was_alive

    def _environment(self) -> dict[str, str]:
        ours = "" if self.contender.is_peer else f":{ROOT / 'shared'}"
        return (MEMORY if self.contender.is_ours else {}) | {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": f"{ROOT}{ours}",
            "NO_PROXY": "127.0.0.1",
            "AWS_ENDPOINT_URL": self.s3_url,
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "DLT_TELEMETRY": "0",
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "CRITICAL",
        }


@contextmanager
def serving() -> Iterator[str]:
    """The URL of an S3 of its own, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-s3-") as folder:
        command = [sys.executable, "-m", "bench.compact.s3_server", folder]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.communicate()  # closes its standard input, at which it ends


def ask(s3_url: str, what: str) -> Mapping[str, int]:
    with urlopen(f"{s3_url}/-/{what}", timeout=60) as answer:  # noqa: S310 - our own server
        found: dict[str, int] = json.loads(answer.read())
    return found
