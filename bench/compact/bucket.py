"""A bucket of one client: the jobs that it does there."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.compact.dataset import Dataset
from bench.compact.worker import Done, Job
from bench.harness.peers import Peers
from bench.harness.runner import Measured, environment
from bench.harness.s3_server import ask

# As template.yaml sets them for the compactor: what was freed goes back to the system.
MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1000000"}
HANG_S = 120.0
PEERS = Peers("compact")


@dataclass(frozen=True, slots=True)
class Client:
    """``module`` of ``bench.compact.clients``. ``most``: increments that it gets: few, if each takes seconds."""

    module: str
    name: str
    is_peer: bool = True
    most: int = 10_000
    is_ours: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Bucket:
    s3_url: str
    client: Client
    dataset: Dataset
    folder: Path
    name: str

    def do(self, phase: str, increments: Sequence[int] = ()) -> Done:
        """Run one job to its end. Raises SystemExit if its process fails."""
        return self.done(self.start(phase, increments))

    def start(self, phase: str, increments: Sequence[int] = ()) -> Measured:
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        names = (self.client.module, phase, self.s3_url, self.name, str(self.dataset.folder), str(state))
        python = PEERS.python if self.client.is_peer else sys.executable
        environ = environment(self.folder, self.s3_url) | (MEMORY if self.client.is_ours else {})
        job = asdict(Job(*names, increments=list(increments)))
        return Measured.module([python, "-m", "bench.compact.worker"], job, self.folder, environ)

    def done(self, started: Measured) -> Done:
        return Done(**started.result()[0])

    def killed_in(self, increment: int, writes: int) -> bool:
        """Kill the client during an increment, when it wants to write for the ``writes + 1``-th time. False if the
        increment was done before."""
        ask(self.s3_url, f"hang?after={writes}")
        started = self.start("grow", [increment])
        deadline = time.monotonic() + HANG_S
        while started.is_running() and not ask(self.s3_url, "hung")["hung"] and time.monotonic() < deadline:
            time.sleep(0.02)
        was_running = started.is_running()
        started.kill()
        ask(self.s3_url, "go-on")
        return was_running
