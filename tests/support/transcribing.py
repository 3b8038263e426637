"""A transcriber in memory: its queue, its jobs, and recordings that the ledger knows."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcribed_hours import TranscribedHours
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptLedger, TranscriptState
from call_lake.model.events import recording_stored
from call_lake.model.layout import Partition, audio_key, redacted_key, transcript_key
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from call_lake.model.transcribing import stored_message
from call_lake.transcribing.parts import Counts, TranscriberPorts
from call_lake.transcribing.transcriber import Message, Transcriber
from tests.support.fakes import MemoryQueue, World
from tests.support.fakes.provider import make_recording
from tests.support.fakes.transcriptions import MemoryTranscriptions

PREFIX = "lake-"
SECONDS = 600.0


type Ports = Callable[[TranscriberPorts], TranscriberPorts]


class TranscribingBench:
    """``hours``: of audio a day. ``around`` may put something around the ports of the transcriber."""

    def __init__(self, world: World, hours: float = 100, around: Ports = lambda ports: ports) -> None:
        self.world = world
        self.counts = Counts()
        self.jobs = MemoryTranscriptions(world.calls)
        self.queue = MemoryQueue("transcriptions", world.clock, world.calls, visibility_s=600, dlq=world.dlq)
        self.documents = MemoryQueue("documents", world.clock, world.calls)
        self.ledger = Ledger(world.table, world.clock, 86_400)
        self.transcripts = TranscriptLedger(world.table, world.clock, "aws")
        self.hours = TranscribedHours(world.table, world.clock, hours)
        ports = TranscriberPorts(world.table, world.store, self.jobs, self.queue, self.documents, world.clock)
        self.transcriber = Transcriber(around(ports), world.dlq, PREFIX, hours)

    def stored(self, number: int, **facts: Any) -> Recording:
        """A recording of ten minutes that is stored; nothing is sent."""
        recording = make_recording(number)
        known = AudioFacts("wav", 9_600_044, "00" * 32, channels=2, sample_rate=8000, seconds=SECONDS)
        known = replace(known, **facts)
        audio = StoredAudio(self.world.store.bucket, audio_key(recording, known.format), known, self.world.clock.now())
        self.ledger.discovered(recording)
        self.ledger.stored(recording, audio)
        return recording

    def wanted(self, recording: Recording, asked_again_at: datetime | None = None) -> str:
        """The message that asks for its transcript."""
        entry = self.ledger.entry(recording.recording_id)
        assert entry is not None
        assert entry.audio is not None
        return stored_message(recording_stored(recording, entry.audio), asked_again_at)

    def take(self, *bodies: str, deliveries: int = 1) -> list[str]:
        """Send and take a batch; return the bodies that have to come again."""
        messages = [Message(str(number), body, deliveries) for number, body in enumerate(bodies)]
        again, self.counts = self.transcriber.take(messages)
        return [bodies[int(id)] for id in again]

    def take_queue(self) -> None:
        """Take all that waits in the queue and is visible now."""
        while batch := self.queue.receive():
            messages = [Message(one.message_id, one.body, one.receive_count) for one in batch]
            again, _ = self.transcriber.take(messages)
            for one in batch:
                if one.message_id not in again:
                    self.queue.delete(one.receipt_handle)

    def start(self, number: int, **facts: Any) -> Recording:
        """A stored recording whose event was taken."""
        recording = self.stored(number, **facts)
        assert self.take(self.wanted(recording)) == []
        return recording

    def sweep(self, after: timedelta = timedelta()) -> Counts:
        self.world.clock.advance(after)
        return self.transcriber.sweep(self.world.clock.monotonic() + 40)

    def ended(self, recording: Recording) -> str:
        """The event of Amazon Transcribe that a job has ended. Nobody trusts more of it than the name."""
        detail = {"TranscriptionJobName": PREFIX + recording.recording_id, "TranscriptionJobStatus": "COMPLETED"}
        return json.dumps({"source": "aws.transcribe", "detail-type": "Transcribe Job State Change", "detail": detail})

    def entry(self, recording: Recording) -> TranscriptEntry:
        entry = self.transcripts.entry(recording.recording_id)
        assert entry is not None
        return entry

    def state(self, recording: Recording) -> TranscriptState:
        return self.entry(recording).state

    def erase(self, recording: Recording) -> None:
        """Its tombstone is written."""
        self.ledger.erase(recording.recording_id, recording.source, recording.call_date)

    def write_document(self, recording: Recording, *, redacted: bool = False) -> str:
        """The document that its job leaves; return its key."""
        partition = Partition.of_recording(recording)
        key = (
            redacted_key(partition, recording.recording_id)
            if redacted
            else transcript_key(partition, "aws", recording.recording_id)
        )
        self.world.store.put(key, b"{}")
        return key
