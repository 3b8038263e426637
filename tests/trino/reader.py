"""One reader of the torture test that asks Trino: `python -m tests.trino.reader JOB`."""

import random
from pathlib import Path

import requests

from tests.torture.job import Job, Notes, now_ns
from tests.torture.model import QuerySeen
from tests.trino.client import Trino, TrinoError

MS = "to_unixtime(stored_at) * 1000"


class Reader:
    """``job.engine`` is Trino's URL, and the schema there has the name of the job's bucket."""

    def __init__(self, job: Job, notes: Notes) -> None:
        self._job, self._notes = job, notes
        self._luck = random.Random(job.number)
        self._trino = Trino(job.engine, job.bucket)

    def turn(self) -> None:
        """Trino reads the manifest at a time between ``before`` and ``after``, which nobody else knows better."""
        partition = self._luck.choice(self._job.partitions())
        where = f"source = '{partition.source}' AND call_date = DATE '{partition.call_date}'"
        rows: list[tuple[str, int]] | None = None
        error, before = "", now_ns()
        try:
            found = self._trino.rows(f"SELECT recording_id, CAST({MS} AS bigint) FROM calls WHERE {where}")
            rows = [(str(name), int(stored_at or 0)) for name, stored_at in found]
        except (TrinoError, requests.RequestException) as failed:
            error = str(failed)[:300]
        after = now_ns()
        self._notes.add(QuerySeen("trino", str(partition), before, after, (after - before) / 1e9, rows, error))


def main() -> None:
    job = Job.given()
    with (Path(job.notes) / f"reader-{job.number}.notes").open("w") as file:
        reader = Reader(job, Notes(file))
        reader.turn()
        job.is_ready()
        while job.goes_on():
            reader.turn()


if __name__ == "__main__":
    main()
