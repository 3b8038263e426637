"""What a client is asked to copy. Standard library only: peers run without Call Lake's libraries."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from bench.harness import job

WARM_UP = "warm-up.wav"
WARM_UP_PATH = "warm/1/50000"


@dataclass(frozen=True, slots=True)
class Job:
    """``audio_url`` is the provider's root; the recordings of a set lie under ``path``. ``tries``: how often a client
    that does not retry by itself goes over what failed."""

    audio_url: str
    s3_url: str
    bucket: str
    path: str
    names: list[str]
    threads: int
    tries: int

    @classmethod
    def given(cls) -> Self:
        return cls(**job.given())

    def url(self, name: str) -> str:
        return f"{self.audio_url}/{WARM_UP_PATH if name == WARM_UP else self.path}/{name}"

    def in_threads(self, copy: Callable[[str], None]) -> None:
        """Copy every recording; go over those that fail again, until all tries are used up."""

        def failed(name: str) -> bool:
            try:
                copy(name)
            except Exception as error:
                print(f"{name}: {type(error).__name__}", file=sys.stderr)
                return True
            return False

        waiting = self.names
        with ThreadPoolExecutor(self.threads) as pool:
            for _ in range(self.tries):
                waiting = [name for name, again in zip(waiting, pool.map(failed, waiting), strict=True) if again]
