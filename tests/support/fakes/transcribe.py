import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.support.fakes.calls import Calls
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.store import MemoryStore

type Tell = Callable[[Mapping[str, Any]], None]
KEPT_FOR = timedelta(days=90)
"""https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html"""


@dataclass
class MemoryJob:
    """One job as Amazon Transcribe knows it. ``status``: ``IN_PROGRESS``, ``COMPLETED`` or ``FAILED``."""

    name: str
    key: str
    language: str
    is_stereo: bool
    started_at: datetime
    status: str = "IN_PROGRESS"
    failure: str = ""
    ended_at: datetime | None = None


class NoRoom(Exception):
    """LimitExceededException: too many jobs of the account run, or too many requests came."""


class NameTaken(Exception):
    """ConflictException: there is a job of this name."""


class StillRuns(Exception):
    """BadRequestException: a running job cannot be deleted."""


class MemoryTranscribe:
    """Amazon Transcribe: jobs that run for ``takes``, write a document, and tell of their end.

    ``tell`` gets the event ``Transcribe Job State Change`` of a job that ended. The knobs: ``room`` (jobs at once),
    ``refuse`` (so many of the next requests find no room), ``failing`` (the reason, by job name), ``lost_events``
    (so many of the next events never come), ``says`` (the words of a document, by job name).
    ``run_jobs`` is what Amazon does meanwhile; it is no call of the world.
    """

    def __init__(self, clock: FakeClock, calls: Calls, store: MemoryStore, tell: Tell) -> None:
        self.takes = timedelta(minutes=4)
        self.room = 100
        self.refuse = 0
        self.failing: dict[str, str] = {}
        self.lost_events = 0
        self.says: Mapping[str, str] = {}
        self.jobs: dict[str, MemoryJob] = {}
        self.started: list[str] = []
        """The names of all jobs that ever started: each one was paid for."""
        self._clock = clock
        self._calls = calls
        self._store = store
        self._tell = tell

    # -- the requests

    def start(self, job: MemoryJob) -> None:
        """Raises NoRoom, NameTaken."""

        def act() -> None:
            if self.refuse:
                self.refuse -= 1
                raise NoRoom(job.name)
            if job.name in self.jobs:
                raise NameTaken(job.name)
            if len(self.running()) >= self.room:
                raise NoRoom(job.name)
            self.jobs[job.name] = job
            self.started.append(job.name)

        self._calls.run("transcribe", "start", act)

    def get(self, name: str) -> MemoryJob | None:
        """None for a job that was deleted, or is older than 90 days."""
        found: MemoryJob | None = self._calls.run("transcribe", "get", lambda: self.jobs.get(name))
        return found

    def delete(self, name: str) -> None:
        """An absent one is fine. Raises StillRuns."""

        def act() -> None:
            if name in self.jobs and self.jobs[name].status == "IN_PROGRESS":
                raise StillRuns(name)
            self.jobs.pop(name, None)

        self._calls.run("transcribe", "delete", act)

    # -- what Amazon does

    def running(self) -> list[MemoryJob]:
        return [job for job in self.jobs.values() if job.status == "IN_PROGRESS"]

    def next_end(self) -> datetime | None:
        """When the next running job ends; None if none runs."""
        return min((job.started_at + self.takes for job in self.running()), default=None)

    def run_jobs(self) -> None:
        """End the jobs whose time has come, and forget those of 90 days ago."""
        now = self._clock.now()
        for job in self.running():
            if job.started_at + self.takes <= now:
                self._end(job)
        self.jobs = {name: job for name, job in self.jobs.items() if now - job.started_at < KEPT_FOR}

    def _end(self, job: MemoryJob) -> None:
        job.ended_at = self._clock.now()
        job.failure = self.failing.get(job.name, "")
        job.status = "FAILED" if job.failure else "COMPLETED"
        if not job.failure:
            words = self.says.get(job.name, "good morning").split()
            self._store.appear(job.key, document_of(job.name, words, job.is_stereo))
        if self.lost_events:
            self.lost_events -= 1
        else:
            self._tell(state_change(job))


def state_change(job: MemoryJob) -> dict[str, Any]:
    """https://docs.aws.amazon.com/transcribe/latest/dg/monitoring-events.html"""
    failure = {"FailureReason": job.failure} if job.failure else {}
    return {
        "source": "aws.transcribe",
        "detail-type": "Transcribe Job State Change",
        "detail": {"TranscriptionJobName": job.name, "TranscriptionJobStatus": job.status} | failure,
    }


def document_of(name: str, words: list[str], is_stereo: bool) -> bytes:
    """What Amazon Transcribe writes: https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output"""
    items = [_item(number, word) for number, word in enumerate(words)]
    segment = {
        "id": 0,
        "transcript": " ".join(words),
        "start_time": "0.0",
        "end_time": f"{len(words) / 2}",
        "items": [item["id"] for item in items],
    } | ({"channel_label": "ch_0"} if is_stereo else {"speaker_label": "spk_0"})
    results: dict[str, Any] = {
        "transcripts": [{"transcript": " ".join(words)}],
        "items": items,
        "audio_segments": [segment],
    }
    if is_stereo:
        labelled = [item | {"channel_label": "ch_0"} for item in items]
        results["channel_labels"] = {
            "channels": [{"channel_label": "ch_0", "items": labelled}, {"channel_label": "ch_1", "items": []}],
            "number_of_channels": 2,
        }
        results["items"] = labelled
    document = {"jobName": name, "accountId": "123456789012", "status": "COMPLETED", "results": results}
    return json.dumps(document, ensure_ascii=False).encode()


def _item(number: int, word: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "pronunciation",
        "start_time": f"{number / 2}",
        "end_time": f"{number / 2 + 0.4}",
        "alternatives": [{"confidence": "0.9", "content": word}],
    }
