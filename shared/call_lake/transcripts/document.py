"""What an engine's document says, in whichever format, and the bounds of what is believed.

Whatever an engine writes is hostile: it may be of any size, depth and nonsense. A bound is far above what four hours of
speech need, which is the longest audio that Amazon Transcribe takes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from call_lake.model.layout import TranscriptPlace
from call_lake.model.transcripts import Segment, Transcript

MAX_TEXT = 1_000_000
"""Characters of all segments: eighteen hours at 150 words a minute. One row has to fit the compactor's memory."""
MAX_SEGMENTS = 50_000
MAX_WORDS = 200_000
"""Twenty-two hours at 150 words a minute."""
MAX_SEGMENT_TEXT = 10_000
"""Characters of one segment: ten minutes at 150 words a minute."""
MAX_SEGMENT_WORDS = 5000
MAX_WORD_TEXT = 1000
MAX_SPEAKER = 64
MAX_ERROR = 200
MAX_SECONDS = 7 * 86_400
CHANNELS = (1, 2)
LANGUAGE = re.compile(r"(?=.{2,35}\Z)[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""The form of a BCP 47 tag (https://www.rfc-editor.org/info/bcp47)."""
_CONTROL = dict.fromkeys((*range(32), 127), " ")


class BadDocument(Exception):
    """No transcript can be made of this document, and no later attempt would mend it. The text says why, and holds no
    words of a call."""


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
    """What one engine says of one recording. ``segments``: by start; none where nobody spoke. ``words``: how many.
    ``confidence``: the mean over the words. ``error``: why there is no transcript; then there are no segments."""

    language: str | None = None
    channels: int = 1
    segments: tuple[SpokenSegment, ...] = ()
    words: int = 0
    confidence: float | None = None
    error: str | None = None

    def transcript(self, place: TranscriptPlace, written_at: datetime) -> Transcript:
        """The transcript of the recording that the document's key names. ``written_at``: when S3 got it."""
        return Transcript(
            place.recording_id,
            place.engine,
            self.language,
            tuple(one.segment for one in self.segments),
            self.words,
            self.confidence,
            self.channels,
            written_at,
        )


class Collected:
    """Segments as they are read. Words are counted, and kept only with ``keep_words``: a player needs them, a row does
    not. Raises BadDocument beyond a bound."""

    def __init__(self, *, keep_words: bool) -> None:
        self._keep_words = keep_words
        self._segments: list[SpokenSegment] = []
        self._text = 0
        self._words = 0
        self._sure = 0.0
        self._told = 0

    def add(self, segment: Segment, words: Iterable[Word] = ()) -> None:
        """Take a segment. Its confidence is that of its words where it has none itself. One without text is left out:
        nothing was said."""
        words = tuple(words)
        number = len(words) or len(segment.text.split())
        self._count(number, len(segment.text))
        told = [word.confidence for word in words if word.confidence is not None]
        if not told and segment.confidence is not None:
            told = [segment.confidence] * number
        self._sure += sum(told)
        self._told += len(told)
        if segment.confidence is None and told:
            segment = replace(segment, confidence=round(sum(told) / len(told), 4))
        if segment.text:
            self._segments.append(SpokenSegment(segment, words if self._keep_words else ()))

    def _count(self, words: int, characters: int) -> None:
        self._words += words
        self._text += characters
        if self._text > MAX_TEXT:
            raise BadDocument(f"more than {MAX_TEXT:,} characters of text")
        if self._words > MAX_WORDS:
            raise BadDocument(f"more than {MAX_WORDS:,} words")
        if len(self._segments) == MAX_SEGMENTS:
            raise BadDocument(f"more than {MAX_SEGMENTS:,} segments")

    def document(self, language: str | None, channels: int) -> Document:
        """All that was taken, in the order in which it was said."""
        spoken = sorted(self._segments, key=lambda one: (one.segment.start_s, one.segment.end_s))
        confidence = round(self._sure / self._told, 4) if self._told else None
        return Document(language, channels, tuple(spoken), self._words, confidence)


def one_line(text: str) -> str:
    """The text without control characters and line ends: each segment is one line of a row's text."""
    return " ".join(text.translate(_CONTROL).split())
