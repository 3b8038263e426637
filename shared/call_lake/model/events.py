"""The events that a recording is stored and that its transcript is there (events/*.schema.json). No numbers, no names,
no words of a call."""

from typing import Any

from call_lake.model.layout import TranscriptPlace
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.times import iso
from call_lake.model.transcripts import Transcript

RECORDING_STORED = "Recording Stored"
TRANSCRIPT_READY = "Transcript Ready"
EVENT_VERSION = 1


def recording_stored(recording: Recording, audio: StoredAudio) -> dict[str, Any]:
    """The ``detail`` of one event; lengths in seconds and bytes, times in UTC."""
    return {
        "version": EVENT_VERSION,
        "recording_id": recording.recording_id,
        "source": recording.source,
        "call_date": recording.call_date.isoformat(),
        "bucket": audio.bucket,
        "key": audio.key,
        "format": audio.facts.format,
        "bytes": audio.facts.bytes,
        "sha256": audio.facts.sha256,
        "channels": audio.facts.channels,
        "sample_rate": audio.facts.sample_rate,
        "seconds": audio.facts.seconds,
        "direction": recording.direction,
        "started_at": iso(recording.started_at),
        "stored_at": iso(audio.stored_at),
    }


def transcript_ready(transcript: Transcript, place: TranscriptPlace, bucket: str) -> dict[str, Any]:
    """The ``detail`` of one event; ``place``: of the document in ``bucket``."""
    return {
        "version": EVENT_VERSION,
        "recording_id": transcript.recording_id,
        "source": place.partition.source,
        "call_date": place.partition.call_date.isoformat(),
        "engine": transcript.engine,
        "bucket": bucket,
        "key": place.key,
        "language": transcript.language,
        "words": transcript.words,
        "confidence": transcript.confidence,
        "channels": transcript.channels,
        "transcribed_at": iso(transcript.transcribed_at),
    }
