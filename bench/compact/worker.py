"""What a client's process does: ``python -m bench.compact.worker JOB_FILE ANSWER_FILE``, on the peers' Python, too.

A client is a module of ``bench.compact.clients`` with a class ``Table``. Rows are read from disk before the clock
starts.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bench.harness import job as process
from bench.harness.job import Watch

PARTITIONED_BY = ("source", "call_date")
TRIES = 5  # of an increment that met another writer


@dataclass(frozen=True, slots=True)
class Job:
    """``phase``: load, grow or tidy. ``increments`` to merge, by number. ``state``: a folder of the client's own, kept
    from job to job."""

    client: str
    phase: str
    s3_url: str
    bucket: str
    dataset: str
    state: str
    increments: list[int]


class Table:
    """What a client's ``Table(job)`` has to have."""

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


def again_after(conflict: type[Exception], merge: Callable[[], object]) -> None:
    """Merge; if another writer was faster, up to ``TRIES`` times."""
    for attempt in range(TRIES):
        try:
            merge()
            return
        except conflict:
            if attempt == TRIES - 1:
                raise


def s3_of(url: str) -> Any:
    from pyarrow.fs import S3FileSystem  # which not every client needs

    return S3FileSystem(endpoint_override=url, region="eu-central-1", access_key="test", secret_key="test")


def read(folder: str | Path, name: str) -> pa.Table:
    with pa.memory_map(f"{folder}/{name}.arrow") as source:
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


@dataclass(slots=True)
class Done:
    """What a job took. ``seconds`` and ``cpu_s`` of the load, or of each increment. ``refused``: increments that ended
    in an error. ``files``: keys of the table's data files at the end. ``idle_mb``: what the imports alone hold."""

    idle_mb: float
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    peak_mb: float = 0.0
    files: list[str] = field(default_factory=list)

    def time(self, work: Callable[..., None], *arguments: Any) -> None:
        with Watch().running() as watch:
            work(*arguments)
        self.seconds.append(watch.wall_s)
        self.cpu_s.append(watch.cpu_s)


def main() -> None:
    job = Job(**process.given())
    table: Table = importlib.import_module(f"bench.compact.clients.{job.client}").Table(job)
    done = Done(process.peak_mb())
    match job.phase:
        case "load":
            done.time(table.load, read(job.dataset, "load"))
        case "grow":
            for number in job.increments:
                rows = table.prepare(read(job.dataset, f"increment-{number}"))
                try:
                    done.time(table.merge, rows)
                except Exception as error:
                    print(f"increment {number}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr)
                    done.refused.append(number)
        case "tidy":
            done.time(table.tidy)
    done.peak_mb, done.files = process.peak_mb(), table.files()
    process.answer(**{name: getattr(done, name) for name in Done.__slots__})


if __name__ == "__main__":
    main()
