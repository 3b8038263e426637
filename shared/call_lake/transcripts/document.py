"""What an engine's document says (events/transcript.schema.json), whoever wrote it and in which format."""

from dataclasses import dataclass

from call_lake.model.transcripts import Segment


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word, in seconds from the start of the audio. ``confidence``: 0 to 1, None if unknown."""

    start_s: float
    end_s: float
    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A segment, and its words where the engine tells their times."""

    segment: Segment
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What one engine says of one recording. ``segments``: by start; none where nobody spoke. ``error``: why there is
    no transcript; then there are no segments."""

    language: str | None = None
    channels: int = 1
    segments: tuple[SpokenSegment, ...] = ()
    error: str | None = None


class BadDocument(Exception):
    """No transcript can be made of this document, and no later attempt would mend it. The text holds no words of a
    call."""
