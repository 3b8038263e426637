"""What was said in a call, as the page shows it beside the player: segments, each with its words and their times.

The lake's row says which engines transcribed the call, and what. The times of words are in the engine's document alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

from call_lake.errors import CallLakeError
from call_lake.model.layout import Partition, TranscriptPlace
from call_lake.model.phrases import Hit, Phrase
from call_lake.model.transcripts import AWS_ENGINE, Transcript
from call_lake.transcripts.document import Document, SpokenSegment
from call_lake_cli.stack.calls import side_of, told_hit

HITS_MAX = 200
"""So many places of one call are shown."""
NO_TRANSCRIPT = "There is no transcript of this call yet."
SILENCE = "Nobody is heard to speak in this call."
type Transcripts = Callable[[Partition, str], Sequence[Transcript]]
"""The rows of a recording, one for each engine."""
type Documents = Callable[[TranscriptPlace], Document | None]
"""What an engine's document says; None where there is none, or none that may be read or makes sense."""


class Words:
    """Reads what was said. Safe to use from threads."""

    def __init__(self, transcripts: Transcripts, documents: Documents) -> None:
        self._transcripts = transcripts
        self._documents = documents

    def heard(self, partition: Partition, recording_id: str) -> Sequence[Transcript]:
        """The transcripts' rows; none where they cannot be read, which ``of`` explains."""
        try:
            return self._transcripts(partition, recording_id)
        except CallLakeError:
            return []

    def of(self, partition: Partition, recording_id: str, engine: str, phrase: Phrase | None) -> dict[str, Any]:
        """``engine``: the one that is asked for; another one where it has no transcript. ``phrase``: what to look for.

        ``segments`` are by start. ``note``: what the page says instead of them, or None.
        """
        try:
            found = {one.engine: one for one in self._transcripts(partition, recording_id)}
        except CallLakeError as error:  # its text names no caller: rights are missing, AWS failed, a file is damaged
            return _nothing(f"The transcripts cannot be read: {error}")
        if not found:
            return _nothing(NO_TRANSCRIPT)
        chosen = found.get(engine) or found.get(AWS_ENGINE) or found[min(found)]
        spoken = self._spoken(TranscriptPlace(chosen.engine, partition, recording_id), chosen)
        hits = phrase.hits([one.segment for one in spoken]) if phrase else []
        return {
            "engines": sorted(found),
            "engine": chosen.engine,
            "language": chosen.language,
            "confidence": chosen.confidence,
            "segments": [_told(one) for one in spoken],
            "hits": [told_hit(hit) | {"at_s": _start_of(spoken, hit)} for hit in hits[:HITS_MAX]],
            "note": None if spoken else SILENCE,
        }

    def _spoken(self, place: TranscriptPlace, transcript: Transcript) -> list[SpokenSegment]:
        document = self._documents(place)
        if document is not None and not document.error:
            return sorted(document.segments, key=lambda one: one.segment.start_s)
        return sorted(map(SpokenSegment, transcript.segments), key=lambda one: one.segment.start_s)


def _told(one: SpokenSegment) -> dict[str, Any]:
    segment = one.segment
    return {
        "start_s": segment.start_s,
        "end_s": segment.end_s,
        "channel": segment.channel,
        "side": side_of(segment.channel, segment.speaker),
        "text": segment.text,
        "words": [[word.start_s, word.end_s, word.text] for word in one.words],
    }


def _start_of(spoken: Sequence[SpokenSegment], hit: Hit) -> float:
    """When the first word of a hit was said; where the engine does not tell, when its segment began."""
    one = spoken[hit.segment]
    letters = len("".join(one.segment.text[: hit.offset].split()))
    for word in one.words:
        letters -= len("".join(word.text.split()))
        if letters < 0:
            return word.start_s
    return hit.at_s


def _nothing(note: str) -> dict[str, Any]:
    return {"engines": [], "engine": None, "language": None, "confidence": None, "segments": [], "hits": []} | {
        "note": note
    }
