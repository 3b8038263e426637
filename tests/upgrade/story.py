"""What happens to a stack before it is upgraded: some of everything, by the real code."""

import io
import json
import wave
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from call_lake.bucket.access_log import AccessLog
from call_lake.bucket.inbox import put_rows
from call_lake.errors import NotReady, Reason, Terminal, Transient
from call_lake.lake.compactor import Compactor
from call_lake.ledger.expiry import SLACK
from call_lake.ledger.jobs import JobKind
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcribed_hours import TranscribedHours
from call_lake.model.events import RECORDING_STORED
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition, TranscriptPlace
from call_lake.model.recording import Recording
from call_lake.model.transcribing import JobStatus, document_written, stored_message
from call_lake.model.windows import Window
from call_lake.operations.erase.proofs import Proofs, Stamp, people_of, proof_of
from call_lake.operations.erase.targets import ErasureRequest
from call_lake.sound.analyzer import SoundAnalyzer
from call_lake.sound.reader import SoundReader
from call_lake.transcribing.parts import TranscriberPorts
from call_lake.transcribing.starter import TRIES_IN_QUEUE
from call_lake.transcribing.transcriber import JOB_ENDED, Message, Transcriber
from call_lake.transcripts.reader import DocumentMessage, ReaderPorts, TranscriptReader
from call_lake_cli.doctor.canary import notes
from tests.support.erasing import eraser_of
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording
from tests.support.fakes.transcriptions import MemoryTranscriptions
from tests.support.lake_samples import row_of
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S, Pipeline
from tests.support.reading import document
from tests.support.roles import TableOfRole, role_of
from tests.support.transcripts import amazon_document
from tests.upgrade.kept import Account, new_account

START = datetime(2026, 10, 14, 12, tzinfo=UTC)
AUDIO_DAYS = 3
WHO = "arn:aws:iam::000000000000:user/invented"
SAMPLES = 2_000
"""Of each recording, at 8 kHz. A tenth of a second is too short to be measured."""


DAY = timedelta(days=1)


def job_ended(recording_id: str) -> str:
    """The event of Amazon Transcribe that a job has ended."""
    detail = {"TranscriptionJobName": f"call-lake-{recording_id}", "TranscriptionJobStatus": "COMPLETED"}
    return json.dumps({"source": "aws.transcribe", "detail-type": JOB_ENDED, "detail": detail})


class Story:
    """``run`` lets it happen; ``account`` is what is left."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.account: Account = new_account(FakeClock(START))
        self.world = self.account.world
        self.pipeline = Pipeline(self.world, self.account.providers)
        self.jobs = MemoryTranscriptions(self.world.calls)
        self.told = 0

    def run(self) -> None:
        self._stored_and_expired()
        self._several_files_and_closed_days()
        self._words_and_sound()
        self._an_erasure()
        self._jobs()
        self._trouble()
        self._what_a_person_left()
        self._under_way()

    # -- one chapter after the other

    def _stored_and_expired(self) -> None:
        """Audio that the bucket deletes after three days, and then is found to be gone. Its words go, too."""
        self.pipeline.retain(AUDIO_DAYS)
        self._list("thulium", 0, 1)
        self._list("conpeek", 50)
        self._go_on(timedelta(hours=1))
        first = self.world.bus.events[0].detail
        self._document("local", first, "do widzenia")
        self._read_documents()
        self._compact()
        self.world.clock.advance(timedelta(days=AUDIO_DAYS, hours=1))
        self._list("thulium", 2)
        self._go_on(timedelta(hours=1))
        self.world.clock.advance(SLACK + DAY)
        self.pipeline.expire()
        self._go_on(timedelta(hours=1))
        self._compact(transcripts_days=1)
        self.pipeline.retain(0)

    def _several_files_and_closed_days(self) -> None:
        for first in (3, 6, 9):
            self._list("thulium", *range(first, first + 3))
            self._list("conpeek", *range(50 + first, 53 + first))
            self._go_on(timedelta(minutes=15))

    def _words_and_sound(self) -> None:
        """Of the recordings that were announced last: READY of an engine, READY, RUNNING, FAILED and WAITING of
        Amazon Transcribe, SKIPPED, and rows of ``sound``."""
        stored = [one for one in self.world.bus.events if one.detail_type == RECORDING_STORED][-9:]
        messages = [stored_message(one.detail) for one in stored]
        self._transcribe(messages[0:1])
        self._document("aws", stored[0].detail, "dzień dobry")
        self._transcribe([job_ended(stored[0].detail["recording_id"])])
        self._transcribe(messages[1:2])
        self._transcribe(messages[2:3])
        self.jobs.end(stored[2].detail["recording_id"], JobStatus.FAILED, "The media format is not valid")
        self._transcribe([job_ended(stored[2].detail["recording_id"])])
        self.jobs.room = 0
        self._transcribe(messages[3:4], deliveries=TRIES_IN_QUEUE)
        self._transcribe([stored_message({**stored[5].detail, "format": "wma"})])
        self._document("local", stored[4].detail, "proszę poczekać")
        self._read_documents()
        sound = SoundReader()
        try:
            analyzer = SoundAnalyzer(self.world.store, self.world.table, self.world.clock, sound.measured)
            bodies = {str(n): json.dumps({"detail": one.detail}) for n, one in enumerate(stored[:3])}
            report = analyzer.analyze(bodies, self._until_s)
            assert report.measured == len(bodies), report
        finally:
            sound.close()
        self._compact()

    def _an_erasure(self) -> None:
        """Of a caller whose recording has words and sound."""
        erased = next(one for one in self.world.bus.events[::-1] if one.detail_type == "Transcript Ready").detail
        request = ErasureRequest(recording_ids=frozenset({erased["recording_id"]}))
        by_number = ErasureRequest(numbers=frozenset({"+48 800 000 003"}))
        for one in (request, by_number):
            report = eraser_of(self.world, self.jobs).erase(one, self.world.clock.advance_to)
            assert report.is_clean
            people = people_of(report, IDS)
            stamp = Stamp("call-lake", "000000000000", "eu-central-1", self.version, WHO, "DSR-1", people)
            Proofs(self.world.store, self.world.clock).keep(proof_of(report, stamp))

    def _jobs(self) -> None:
        now = self.world.clock.now()
        self._poll("thulium", sweep=True)
        self._poll("thulium", backfill=Window(now - timedelta(days=40), now - timedelta(days=39)))
        book = self.pipeline.book("conpeek")
        book.jobs.start(JobKind.BACKFILL, Window(now - timedelta(days=60), now - timedelta(days=59)))
        book.jobs.start_gap(Window(now - timedelta(days=2), now - timedelta(days=2) + timedelta(hours=1)), DAY)
        book.hole_since(Window(now - timedelta(hours=3), now - timedelta(hours=2)), now)

    def _trouble(self) -> None:
        """FAILED with its dead letter, RETRYING with and without time, and a suspect with a mark."""
        troubles: list[Callable[[], Exception]] = [
            lambda: Terminal(Reason.FORBIDDEN, "403"),
            lambda: NotReady(Reason.NOT_FOUND, "404"),
            lambda: Transient(Reason.CONNECTION, "connection reset"),
        ]
        numbers = (20, 21, 22)
        by_key = {self._recording("thulium", n).provider_key: why for n, why in zip(numbers, troubles, strict=True)}

        def refuse(recording: Recording) -> None:
            if recording.provider_key in by_key:
                raise by_key[recording.provider_key]()

        self.account.providers["thulium"].on_audio = refuse
        self._list("thulium", *numbers, 23)
        self.world.clock.advance(timedelta(minutes=10))
        self._poll("thulium")
        self.pipeline.copy_all()
        self._list("thulium", 24)
        self.world.clock.advance(timedelta(minutes=10))
        self._poll("thulium")
        ledger = self.pipeline.ledger_of("Copier")
        suspect = self._listed("thulium", 24)
        assert ledger.marked(ledger.claim(suspect))

    def _what_a_person_left(self) -> None:
        log = AccessLog(self.world.store, self.world.clock, WHO, f"call-lake {self.version}")
        log.note("get", [self._listed("thulium", 9).recording_id])
        today = self.world.clock.now().date()
        row = row_of(90, day=today) | {"schema_version": 999}
        put_rows(self.world.store, [row, row_of(91, day=today) | {"duration_s": "long"}], CALLS)
        self._compact()
        notes.leave_note(self.world.store, Partition("thulium", today + timedelta(days=1)))
        self.pipeline.book("conpeek").pause()

    def _under_way(self) -> None:
        """The inbox, queues and documents of the moment of the upgrade."""
        self._list("thulium", 30, 31, 32)
        self.world.clock.advance(timedelta(minutes=10))
        self._poll("thulium")
        self.pipeline.copy_all()
        stored = [one.detail for one in self.world.bus.events if one.detail_type == RECORDING_STORED][-1]
        self._document("local", stored, "do widzenia")
        for name in ("transcriptions", "engine"):
            self.account.more_queues[name].send([stored_message(stored)])
        self._list("thulium", 33, 34)
        self.world.clock.advance(timedelta(minutes=10))
        self._poll("thulium")
        self.account.more_queues["sound"].send([json.dumps({"detail": stored})])

    # -- what runs

    def _go_on(self, span: timedelta) -> None:
        end = self.world.clock.now() + span
        while self.world.clock.now() < end:
            self.world.clock.advance(timedelta(minutes=5))
            for source in self.account.providers:
                self._poll(source)
            self.pipeline.copy_all()
            self._compact()

    def _poll(self, source: str, sweep: bool = False, backfill: Window | None = None) -> None:
        trouble = self.pipeline.poll(source, sweep=sweep, backfill=backfill).trouble
        assert not trouble, trouble

    def _compact(self, transcripts_days: int = 0) -> None:
        world = self.world
        settings = replace(COMPACTOR, open_table=True, transcript_retention_days=transcripts_days)
        role = role_of("Compactor", *["TranscriptsExpire", "TranscriptsExpireAlone"] * bool(transcripts_days))
        table = TableOfRole(world.table, role)
        done = Compactor(world.store, table, world.catalog, world.clock, settings, threads=1).run(self._until_s)
        assert not done.failed, done.failed

    def _transcribe(self, bodies: list[str], deliveries: int = 1) -> None:
        world, queues = self.world, self.account.more_queues
        ports = TranscriberPorts(
            world.table, world.store, self.jobs, queues["transcriptions"], queues["documents"], world.clock
        )
        transcriber = Transcriber(ports, world.dlq, "call-lake-", 100)
        transcriber.take([Message(str(number), body, deliveries) for number, body in enumerate(bodies)])
        assert TranscribedHours(world.table, world.clock, 100).today().used_s <= 360_000

    def _document(self, engine: str, detail: Mapping[str, Any], text: str) -> None:
        """An engine writes a document, and S3 tells the queue of it."""
        partition = Partition.of_values(detail["source"], detail["call_date"])
        assert partition is not None
        key = TranscriptPlace(engine, partition, detail["recording_id"]).key
        body = amazon_document(0.1) if engine == "aws" else json.dumps(document(text), ensure_ascii=False).encode()
        etag = self.world.store.put(key, body)
        self.account.more_queues["documents"].send([document_written(self.world.store.bucket, key, etag)])

    def _read_documents(self) -> None:
        world, queue = self.world, self.account.more_queues["documents"]
        ledger = Ledger(world.table, world.clock, 86_400)
        reader = TranscriptReader(ReaderPorts(ledger, world.store, world.bus, world.clock), "pl-PL")
        received = queue.receive()
        report = reader.read_batch([DocumentMessage(one.message_id, one.body) for one in received], self._until_s)
        assert not report.again, report
        for one in received:
            queue.delete(one.receipt_handle)

    @property
    def _until_s(self) -> float:
        return self.world.clock.monotonic() + FUNCTION_TIME_S

    # -- the providers' calls

    def _recording(self, source: str, number: int) -> Recording:
        now = self.world.clock.now()
        key = f"sales/call {number}.wav"
        return make_recording(number, source, key=key, started_at=now - timedelta(minutes=2), listed_at=now)

    def _list(self, source: str, *numbers: int) -> None:
        provider = self.account.providers[source]
        for number in numbers:
            recording = self._recording(source, number)
            provider.add(recording)
            provider.audio[recording.provider_key] = tone(number)

    def _listed(self, source: str, number: int) -> Recording:
        key = self._recording(source, number).provider_key
        return next(one for one in self.account.providers[source].rows if one.provider_key == key)


def tone(number: int) -> bytes:
    """A WAV file of few bytes, unlike that of any other number."""
    body, samples = io.BytesIO(), range(SAMPLES)
    with wave.open(body, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(b"".join((n * (number + 7) * 97 % 20_000).to_bytes(2, "little") for n in samples))
    return body.getvalue()
