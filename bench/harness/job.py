"""What a measured process is told, and what it answers: two JSON files.

Standard library only: peers run in environments without Call Lake's libraries. The process is started with the paths of
both files behind its own arguments (``bench.harness.runner``).
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self


def given() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(sys.argv[-2]).read_text(encoding="utf-8"))
    return found


def answer(**values: Any) -> None:
    Path(sys.argv[-1]).write_text(json.dumps(values), encoding="utf-8")


class Watch:
    """Measures what is done within ``running()``. ``process_cpu_s`` and ``peak_mb`` count from the process's start."""

    @contextmanager
    def running(self) -> Iterator[Self]:
        begun, used = time.perf_counter(), cpu_s()
        yield self
        self.wall_s, self.process_cpu_s, self.peak_mb = time.perf_counter() - begun, cpu_s(), peak_mb()
        self.cpu_s = self.process_cpu_s - used

    def answer(self, **values: Any) -> None:
        """With what was measured."""
        answer(**vars(self), **values)


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """MB of this program alone: ``ru_maxrss`` starts with that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
