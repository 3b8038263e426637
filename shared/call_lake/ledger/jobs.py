"""Jobs: stretches of the past that a source's polls still have to read. A sweep, a backfill or a gap (rule 2).

Each job keeps its own position and never moves the checkpoint. Until it is done it is in the ledger's index ``due``
under ``job#<source>``.

A backfill is read twice, the second time a day after the first: where one row came and another went between the same
two pages, nothing shows it, and no sweep reads that past again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from call_lake.model.times import iso, parse_iso
from call_lake.model.windows import Window
from call_lake.ports import Below, Clock, Expectation, Item, OneOf, PreconditionFailed, Table

SECOND_READING_AFTER = timedelta(days=1)
DUE_AT_ONCE = 10
JOBS_MAX = 1000
"""More jobs of one source are not looked at."""
ANY_TIME = "9999"
STATE = "job_state"
"""Not ``state``: that attribute is a recording's, and the poller's role may not write it (docs/adr/0027)."""


class JobKind(StrEnum):
    """Why a stretch of the past is read."""

    SWEEP = "sweep"  # daily: the last days again, for recordings that were listed late
    BACKFILL = "backfill"  # an operator asked for it
    GAP = "gap"  # no poll could read it


class JobState(StrEnum):
    """How far a job is."""

    UNFINISHED = "UNFINISHED"
    SECOND_READING = "SECOND_READING"  # a backfill that was read once, and is read or waits to be read again
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class Job:
    """``window`` is what has to be read; all of it before ``position`` has been. ``due_at``: from when on a poll works
    on it."""

    id: str
    source: str
    kind: JobKind
    window: Window
    position: datetime
    state: JobState = JobState.UNFINISHED
    started_at: str | None = None
    due_at: str | None = None

    @property
    def rest(self) -> Window:
        """What is still to be read."""
        return Window(self.position, self.window.end)

    @property
    def done(self) -> bool:
        return self.state is JobState.DONE

    @property
    def again(self) -> bool:
        """Whether this is the second reading."""
        return self.state is JobState.SECOND_READING


class Jobs:
    """The jobs of one source, in the ledger's table."""

    def __init__(self, table: Table, clock: Clock, source: str) -> None:
        self._table = table
        self._clock = clock
        self._source = source

    def start(self, kind: JobKind, window: Window, wait: timedelta = timedelta()) -> Job:
        """Start a job that is due after ``wait``, and return it. An unfinished one of the same kind and window goes
        on; one that was read to its end starts again."""
        id = job_id(self._source, kind, window)
        item = {
            STATE: JobState.UNFINISHED,
            "job": kind,
            "source": self._source,
            "start": iso(window.start),
            "end": iso(window.end),
            "position": iso(window.start),
            "started_at": iso(self._clock.now()),
            "due_list": self._due_list,
            "due_at": iso(self._clock.now() + wait),
        }
        startable = OneOf((None, JobState.SECOND_READING, JobState.DONE))
        try:
            self._table.update(id, item, {STATE: startable})
        except PreconditionFailed:
            return _job(self._table.get(id) or {"id": id} | item)
        return _job({"id": id} | item)

    def start_sweep(self, window: Window) -> Job:
        """Start the one sweep of the source. It also reads what earlier, unfinished sweeps have not read."""
        earlier = [job for job in self.unfinished() if job.kind is JobKind.SWEEP]
        start = min([window.start, *(job.position for job in earlier)])
        sweep = self.start(JobKind.SWEEP, Window(start, window.end))
        for job in earlier:
            if job.id != sweep.id:
                self.progress(job, job.window.end)
        return sweep

    def start_gap(self, window: Window, wait: timedelta) -> bool:
        """Keep an unreadable window as a job that is due after ``wait``; False where an unfinished gap covers it.

        The job is a little wider than the window, because the next poll cuts its windows at other moments.
        """
        gaps = [job.rest for job in self.unfinished() if job.kind is JobKind.GAP]
        if any(gap.start <= window.start and window.end <= gap.end for gap in gaps):
            return False
        self.start(JobKind.GAP, Window(window.start - window.width, window.end + window.width), wait)
        return True

    def find(self, kind: JobKind, window: Window) -> Job | None:
        """The job of this kind and window, in whatever state."""
        item = self._table.get(job_id(self._source, kind, window))
        return _job(item) if item else None

    def unfinished(self) -> list[Job]:
        """Every job that is not done, due or not."""
        return self._due_before(ANY_TIME)

    def unfinished_gaps(self) -> int:
        """How many gaps are not done. Reads the index alone."""
        return sum(1 for id in self._ids(ANY_TIME) if id.startswith(f"job#{self._source}#{JobKind.GAP}#"))

    def due(self) -> list[Job]:
        """At most DUE_AT_ONCE jobs that are due. Backfills come last, so that sweeps and gaps need not wait."""
        jobs = self._due_before(iso(self._clock.now()))
        return sorted(jobs, key=lambda job: job.kind is JobKind.BACKFILL)[:DUE_AT_ONCE]

    def progress(self, job: Job, position: datetime) -> Job:
        """Keep how far the job was read, and return it. At its end it is done, or begins its second reading. Where
        two polls run one job, its position never goes back."""
        state = OneOf((JobState.SECOND_READING if job.again else JobState.UNFINISHED,))
        changes: dict[str, Any] = {"position": iso(position)}
        expect: Expectation = {"position": Below(iso(position)), STATE: state}
        if position >= job.window.end:
            changes |= self._end_of(job)
            expect = {STATE: state}
        try:
            self._table.update(job.id, changes, expect)
        except PreconditionFailed:
            item = self._table.get(job.id)
            return _job(item) if item else replace(job, position=position)
        return replace(job, position=parse_iso(changes["position"]), state=JobState(changes.get(STATE, job.state)))

    def _end_of(self, job: Job) -> dict[str, Any]:
        if job.kind is JobKind.BACKFILL and not job.again:
            due_at = iso(self._clock.now() + SECOND_READING_AFTER)
            return {STATE: JobState.SECOND_READING, "position": iso(job.window.start), "due_at": due_at}
        return {STATE: JobState.DONE, "due_list": None, "due_at": None}

    def postpone(self, job: Job, wait: timedelta) -> None:
        """Make an unfinished job due after ``wait``."""
        changes = {"due_at": iso(self._clock.now() + wait)}
        try:
            self._table.update(job.id, changes, {STATE: OneOf((JobState.UNFINISHED,))})
        except PreconditionFailed:
            return

    @property
    def _due_list(self) -> str:
        return f"job#{self._source}"

    def _ids(self, due_before: str) -> Sequence[str]:
        return [found["id"] for found in self._table.query_due(self._due_list, due_before, JOBS_MAX)]

    def _due_before(self, due_before: str) -> list[Job]:
        jobs = map(_job, self._table.get_many(self._ids(due_before)).values())
        return [job for job in jobs if not job.done]  # for the index may be behind


def job_id(source: str, kind: JobKind, window: Window) -> str:
    """The id of the job's item: one job for each kind and window of a source."""
    return f"job#{source}#{kind}#{iso(window.start)}#{iso(window.end)}"


def _job(item: Item) -> Job:
    return Job(
        id=item["id"],
        source=item["source"],
        kind=JobKind(item["job"]),
        window=Window(parse_iso(item["start"]), parse_iso(item["end"])),
        position=parse_iso(item["position"]),
        state=JobState(item[STATE]),
        started_at=item.get("started_at"),
        due_at=item.get("due_at"),
    )
