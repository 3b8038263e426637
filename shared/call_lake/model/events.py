"""The event that a recording is stored (events/recording-stored.schema.json). No numbers, no names."""

from typing import Any

from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.times import iso

RECORDING_STORED = "Recording Stored"
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
