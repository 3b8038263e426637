"""Who is compared, how each is started, and how what it stored is judged."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from bench.copy import peers, wav
from bench.copy.client import WARM_UP, Job
from bench.copy.ends import Ends, Found
from bench.copy.recordings import recording_of
from call_lake.model.layout import audio_prefix

ROOT = Path(__file__).resolve().parents[2]
THREADS = 8
TRIES = 3
TIME_LIMIT_S = 900


@dataclass(frozen=True, slots=True)
class Contender:
    """``command`` for a job; ``key`` under which a recording's object should lie; ``limit`` on recordings, for what
    takes seconds for each."""

    name: str
    command: Callable[[Job], Sequence[str]]
    key: Callable[[str], str] = str
    downloads: bool = True
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run took and left behind. ``wrong``, ``lost``, ``twice`` and ``repeated`` count recordings:
    other bytes stood under its key at some time, its own do not stand at the end, its own were stored more than once,
    it was downloaded more than once."""

    seconds: float
    cpu_s: float
    peak_mb: float
    recordings: int
    megabytes: float
    gets: int
    s3_requests: int
    wrong: int
    lost: int
    twice: int
    repeated: int

    @property
    def recordings_per_s(self) -> float:
        return self.recordings / self.seconds

    @property
    def mb_per_s(self) -> float:
        return self.megabytes / self.seconds


def _module(name: str, *more: str, peer: bool = False) -> Callable[[Job], Sequence[str]]:
    def command(job: Job) -> Sequence[str]:
        python = str(peers.python()) if peer else sys.executable
        return [python, "-m", f"bench.copy.{name}", json.dumps(asdict(job)), *more]

    return command


def _rclone(job: Job) -> Sequence[str]:
    source = [":http:", "--http-url", f"{job.audio_url}/{job.path}/"]
    target = [f":s3:{job.bucket}", "--s3-provider", "Other", "--s3-endpoint", job.s3_url, "--s3-env-auth"]
    manner = ["--s3-no-check-bucket", "--transfers", str(job.threads), "--retries", str(job.tries), "--config", ""]
    return [peers.rclone() or "rclone", "copy", *source, *target, *manner, "--quiet"]


def _curl(job: Job) -> Sequence[str]:
    aws = shlex.quote(str(peers.FOLDER / "bin/aws"))
    pipe = f"curl -sSf {job.audio_url}/{job.path}/{{}} | {aws} s3 cp --only-show-errors - s3://{job.bucket}/{{}}"
    loop = f"printf '%s\\n' \"$@\" | xargs -P {job.threads} -I{{}} sh -c {shlex.quote(pipe)}"
    return ["sh", "-c", loop, "sh", *job.names]


@cache
def _our_key(name: str) -> str:
    return audio_prefix(recording_of(name, "")) + "wav"


FLOOR = Contender("put_object from memory", _module("run_floor", "as-it-is"), downloads=False)
LOWEST_FLOOR = Contender("put_object from memory, our client", _module("run_floor"), downloads=False)
OURS = Contender("Call Lake", _module("run_ours"), _our_key)
COPIER = Contender("Call Lake, whole copier", _module("run_copier"), _our_key)
BOTO3 = Contender("boto3 upload_fileobj", _module("run_boto3", peer=True))
BOTO3_UNSIGNED = Contender("boto3 upload_fileobj, unsigned", _module("run_boto3", "unsigned", peer=True))
SMART_OPEN = Contender("smart_open", _module("run_smart_open", peer=True))
RCLONE = Contender("rclone copy", _rclone)
CURL = Contender("curl to aws s3 cp -", _curl, limit=8)
COMMANDS = (RCLONE, CURL)  # timed from outside, their start included


@cache
def _is(name: str, size_bytes: int, parts: tuple[tuple[int, str], ...]) -> bool:
    """Whether an object of these parts is the recording."""
    cuts = list(accumulate(size for size, _ in parts))
    return cuts[-1] == size_bytes and wav.digests(name, size_bytes, cuts) == [sha256 for _, sha256 in parts]


def available(contenders: Sequence[Contender]) -> list[Contender]:
    return [
        one
        for one in contenders
        if not (one is RCLONE and peers.rclone() is None) and not (one is CURL and shutil.which("curl") is None)
    ]


def run(contender: Contender, work: wav.Work, ends: Ends) -> Sample:
    """One run over empty ends. Raises RuntimeError where a client breaks rather than reporting failed recordings."""
    ends.reset()
    names = work.names[: contender.limit]
    path = f"{work.name}/{work.count}/{work.size_bytes}"
    job = Job(ends.audio_url, ends.s3_url, "bench", path, tuple(names), THREADS, TRIES)
    environment = ends.environment() | {"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(contender.command(job), env=environment, stdout=out, stderr=err)
        overdue = threading.Timer(TIME_LIMIT_S, process.kill)
        overdue.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        overdue.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        lines, said = out.read().splitlines(), err.read()
    if lines and lines[-1].startswith('{"seconds"'):
        told = json.loads(lines[-1])
        took = (told["seconds"], told["cpu_s"], told["peak_mb"])
    elif contender in COMMANDS:
        took = (seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
    else:
        raise RuntimeError(f"{contender.name} broke:\n{said[-2000:]}")
    return judged(contender, work, names, ends.found(), took)


def judged(
    contender: Contender, work: wav.Work, names: Sequence[str], found: Found, took: tuple[float, float, float]
) -> Sample:
    sound = {
        contender.key(name): [
            _is(name, work.size_bytes, parts) for parts in found.versions.get(contender.key(name), [])
        ]
        for name in names
    }
    gets = {name: count for name, count in found.gets.items() if name != WARM_UP}
    return Sample(
        *took,
        recordings=len(names),
        megabytes=len(names) * work.size_bytes / 1e6,
        gets=sum(gets.values()),
        s3_requests=sum(found.s3_requests.values()),
        wrong=sum(not all(versions) for versions in sound.values()),
        lost=sum(not (key in found.standing and versions[-1]) for key, versions in sound.items()),
        twice=sum(sum(versions) > 1 for versions in sound.values()),
        repeated=sum(count > 1 for count in gets.values()),
    )
