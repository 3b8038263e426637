"""What the transcriber's steps share: its ports, the states of a recording, how a failure is told."""

from dataclasses import dataclass
from datetime import timedelta

from call_lake.ledger.entry import State, state_of
from call_lake.ledger.transcribed_hours import TranscribedHours
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptLedger, as_read
from call_lake.model.transcripts import AWS_ENGINE
from call_lake.observability import log
from call_lake.ports import Clock, Queue, Table, Transcriptions, VersionedStore

LOOK_AFTER = timedelta(hours=1)
"""When the sweep looks at a job that nobody heard of. Most jobs take some minutes."""
REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class TranscriberPorts:
    """``queue``: where recordings wait for their job. ``documents``: what tells the reader of a document."""

    table: Table
    store: VersionedStore
    jobs: Transcriptions
    queue: Queue
    documents: Queue
    clock: Clock


@dataclass(slots=True)
class Counts:
    """What one run did. ``started``: jobs. ``failed``: transcripts that FAILED. ``over_ceiling``: recordings that wait
    because the day has no room for them; a sweep says 1 for any number. ``looked``: jobs that a sweep looked at.
    ``sent``: recordings that it sent to the queue. ``trouble``: why it ended early; empty where it did not."""

    started: int = 0
    failed: int = 0
    over_ceiling: int = 0
    looked: int = 0
    sent: int = 0
    trouble: str = ""


class Books:
    """What the ledger knows: of recordings, of their transcripts of engine ``aws``, of the day's hours. ``counts`` are
    of the run that is under way."""

    def __init__(self, ports: TranscriberPorts, hours_per_day: float) -> None:
        self.ports = ports
        self.counts = Counts()
        self.transcripts = TranscriptLedger(ports.table, ports.clock, AWS_ENGINE)
        self.hours = TranscribedHours(ports.table, ports.clock, hours_per_day)

    def recording_state(self, recording_id: str) -> State:
        """The state of the recording itself. Its event may come before the copier has written STORED."""
        return state_of(self.ports.table.get(recording_id) or {})

    def fail(self, known: TranscriptEntry | None, entry: TranscriptEntry, reason: str) -> None:
        """Note that the transcript FAILED. ``known``: what the ledger said, so that nothing newer is overwritten."""
        text = reason[:REASON_LENGTH]
        if self.transcripts.failed(entry.recording_id, entry.partition, text, as_read(known)):
            log.error("transcription failed", recording_id=entry.recording_id, reason=text)
            self.counts.failed += 1
