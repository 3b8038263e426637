"""Start clients and servers as processes, measure them, and run a bench from its command line.

A *client* is a program that is measured: the floor (the least that does the work), Call Lake, or a peer (another tool).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from bench.harness.peers import Peers
from bench.harness.tables import fill
from call_lake_local.bootstrap import ROOT, SetupError

RESULTS = ROOT / "bench/RESULTS.md"
TIME_LIMIT_S = 900.0
PACKAGES = os.pathsep.join(str(folder) for folder in (ROOT / "shared", ROOT / "cli", ROOT / "local", ROOT))


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a whole process, from its start to its end."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def environment(home: Path, s3_url: str = "") -> dict[str, str]:
    """Of every client, whatever the machine's own settings for AWS are. Nothing speaks to the world."""
    return ({"AWS_ENDPOINT_URL": s3_url} if s3_url else {}) | {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": PACKAGES,
        "NO_PROXY": "127.0.0.1",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "DLT_TELEMETRY": "0",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
    }


class Measured:
    """One run of a client as a process. ``folder`` keeps its job, its answer and what it prints, for it to start in."""

    def __init__(self, command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]) -> None:
        """Starts it."""
        self._answer: Path | None = None
        self._log = folder / "log"
        self._begun = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @classmethod
    def module(
        cls, command: Sequence[str | Path], job: Mapping[str, Any], folder: Path, environ: Mapping[str, str]
    ) -> Self:
        """``python -m`` with a module that reads ``job`` and writes an answer by ``bench.harness.job``."""
        number = len([*folder.glob("job-*.json")])
        file, answer = folder / f"job-{number}.json", folder / f"answer-{number}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        made = cls([*command, file, answer], folder, environ)
        made._answer = answer
        return made

    def result(self) -> tuple[dict[str, Any], Usage]:
        """Waits for its end; a command gives no answer. Raises SystemExit for a module that fails."""
        overdue = threading.Timer(TIME_LIMIT_S, self._process.kill)
        overdue.start()
        _, status, used = os.wait4(self._process.pid, 0)
        wall_s = time.perf_counter() - self._begun
        overdue.cancel()
        self._process.returncode = os.waitstatus_to_exitcode(status)
        usage = Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
        if self._answer is None:
            return {}, usage
        if self._process.returncode or not self._answer.exists():
            said = self._log.read_text(errors="replace")[-3000:]
            raise SystemExit(f"{self._process.args!r} failed:\n{said}")
        return json.loads(self._answer.read_text(encoding="utf-8")), usage

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def rounds[C: Hashable, S](clients: Sequence[C], count: int, run: Callable[[C, int], S]) -> dict[C, list[S]]:
    """Each round runs every client once, every second round in reverse order. ``run`` is given the round's number."""
    found: dict[C, list[S]] = {client: [] for client in clients}
    for number in range(count):
        for client in clients[:: -1 if number % 2 else 1]:
            say(f"round {number + 1} of {count}: {client}")
            found[client].append(run(client, number))
    return found


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """``python -m module`` in its own process, until the block ends; the URL that it serves."""
    command = [sys.executable, "-m", module, *arguments]
    environ = os.environ | {"PYTHONPATH": PACKAGES}
    process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.communicate()  # closes its standard input, at which it ends


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def bench(
    name: str,
    parser: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], str],
    peers: Peers | None = None,
    versions: Callable[[], str] = str,
) -> int:
    """Make the peers, measure, print the report; with ``--write`` keep it in RESULTS.md. Returns the exit status."""
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {RESULTS.relative_to(ROOT)}")
    asked = parser.parse_args()
    try:
        if peers:
            peers.make()
    except SetupError as error:
        say(str(error))
        return 1
    load_before = os.getloadavg()[0]
    text = measure(asked)
    told = versions()
    head = (
        f"Run of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Python {platform.python_version()}, Linux "
        f"{platform.machine()}, {os.cpu_count()} cores.\nLoad average of the machine before and after: "
        f"{load_before:.1f}, {os.getloadavg()[0]:.1f}.{f' Peers: {told}.' if told else ''}"
    )
    report = f"{head}\n\n{text.strip()}"
    print(report)
    if asked.write:
        page = RESULTS.read_text(encoding="utf-8")
        RESULTS.write_text(fill(page, {name: report}), encoding="utf-8")
    return 0
