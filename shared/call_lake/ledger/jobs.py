"""A job: a stretch of the past that has still to be read (a sweep, a backfill, a gap)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from call_lake.model.times import iso, parse_iso
from call_lake.model.windows import Window
from call_lake.ports import Item


class JobKind(StrEnum):
    SWEEP = "sweep"
    BACKFILL = "backfill"
    GAP = "gap"


OPEN, AGAIN, DONE = "OPEN", "AGAIN", "DONE"
"""AGAIN: a backfill that was read once, and waits for its second reading or is in it."""
SECOND_READING = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Job:
    """``window`` is what has to be read, all before ``position`` was. ``again``: it is the second reading."""

    id: str
    source: str
    kind: JobKind
    window: Window
    position: datetime
    done: bool = False
    again: bool = False

    @property
    def rest(self) -> Window:
        return Window(self.position, self.window.end)


def job_id(source: str, kind: JobKind, window: Window) -> str:
    return f"job#{source}#{kind}#{iso(window.start)}#{iso(window.end)}"


def _job(item: Item) -> Job:
    return Job(
        id=item["id"],
        source=item["source"],
        kind=JobKind(item["job"]),
        window=Window(parse_iso(item["start"]), parse_iso(item["end"])),
        position=parse_iso(item["position"]),
        done=item["state"] == DONE,
        again=item["state"] == AGAIN,
    )
