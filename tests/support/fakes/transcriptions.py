from collections.abc import Iterable

from call_lake.model.transcribing import Job, JobStatus, Start, StartResult, Wanted
from tests.support.fakes.calls import Calls

UNFINISHED = (JobStatus.QUEUED, JobStatus.IN_PROGRESS)


class MemoryTranscriptions:
    """Amazon Transcribe's jobs. ``known``: recordings whose job is done. ``refusal``: what every start is answered from
    now on. ``room``: how many jobs run at once."""

    def __init__(self, calls: Calls, known: Iterable[str] = (), *, room: int = 100) -> None:
        self.jobs = dict.fromkeys(known, Job(JobStatus.COMPLETED))
        self.started: list[Wanted] = []
        self.refusal: Start | None = None
        self.room = room
        self._calls = calls

    @property
    def names(self) -> set[str]:
        return set(self.jobs)

    def start(self, wanted: Wanted) -> Start:
        answer: Start = self._calls.run("transcribe", "start", lambda: self._start(wanted))
        return answer

    def job(self, recording_id: str) -> Job | None:
        found: Job | None = self._calls.run("transcribe", "get", lambda: self.jobs.get(recording_id))
        return found

    def delete(self, recording_id: str) -> bool:
        return bool(self._calls.run("transcribe", "delete", lambda: self._delete(recording_id)))

    def end(self, recording_id: str, status: JobStatus = JobStatus.COMPLETED, reason: str = "") -> None:
        """The job ends, and nobody is told."""
        self.jobs[recording_id] = Job(status, reason)

    def _start(self, wanted: Wanted) -> Start:
        if self.refusal:
            return self.refusal
        if wanted.recording_id in self.jobs:
            return Start(StartResult.EXISTS)
        if sum(job.status in UNFINISHED for job in self.jobs.values()) >= self.room:
            return Start(StartResult.NO_ROOM, "LimitExceededException")
        self.started.append(wanted)
        self.jobs[wanted.recording_id] = Job(JobStatus.IN_PROGRESS)
        return Start(StartResult.STARTED)

    def _delete(self, recording_id: str) -> bool:
        job = self.jobs.get(recording_id)
        if job and job.status in UNFINISHED:
            return False
        self.jobs.pop(recording_id, None)
        return True
