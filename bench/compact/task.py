"""What a contender's process does: `python -m bench.compact.task JOB.json`. It runs on the peers' Python, too.

A contender is a module of ``bench.compact.contenders`` with a class ``Table``. Rows are read from disk before the clock
starts.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

PARTITIONED_BY = ("source", "call_date")
TRIES = 5  # of an increment that met another writer


@dataclass(frozen=True, slots=True)
class Job:
    """``phase``: load, grow or tidy. ``increments`` to merge, by number. ``state``: a folder of the contender's own,
    kept from job to job."""

    contender: str
    phase: str
    s3_url: str
    bucket: str
    dataset: str
    state: str
    answer: str
    increments: tuple[int, ...] = ()

    @classmethod
    def given(cls) -> Self:
        data = json.loads(Path(sys.argv[1]).read_text())
        return cls(**data | {"increments": tuple(data["increments"])})

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))


class Contender:
    """What a contender's ``Table(job)`` has to have."""

    def prepare(self, rows: pa.Table) -> Any:
        """What ``merge`` is given; not timed."""
        return rows

    def load(self, rows: pa.Table) -> None:
        """The first rows of an empty table."""
        raise NotImplementedError

    def merge(self, rows: Any) -> None:
        """One row per recording, the one with the latest ``stored_at``."""
        raise NotImplementedError

    def tidy(self) -> None:
        """A day later: whatever the tool has for merging small files and deleting what is superseded."""

    def files(self) -> list[str]:
        """Keys of the data files that are the table now."""
        raise NotImplementedError


def read(job: Job, name: str) -> pa.Table:
    with pa.memory_map(f"{job.dataset}/{name}.arrow") as source:
        return pa.ipc.open_file(source).read_all()


def by_partition(rows: pa.Table) -> Iterator[tuple[tuple[str, str], pa.Table]]:
    """The rows of each partition, in their order, with its source and date."""
    ordered = rows.take(pc.sort_indices(rows, [(name, "ascending") for name in PARTITIONED_BY]))
    counts = ordered.select(PARTITIONED_BY).group_by(PARTITIONED_BY, use_threads=False).aggregate([([], "count_all")])
    start = 0
    # Groups come in no order that is promised.
    for one in counts.sort_by([(name, "ascending") for name in PARTITIONED_BY]).to_pylist():
        yield (one["source"], one["call_date"]), ordered.slice(start, one["count_all"])
        start += one["count_all"]


def newest(rows: pa.Table) -> pa.Table:
    """The latest version of each recording, in the rows' order."""
    order = pc.sort_indices(rows, [("recording_id", "ascending"), ("stored_at", "descending")])
    ids = rows["recording_id"].take(order).combine_chunks()
    is_first = pa.concat_arrays([pa.array([True]), pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1))])
    kept = order.filter(is_first)
    return rows.take(kept.take(pc.sort_indices(kept)))


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """Of this program alone: getrusage's ru_maxrss begins with that of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def main() -> None:
    job = Job.given()
    table: Contender = importlib.import_module(f"bench.compact.contenders.{job.contender}").Table(job)
    answer: dict[str, Any] = {"idle_mb": peak_mb(), "seconds": [], "cpu_s": [], "refused": []}

    def timed(work: Any, *arguments: Any) -> None:
        begun, cpu = time.perf_counter(), cpu_s()
        work(*arguments)
        answer["seconds"].append(time.perf_counter() - begun)
        answer["cpu_s"].append(cpu_s() - cpu)

    match job.phase:
        case "load":
            timed(table.load, read(job, "load"))
        case "grow":
            for number in job.increments:
                rows = table.prepare(read(job, f"increment-{number}"))
                try:
                    timed(table.merge, rows)
                except Exception as error:
                    print(f"increment {number}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                    answer["refused"].append(number)
        case "tidy":
            timed(table.tidy)
    answer["peak_mb"] = peak_mb()
    answer["files"] = table.files()
    Path(job.answer).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
