"""Table ``transcripts``: its columns, and the row of what one engine heard in one recording.

No number and no name of ours is in a row. Spoken ones are in ``text`` and ``segments``.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from call_lake.model.layout import Partition
from call_lake.model.table import Row
from call_lake.model.times import iso, parse_iso

TRANSCRIPT_SCHEMA_VERSION = 1
SEGMENTS = "array<struct<start_s:double,end_s:double,channel:int,speaker:string,text:string,confidence:double>>"
"""The kind of column ``segments``, as Glue writes it."""
TRANSCRIPT_COLUMNS: dict[str, str] = {
    "recording_id": "string",
    "engine": "string",
    "language": "string",
    "text": "string",
    "confidence": "double",
    "words": "int",
    "channels": "int",
    "segments": SEGMENTS,
    "transcribed_at": "timestamp",
    "schema_version": "int",
}
AWS_ENGINE = "aws"
"""The engine Amazon Transcribe. All others are programs of the customer."""
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""A larger document is refused. Amazon's of four hours of stereo has about 15 MB."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech, in seconds from the start of the audio. ``channel`` (from 0) of a call whose sides are
    apart, ``speaker`` (``spk_0``) where an engine told voices apart, else None. ``confidence``: 0 to 1, None if the
    engine does not tell."""

    start_s: float
    end_s: float
    text: str
    channel: int | None = None
    speaker: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one engine heard. ``language``: a BCP 47 tag, like ``pl-PL``, None if unknown. ``words``: how many.
    ``confidence``: the mean over its words, 0 to 1. ``channels``: how many were transcribed separately; 1 for mixed
    sides. No segments: nobody spoke."""

    recording_id: str
    engine: str
    language: str | None
    segments: Sequence[Segment]
    words: int
    confidence: float | None
    channels: int
    transcribed_at: datetime

    @property
    def text(self) -> str:
        """All words, in the order in which they were said; a line for each segment."""
        return "\n".join(segment.text for segment in self.segments)


def transcript_row(transcript: Transcript, partition: Partition) -> Row:
    """The row as JSON values; ``partition`` is that of the recording."""
    return {
        "recording_id": transcript.recording_id,
        "engine": transcript.engine,
        "language": transcript.language,
        "text": transcript.text,
        "confidence": transcript.confidence,
        "words": transcript.words,
        "channels": transcript.channels,
        "segments": [asdict(segment) for segment in transcript.segments],
        "transcribed_at": iso(transcript.transcribed_at),
        "schema_version": TRANSCRIPT_SCHEMA_VERSION,
        "source": partition.source,
        "call_date": partition.call_date.isoformat(),
    }


def transcript_of_row(row: Row) -> Transcript:
    """The transcript of a row as the lake gives it back. Raises KeyError and ValueError for a row of another table."""
    return Transcript(
        recording_id=row["recording_id"],
        engine=row["engine"],
        language=row["language"],
        segments=tuple(Segment(**segment) for segment in row["segments"] or ()),
        words=row["words"] or 0,
        confidence=row["confidence"],
        channels=row["channels"] or 1,
        transcribed_at=parse_iso(row["transcribed_at"]),
    )
