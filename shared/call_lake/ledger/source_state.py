"""What the ledger keeps per source: the checkpoint, and jobs, each with a cursor of its own (design rules 1, 2).

A job is a stretch of the past that has still to be read: the daily sweep, a backfill, a gap. It never moves the
checkpoint. It stands in the ledger's sparse index under ``job#<source>`` until it is done.

A backfill is read twice, the second time a day after the first: where one row came and another went between the same
two pages, nothing tells, and a past that no sweep reaches would be read only once.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from call_lake.ledger.jobs import AGAIN, DONE, OPEN, SECOND_READING, Job, JobKind, _job, job_id
from call_lake.model.times import iso, parse_iso
from call_lake.model.windows import Window
from call_lake.ports import Below, Clock, Expectation, Item, OneOf, PreconditionFailed, Table

PAUSED = "paused"
JOBS_MAX = 1000  # that are looked at
HOLE_MEMORY = timedelta(hours=3)  # a hole that was not met for so long is mended or behind the look-back


class SourceBook:
    """The per-source items of the ledger's table."""

    def __init__(self, table: Table, clock: Clock, source: str) -> None:
        self._table = table
        self._clock = clock
        self.source = source

    @property
    def _id(self) -> str:
        return f"source#{self.source}"

    def facts(self) -> Item:
        """The source's item as it stands: ``checkpoint``, ``last_poll_at``, ``last_ok_at``, ``trouble`` …"""
        return self._table.get(self._id) or {}

    def checkpoint(self) -> datetime | None:
        text = self.facts().get("checkpoint")
        return parse_iso(text) if text else None

    def advance(self, to: datetime) -> None:
        """Move the checkpoint forward; one that another poll has moved further stays (rule 2)."""
        try:
            self._table.update(self._id, {"checkpoint": iso(to)}, {"checkpoint": Below(iso(to))})
        except PreconditionFailed:
            return

    def swept_to(self) -> datetime | None:
        """The end of the last sweep that was read whole: what was listed before that moment has been seen."""
        text = self.facts().get("swept_to")
        return parse_iso(text) if text else None

    def note(self, **facts: Any) -> None:
        self._table.update(self._id, facts)

    def hole_since(self, window: Window, now: datetime) -> datetime:
        """Since when this window, or one that overlaps it, has been unreadable; noted as of ``now`` if it is new."""
        holes = [h for h in self.facts().get("holes", []) if now - parse_iso(h["seen"]) < HOLE_MEMORY]
        old = next((h for h in holes if _overlap(window, Window(parse_iso(h["start"]), parse_iso(h["end"])))), None)
        hole = old or {"start": iso(window.start), "end": iso(window.end), "since": iso(now)}
        self.note(holes=[h for h in holes if h is not old] + [hole | {"seen": iso(now)}])
        return parse_iso(hole["since"])

    def quiet_until(self) -> datetime | None:
        """Until when the provider has asked to be left alone."""
        text = self.facts().get("quiet_until")
        return parse_iso(text) if text else None

    def pause(self) -> None:
        """No poll lists or publishes, and no copier downloads, until ``resume``."""
        since = iso(self._clock.now())
        self.note(paused_since=since, trouble=f"{PAUSED} since {since}")

    def resume(self) -> None:
        self.note(paused_since=None, trouble=None)

    def paused_since(self) -> datetime | None:
        text = self.facts().get("paused_since")
        return parse_iso(text) if text else None

    # -- jobs

    def open_job(self, kind: JobKind, window: Window, due_in: timedelta = timedelta()) -> Job:
        """Start a job, or find the one of the same kind and window as it stands; one that was read begins again."""
        id = job_id(self.source, kind, window)
        item = {
            "state": OPEN,
            "job": kind,
            "source": self.source,
            "start": iso(window.start),
            "end": iso(window.end),
            "position": iso(window.start),
            "open_in": f"job#{self.source}",
            "due_at": iso(self._clock.now() + due_in),
        }
        try:
            return _job(self._table.update(id, item, {"state": OneOf((None, AGAIN, DONE))}))
        except PreconditionFailed:
            return _job(self._table.get(id) or {"id": id} | item)

    def job(self, kind: JobKind, window: Window) -> Job | None:
        """The job of this kind and window, whatever became of it."""
        item = self._table.get(job_id(self.source, kind, window))
        return _job(item) if item else None

    def open_sweep(self, window: Window) -> Job:
        """One sweep at a time: what earlier ones have not read, in an outage of weeks, is part of this one."""
        earlier = [job for job in self.open_jobs() if job.kind is JobKind.SWEEP]
        start = min([window.start, *(job.position for job in earlier)])
        sweep = self.open_job(JobKind.SWEEP, Window(start, window.end))
        for job in earlier:
            if job.id != sweep.id:
                self.progress(job, job.window.end)
        return sweep

    def open_gap(self, window: Window, due_in: timedelta) -> bool:
        """Keep an unreadable window as a job, a little wider as the next poll cuts its windows elsewhere; False where
        an open one covers it already."""
        gaps = [job.rest for job in self.open_jobs() if job.kind is JobKind.GAP]
        if any(gap.start <= window.start and window.end <= gap.end for gap in gaps):
            return False
        self.open_job(JobKind.GAP, Window(window.start - window.width, window.end + window.width), due_in)
        return True

    def gaps_open(self) -> int:
        """How many stretches were passed over and are still to be read."""
        found = self._table.query_open(f"job#{self.source}", "9999", JOBS_MAX)
        return sum(1 for key in found if key["id"].startswith(f"job#{self.source}#{JobKind.GAP}#"))

    def open_jobs(self) -> list[Job]:
        """Every job that is not done, due or not."""
        return self._jobs("9999")

    def due_jobs(self) -> list[Job]:
        """Ten at most, backfills last: they must not keep the sweeps waiting, nor the gaps."""
        return sorted(self._jobs(iso(self._clock.now())), key=lambda job: job.kind is JobKind.BACKFILL)[:10]

    def _jobs(self, due_before: str) -> list[Job]:
        found = self._table.query_open(f"job#{self.source}", due_before, JOBS_MAX)
        items = self._table.get_many([key["id"] for key in found])
        return [_job(item) for item in items.values() if item["state"] in (OPEN, AGAIN)]

    def progress(self, job: Job, position: datetime) -> Job:
        """Keep how far the job came; done when that is its end. Two runners may race: the position never goes back."""
        state = OneOf((AGAIN if job.again else OPEN,))
        changes: dict[str, Any] = {"position": iso(position)}
        expect: Expectation = {"position": Below(iso(position)), "state": state}
        if position >= job.window.end:
            changes |= self._end_of(job)
            expect = {"state": state}
        try:
            return _job(self._table.update(job.id, changes, expect))
        except PreconditionFailed:
            item = self._table.get(job.id)
            return _job(item) if item else replace(job, position=position)

    def _end_of(self, job: Job) -> dict[str, Any]:
        if job.kind is JobKind.BACKFILL and not job.again:
            due_at = iso(self._clock.now() + SECOND_READING)
            return {"state": AGAIN, "position": iso(job.window.start), "due_at": due_at}
        return {"state": DONE, "open_in": None, "due_at": None}

    def postpone(self, job: Job, wait: timedelta) -> None:
        changes = {"due_at": iso(self._clock.now() + wait)}
        try:
            self._table.update(job.id, changes, {"state": OneOf((OPEN,))})
        except PreconditionFailed:
            return


def _overlap(one: Window, other: Window) -> bool:
    return one.start <= other.end and other.start <= one.end
