import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from call_lake.errors import Transient
from call_lake.model.layout import transcript_key
from call_lake.model.transcribing import JobStatus, Start, StartResult, Wanted
from call_lake.model.transcripts import AWS_ENGINE
from tests.support.fakes.calls import Calls
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.store import MemoryStore
from tests.support.fakes.transcriptions import MemoryTranscriptions

type Tell = Callable[[str], None]


class MemoryTranscribe(MemoryTranscriptions):
    """Amazon Transcribe that works by itself: jobs run for ``takes``, write their document, and tell of their end.

    ``tell`` gets the event of a job that ended, as JSON. ``throttled``: so many of the next starts find no room.
    ``failing``: why a job fails, by recording id, once for each reason. ``lost_events``: so many of the next events
    never come. ``mute``: jobs end without a document. ``run_jobs`` is what Amazon does meanwhile: no call of the world.
    """

    def __init__(self, clock: FakeClock, calls: Calls, store: MemoryStore, tell: Tell, prefix: str = "stack-") -> None:
        super().__init__(calls)
        self.takes = timedelta(minutes=4)
        self.throttled = 0
        self.failing: dict[str, list[str]] = {}
        self.lost_events = 0
        self.mute = 0
        self._prefix = prefix
        self._clock = clock
        self._store = store
        self._tell = tell
        self._running: dict[str, tuple[Wanted, datetime]] = {}
        self._days: Counter[date] = Counter()

    def start(self, wanted: Wanted) -> Start:
        try:
            return super().start(wanted)
        except Transient as error:
            return Start(StartResult.NO_ANSWER, str(error))

    def _start(self, wanted: Wanted) -> Start:
        if self.throttled:
            self.throttled -= 1
            return Start(StartResult.NO_ROOM, "ThrottlingException")
        answer = super()._start(wanted)
        if answer.result is StartResult.STARTED:
            self._running[wanted.recording_id] = (wanted, self._clock.now())
            self._days[self._clock.now().date()] += round(wanted.seconds or 0)
        return answer

    def seconds_by_day(self) -> dict[date, int]:
        """Of audio whose jobs started on a UTC day."""
        return dict(self._days)

    def next_end(self) -> datetime | None:
        """When the next job ends; None if none runs."""
        return min((started_at + self.takes for _, started_at in self._running.values()), default=None)

    def run_jobs(self) -> None:
        """End the jobs whose time has come."""
        for wanted, started_at in list(self._running.values()):
            if started_at + self.takes <= self._clock.now():
                del self._running[wanted.recording_id]
                self._end(wanted)

    def _end(self, wanted: Wanted) -> None:
        reasons = self.failing.get(wanted.recording_id)
        if reasons:
            self.end(wanted.recording_id, JobStatus.FAILED, reasons.pop(0))
        else:
            self.end(wanted.recording_id)
            self._write(wanted)
        if self.lost_events:
            self.lost_events -= 1
        else:
            job = self.jobs[wanted.recording_id]
            self._tell(json.dumps(state_change(self._prefix + wanted.recording_id, job.status, job.reason)))

    def _write(self, wanted: Wanted) -> None:
        if self.mute:
            self.mute -= 1
            return
        key = transcript_key(wanted.partition, AWS_ENGINE, wanted.recording_id)
        self._store.appear(key, document_of(wanted.recording_id, ["good", "morning"], is_stereo=wanted.channels == 2))


def state_change(name: str, status: JobStatus, reason: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/transcribe/latest/dg/monitoring-events.html"""
    failure = {"FailureReason": reason} if reason else {}
    return {
        "source": "aws.transcribe",
        "detail-type": "Transcribe Job State Change",
        "detail": {"TranscriptionJobName": name, "TranscriptionJobStatus": status} | failure,
    }


def document_of(name: str, words: list[str], *, is_stereo: bool = False) -> bytes:
    """What Amazon Transcribe writes: https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html"""
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
        results["items"] = labelled
        results["channel_labels"] = {
            "channels": [{"channel_label": "ch_0", "items": labelled}, {"channel_label": "ch_1", "items": []}],
            "number_of_channels": 2,
        }
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
