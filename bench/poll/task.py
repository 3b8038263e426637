"""What a contender is asked, and what it answers: two JSON files. Standard library only."""

import base64
import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from bench.poll.listing import LISTINGS, Listing


@dataclass(frozen=True, slots=True)
class Task:
    """One poll. ``secret`` is as Call Lake keeps it: username and password, or key. ``first`` and ``last`` are times as
    the provider writes them; ``folder`` keeps what a contender wants to remember until its next poll."""

    provider: str
    url: str
    secret: dict[str, str]
    first: str
    last: str
    now: str  # ISO 8601, the provider's clock
    number: int  # of the poll, from 1
    folder: str

    @classmethod
    def given(cls) -> Self:
        return cls(**json.loads(Path(sys.argv[1]).read_text()))

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @property
    def listing(self) -> Listing:
        return LISTINGS[self.provider]

    @property
    def authorization(self) -> str:
        """The header: basic, or the raw key."""
        if "key" in self.secret:
            return self.secret["key"]
        pair = f"{self.secret['username']}:{self.secret['password']}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    @property
    def memory(self) -> Path:
        return Path(self.folder) / "memory"

    @property
    def answer_file(self) -> Path:
        return Path(self.folder) / f"answer-{self.number}.json"

    def begin(self) -> datetime:
        return datetime.strptime(self.first, self.listing.written).replace(tzinfo=self.listing.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """``keys`` of all that was handed on, as often as it was. ``wall_s`` and ``cpu_s`` are of the listing, without the
    start of the program; ``process_cpu_s`` is with it."""

    keys: list[str]
    wall_s: float
    cpu_s: float
    process_cpu_s: float
    peak_mb: float

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls(**json.loads(task.answer_file.read_text()))


class Watch:
    """Measures what is done within ``running()``."""

    @contextmanager
    def running(self) -> Iterator[None]:
        begun_s, cpu_s = time.perf_counter(), _cpu_s()
        yield
        self.wall_s, self.cpu_s = time.perf_counter() - begun_s, _cpu_s() - cpu_s
        self.process_cpu_s = _cpu_s()
        self.peak_mb = _peak_mb()

    def answer(self, task: Task, keys: Iterable[str]) -> None:
        answer = Answer(list(keys), self.wall_s, self.cpu_s, self.process_cpu_s, self.peak_mb)
        task.answer_file.write_text(json.dumps(asdict(answer)))


def _peak_mb() -> float:
    """Of this program alone: getrusage's ru_maxrss begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def standard_output_to(file: Path) -> Iterator[None]:
    """Also what is written to descriptor 1 past ``sys.stdout``."""
    sys.stdout.flush()
    kept = os.dup(1)
    with file.open("wb") as out:
        os.dup2(out.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
