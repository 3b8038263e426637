"""What the measured clients have in common: their job, and how their work is timed.

A client is a process of its own. It makes its connections and copies one small recording before the clock starts, as
a warm function has; then it copies the whole set with a number of threads and prints what that took as JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

WARM_UP = "warm-up.wav"
WARM_UP_PATH = "warm/1/50000"


@dataclass(frozen=True, slots=True)
class Job:
    """``audio_url`` is the provider's root; the recordings of a set lie under ``path``. ``tries``: how often a client
    without retries of its own goes over what failed."""

    audio_url: str
    s3_url: str
    bucket: str
    path: str
    names: tuple[str, ...]
    threads: int
    tries: int

    @classmethod
    def given(cls) -> "Job":
        data = json.loads(sys.argv[1])
        return cls(**data | {"names": tuple(data["names"])})

    def url(self, name: str) -> str:
        return f"{self.audio_url}/{WARM_UP_PATH if name == WARM_UP else self.path}/{name}"


def measure(work: Callable[[], Sequence[str]]) -> None:
    """Time ``work``, which gives the names that it could not copy, and print the result."""
    before, start = _cpu_s(), time.perf_counter()
    failed = work()
    seconds = time.perf_counter() - start
    result = {"seconds": seconds, "cpu_s": _cpu_s() - before, "peak_mb": peak_mb(), "failed": list(failed)}
    print(json.dumps(result), flush=True)


def in_threads(job: Job, copy: Callable[[str], None]) -> list[str]:
    """Copy every recording of the job; those that fail again after all tries are given back."""

    def attempt(name: str) -> str | None:
        try:
            copy(name)
        except Exception as error:
            print(f"{name}: {type(error).__name__}", file=sys.stderr)
            return name
        return None

    waiting = list(job.names)
    with ThreadPoolExecutor(job.threads) as pool:
        for _ in range(job.tries):
            waiting = [name for name in pool.map(attempt, waiting) if name]
    return waiting


def peak_mb() -> float:
    """The most memory this program ever held, in MB: not ``ru_maxrss``, which counts the parent's before exec."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
