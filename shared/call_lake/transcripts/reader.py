"""Documents become rows: row, event, ledger; only then is a message done (rule 31).

The key of a document says which engine wrote it, and of which recording; the document is not asked. The ledger has to
know the recording. A step that dies is repeated from the top with the same result: the same document makes the same
row, and one that the ledger has as read makes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from call_lake.bucket.inbox import put_rows
from call_lake.ledger.entry import State
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcripts import TranscriptLedger
from call_lake.model.events import TRANSCRIPT_READY, transcript_ready
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import TranscriptPlace
from call_lake.model.transcribing import keys_written
from call_lake.model.transcripts import MAX_DOCUMENT_BYTES, Transcript, transcript_row
from call_lake.observability import log
from call_lake.ports import Clock, EventBus, ObjectInfo, ObjectStore, PartialFailure, VersionedStore
from call_lake.transcripts.document import MAX_TEXT, BadDocument, Document
from call_lake.transcripts.formats import read_document

PIECE_BYTES = 1024 * 1024
SEGMENT_SIZE = 200
"""What a segment takes in memory besides its text, in characters: ten documents of 50,000 words each, a segment for
each word, took 900 MB."""


class Outcome(StrEnum):
    """What became of one document."""

    READY = "ready"
    KNOWN = "known"  # the ledger has it as read
    FAILED = "failed"  # it cannot be read, or says that the engine failed
    UNKNOWN = "unknown"  # the ledger knows no such recording of that day
    ERASED = "erased"  # it was deleted, for its recording was erased
    GONE = "gone"
    IGNORED = "ignored"  # no key of a document: a temporary or a redacted file


@dataclass(frozen=True, slots=True)
class DocumentMessage:
    """A message of the reader's queue."""

    id: str
    body: str


@dataclass(slots=True)
class ReadReport:
    """``again``: the ids of messages that have to come again. ``outcomes``: how many documents came to which end."""

    again: set[str] = field(default_factory=set)
    outcomes: Counter[Outcome] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Heard:
    """A transcript that is not written yet."""

    message_id: str
    place: TranscriptPlace
    etag: str
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class ReaderPorts:
    """What the reader uses of the outside."""

    ledger: Ledger
    store: VersionedStore
    bus: EventBus
    clock: Clock

    def transcripts(self, engine: str) -> TranscriptLedger:
        return TranscriptLedger(self.ledger.table, self.clock, engine)


class TranscriptReader:
    """Reads the documents that messages name. ``language``: what Amazon Transcribe is told, None if it identifies."""

    def __init__(self, ports: ReaderPorts, language: str | None = None) -> None:
        self._ports = ports
        self._store = ports.store
        self._language = language

    def read_batch(self, messages: Sequence[DocumentMessage], until_s: float) -> ReadReport:
        """Read what these messages name. ``until_s``: the clock's monotonic time after which no further message is
        begun. Several documents share one request for rows and one for events."""
        report = ReadReport()
        heard: list[_Heard] = []
        for message in messages:
            if self._ports.clock.monotonic() > until_s:
                report.again.add(message.id)
                continue
            heard += self._taken(message, report)
            if sum(_size(one.transcript) for one in heard) > MAX_TEXT:  # memory
                self._finish(heard, report)
                heard = []
        self._finish(heard, report)
        return report

    def _taken(self, message: DocumentMessage, report: ReadReport) -> list[_Heard]:
        heard = []
        try:
            for key in keys_written(message.body, self._store.bucket):
                found = self._document(message.id, key)
                if isinstance(found, Outcome):
                    report.outcomes[found] += 1
                else:
                    heard.append(found)
        except Exception:  # AWS is in trouble, or it is no message: the queue repeats it, then gives it up
            log.exception("a document was not read; its message comes again", message_id=message.id)
            report.again.add(message.id)
        return heard

    def _document(self, message_id: str, key: str) -> _Heard | Outcome:
        place = TranscriptPlace.of_key(key)
        if place is None:
            return Outcome.IGNORED
        recording = self._ports.ledger.entry(place.recording_id)
        if recording is not None and recording.state is State.ERASED:
            return self._erase(place)
        if recording is None or recording.partition != place.partition:
            log.warning("a document of no recording that the ledger knows is left alone", key=key)
            return Outcome.UNKNOWN
        info = self._store.head(key)
        if info is None:
            return Outcome.GONE
        known = self._ports.transcripts(place.engine).entry(place.recording_id)
        if known and known.has_read(info.etag):
            return Outcome.KNOWN
        try:
            document = self._read(place, info)
        except BadDocument as error:
            return self._fail(place, info, f"document refused: {error}")
        if document.error is not None:
            return self._fail(place, info, document.error)
        return _Heard(message_id, place, info.etag, document.transcript(place, info.last_modified))

    def _read(self, place: TranscriptPlace, info: ObjectInfo) -> Document:
        if info.size > MAX_DOCUMENT_BYTES:
            raise BadDocument(f"more than {MAX_DOCUMENT_BYTES:,} bytes")
        return read_document(place.engine, _ObjectBody(self._store, info), self._language)

    def _fail(self, place: TranscriptPlace, info: ObjectInfo, reason: str) -> Outcome:
        """No later attempt would mend it, so nothing is tried again until the engine writes another document."""
        # Without the reason: it may be an engine's own words.
        log.error(
            "no transcript; `call-lake show` tells the reason", recording_id=place.recording_id, engine=place.engine
        )
        ledger = self._ports.transcripts(place.engine)
        ledger.failed(place.recording_id, place.partition, reason, document=info.etag)
        return self._unless_erased(place, Outcome.FAILED)

    def _finish(self, heard: Sequence[_Heard], report: ReadReport) -> None:
        if not heard:
            return
        try:
            put_rows(self._store, [transcript_row(one.transcript, one.place.partition) for one in heard], TRANSCRIPTS)
            refused = self._announce(heard)
        except Exception:
            log.exception("rows or events of a batch failed; its messages come again")
            report.again |= {one.message_id for one in heard}
            return
        for position, one in enumerate(heard):
            if position in refused:
                report.again.add(one.message_id)
            else:
                self._settle(one, report)

    def _announce(self, heard: Sequence[_Heard]) -> frozenset[int]:
        """Publish the events; return the positions of those that the bus refused."""
        details = [transcript_ready(one.transcript, one.place, self._store.bucket) for one in heard]
        try:
            self._ports.bus.publish(TRANSCRIPT_READY, details)
        except PartialFailure as error:
            return frozenset(error.failed)
        return frozenset()

    def _settle(self, one: _Heard, report: ReadReport) -> None:
        place = one.place
        try:
            self._ports.transcripts(place.engine).ready(place.recording_id, place.partition, one.etag)
            report.outcomes[self._unless_erased(place, Outcome.READY)] += 1
        except Exception:
            log.exception("the ledger's last write failed", recording_id=place.recording_id)
            report.again.add(one.message_id)

    def _unless_erased(self, place: TranscriptPlace, outcome: Outcome) -> Outcome:
        """Look for a tombstone after the last write: an erasure may have looked before it. The row that waits in the
        inbox is the compactor's to leave out."""
        now = self._ports.ledger.entry(place.recording_id)
        return self._erase(place) if now is not None and now.state is State.ERASED else outcome

    def _erase(self, place: TranscriptPlace) -> Outcome:
        """Delete the document of an erased recording, and its old versions. Raises PartialFailure."""
        self._ports.transcripts(place.engine).erase(place.recording_id, place.partition)
        self._store.delete_versions(list(self._store.list_versions(place.key)))
        return Outcome.ERASED


def _size(transcript: Transcript) -> int:
    """What a transcript takes in memory, in characters of text."""
    return len(transcript.text) + SEGMENT_SIZE * len(transcript.segments)


class _ObjectBody:
    """The bytes of one object, piece by piece. Raises PreconditionFailed where it is replaced meanwhile, KeyError where
    it is deleted."""

    def __init__(self, store: ObjectStore, info: ObjectInfo) -> None:
        self._store = store
        self._info = info
        self._at = 0
        self._piece = b""

    def read(self, size: int) -> bytes:
        if not self._piece and size and self._at < self._info.size:
            length = min(PIECE_BYTES, self._info.size - self._at)
            self._piece = self._store.get_range(self._info.key, self._at, length, if_match=self._info.etag)
            self._at += length
        data, self._piece = self._piece[:size], self._piece[size:]
        return data
