"""The transcript reader in memory: a world with recordings in its ledger, and engines that write documents."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptLedger
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import Partition, TranscriptPlace
from call_lake.model.recording import Recording
from call_lake.model.table import Row
from call_lake.transcripts.reader import DocumentMessage, Outcome, ReaderPorts, ReadReport, TranscriptReader
from call_lake.transcripts.sweep import DocumentSweep, SweepDays, SweepResult
from tests.support.fakes import World
from tests.support.fakes.provider import make_recording
from tests.support.fakes.queue import MemoryQueue

SAID = {"start_s": 0.5, "end_s": 2.0, "text": "dzień dobry"}


def document(*texts: str, **more: Any) -> dict[str, Any]:
    """An engine's document: a segment for each text."""
    said = [SAID | {"text": text, "start_s": number, "end_s": number + 1} for number, text in enumerate(texts)]
    return {"version": 1, "segments": said} | more


@dataclass(frozen=True)
class ReadingWorld:
    """``queue``: the reader's. It gets a message for each document that ``write`` writes, as S3 sends them."""

    world: World
    queue: MemoryQueue

    @classmethod
    def make(cls, world: World | None = None) -> "ReadingWorld":
        world = world or World.make()
        dead = MemoryQueue("documents-dead", world.clock, world.calls)
        return cls(world, MemoryQueue("documents", world.clock, world.calls, visibility_s=0, dlq=dead))

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.world.table, self.world.clock, 86_400)

    def recording(self, number: int = 0) -> Recording:
        """A recording that the ledger knows. Its state is of no account, as long as it is not erased: an engine may be
        faster than the copier's last write."""
        recording = make_recording(number)
        self.ledger.discovered(recording)
        return recording

    def place(self, recording: Recording, engine: str = "example", day: date | None = None) -> TranscriptPlace:
        return TranscriptPlace(engine, Partition(recording.source, day or recording.call_date), recording.recording_id)

    def write(self, place: TranscriptPlace, body: Mapping[str, Any] | bytes) -> str:
        """An engine writes a document, and S3 tells the queue. Return its ETag."""
        etag = self.world.store.put(place.key, body if isinstance(body, bytes) else json.dumps(body).encode())
        self.tell(place.key)
        return etag

    def tell(self, key: str) -> None:
        """As S3 does (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html)."""
        written = {"bucket": {"name": self.world.store.bucket}, "object": {"key": key.replace("=", "%3D"), "size": 1}}
        self.queue.send([json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": written}]})])

    def read(self, *, until_s: float = float("inf")) -> ReadReport:
        """A batch of everything that waits. What has to come again waits again."""
        received = self.queue.receive(1000)
        report = self.reader.read_batch([DocumentMessage(one.message_id, one.body) for one in received], until_s)
        for one in received:
            if one.message_id not in report.again:
                self.queue.delete(one.receipt_handle)
        return report

    def outcomes(self) -> list[Outcome]:
        return sorted(self.read().outcomes.elements())

    @property
    def reader(self) -> TranscriptReader:
        ports = ReaderPorts(self.ledger, self.world.store, self.world.bus, self.world.clock)
        return TranscriptReader(ports, "pl-PL")

    def sweep(self, request: dict[str, object] | None = None, until_s: float = float("inf")) -> SweepResult:
        return self.sweeper.run(SweepDays.of_request(request or {}, self.world.clock.now().date()), until_s)

    @property
    def sweeper(self) -> DocumentSweep:
        return DocumentSweep(self.world.table, self.world.store, self.queue, self.world.clock)

    # -- what came of it

    def rows(self) -> list[Row]:
        """What waits in the inbox."""
        bodies = self.world.store.bodies(TRANSCRIPTS.inbox).values()
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def entry(self, place: TranscriptPlace) -> TranscriptEntry | None:
        return TranscriptLedger(self.world.table, self.world.clock, place.engine).entry(place.recording_id)

    def events(self) -> list[Mapping[str, Any]]:
        return [one.detail for one in self.world.bus.events if one.detail_type == "Transcript Ready"]
