"""Which clients are compared, how each is started, and how what it stored is judged."""

import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from bench.copy import rclone, wav
from bench.copy.call_lake_parts import recording_of
from bench.copy.job import WARM_UP, Job
from bench.copy.servers import Found, Servers
from bench.harness.peers import Peers
from bench.harness.runner import Measured, environment
from call_lake.model.layout import audio_prefix

PEERS = Peers("copy")
THREADS = 8
TRIES = 3


@dataclass(frozen=True, slots=True)
class Client:
    """A program of ``bench.copy.programs``, or a ``command`` for a job, which is timed with its start. ``key``: where a
    recording's object should lie. ``limit``: how many recordings, for what takes seconds for each."""

    name: str
    program: str = ""
    is_peer: bool = False
    command: Callable[[Job], Sequence[str]] | None = None
    key: Callable[[str], str] = str
    limit: int | None = None

    def __str__(self) -> str:
        return self.name

    def start(self, job: Job, folder: Path) -> Measured:
        environ = environment(folder, job.s3_url)
        if self.command:
            return Measured(self.command(job), folder, environ)
        python = PEERS.python if self.is_peer else sys.executable
        return Measured.module([python, "-m", "bench.copy.programs", self.program], asdict(job), folder, environ)


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


def _rclone(job: Job) -> Sequence[str]:
    source = [":http:", "--http-url", f"{job.audio_url}/{job.path}/"]
    target = [f":s3:{job.bucket}", "--s3-provider", "Other", "--s3-endpoint", job.s3_url, "--s3-env-auth"]
    manner = ["--s3-no-check-bucket", "--transfers", str(job.threads), "--retries", str(job.tries), "--config", ""]
    return [rclone.path() or "rclone", "copy", *source, *target, *manner, "--quiet"]


def _curl(job: Job) -> Sequence[str]:
    aws = shlex.quote(str(PEERS.folder / "bin/aws"))
    pipe = f"curl -sSf {job.audio_url}/{job.path}/{{}} | {aws} s3 cp --only-show-errors - s3://{job.bucket}/{{}}"
    loop = f"printf '%s\\n' \"$@\" | xargs -P {job.threads} -I{{}} sh -c {shlex.quote(pipe)}"
    return ["sh", "-c", loop, "sh", *job.names]


@cache
def _our_key(name: str) -> str:
    return audio_prefix(recording_of(name, "")) + "wav"


FLOOR = Client("put_object from memory", "put_from_memory")
LOWEST_FLOOR = Client("put_object from memory, our client", "put_by_our_client")
OURS = Client("Call Lake", "call_lake", key=_our_key)
COPIER = Client("Call Lake, whole copier", "whole_copier", key=_our_key)
BOTO3 = Client("boto3 upload_fileobj", "boto3_upload", is_peer=True)
BOTO3_UNSIGNED = Client("boto3 upload_fileobj, unsigned", "boto3_unsigned", is_peer=True)
SMART_OPEN = Client("smart_open", "smart_open", is_peer=True)
RCLONE = Client("rclone copy", command=_rclone)
CURL = Client("curl to aws s3 cp -", command=_curl, limit=8)


def available(clients: Sequence[Client]) -> list[Client]:
    missing = {RCLONE} if rclone.path() is None else set()
    missing |= {CURL} if shutil.which("curl") is None else set()
    return [one for one in clients if one not in missing]


def run(client: Client, work: wav.Work, servers: Servers) -> Sample:
    """One run over empty servers. Raises SystemExit if a program breaks; failed recordings are counted."""
    servers.reset()
    names = work.names[: client.limit]
    path = f"{work.name}/{work.count}/{work.size_bytes}"
    job = Job(servers.audio_url, servers.s3_url, "bench", path, names, THREADS, TRIES)
    with tempfile.TemporaryDirectory(prefix="bench-copy-") as folder:
        told, usage = client.start(job, Path(folder)).result()
    took = (told["wall_s"], told["cpu_s"], told["peak_mb"]) if told else (usage.wall_s, usage.cpu_s, usage.peak_mb)
    return judged(client, work, names, servers.found(), took)


def judged(
    client: Client, work: wav.Work, names: Sequence[str], found: Found, took: tuple[float, float, float]
) -> Sample:
    sound = {
        client.key(name): [_is(name, work.size_bytes, parts) for parts in found.versions.get(client.key(name), [])]
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


@cache
def _is(name: str, size_bytes: int, parts: tuple[tuple[int, str], ...]) -> bool:
    """Whether an object of these parts is the recording."""
    cuts = list(accumulate(size for size, _ in parts))
    return cuts[-1] == size_bytes and wav.digests(name, size_bytes, cuts) == [sha256 for _, sha256 in parts]
