"""The audio objects: one a recording, stored once, never overwritten (rule 13)."""

from datetime import datetime
from typing import BinaryIO

from call_lake.model.layout import Partition, audio_key, audio_prefix
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from call_lake.model.times import iso, parse_iso
from call_lake.ports import ObjectInfo, ObjectStore, PreconditionFailed, VersionedStore, WriteConflict

CONFLICT_TRIES = 5
CONTENT_TYPES = {
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "amr": "audio/amr",
    "aac": "audio/aac",
    "webm": "audio/webm",
    "mp2": "audio/mpeg",
    "aiff": "audio/aiff",
    "au": "audio/basic",
    "caf": "audio/x-caf",
    "w64": "audio/x-w64",
    "wma": "audio/x-ms-wma",
}


def erase_audio(store: VersionedStore, partition: Partition, recording_id: str) -> None:
    """Delete every audio object of the recording, and every old version of one. In a bucket that keeps versions,
    deleting by key would only hide the voice. Raises PartialFailure."""
    store.delete_versions(list(store.list_versions(partition.audio_of(recording_id))))


class AudioObjects:
    """The audio of the recordings in one bucket."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def existing(self, recording: Recording) -> list[StoredAudio]:
        """The recording's objects, oldest first: none, one, or two where two attempts found two formats."""
        found = []
        for info in self._store.list(audio_prefix(recording)):
            head = self._store.head(info.key)
            if head is not None:
                found.append(self._described(head))
        return sorted(found, key=lambda audio: (audio.stored_at, audio.key))

    def put(self, recording: Recording, body: BinaryIO, facts: AudioFacts, now: datetime) -> StoredAudio:
        """Store verified audio and return it. Where an object of this key exists already, leave it and return the
        recording's oldest.

        Raises WriteConflict where S3 refuses CONFLICT_TRIES times because of other conditional writes.
        """
        key = audio_key(recording, facts.format)
        for attempt in range(CONFLICT_TRIES):
            try:
                self._store.put(
                    key,
                    body,
                    if_none_match=True,
                    sha256=facts.sha256,
                    metadata=_metadata(facts, now),
                    content_type=CONTENT_TYPES.get(facts.format, "application/octet-stream"),
                )
                return StoredAudio(self._store.bucket, key, facts, _rounded(now))
            except PreconditionFailed:
                if found := self.existing(recording):
                    return found[0]
            except WriteConflict:
                if attempt == CONFLICT_TRIES - 1:
                    raise
        raise WriteConflict(f"{key} appears and disappears")

    def _described(self, head: ObjectInfo) -> StoredAudio:
        data = head.metadata or {}
        facts = AudioFacts(
            format=head.key.rsplit(".", 1)[-1],
            bytes=head.size,
            sha256=data["sha256"],
            channels=int(data["channels"]) if "channels" in data else None,
            sample_rate=int(data["sample-rate"]) if "sample-rate" in data else None,
            seconds=float(data["seconds"]) if "seconds" in data else None,
            note=data.get("note"),
        )
        return StoredAudio(self._store.bucket, head.key, facts, parse_iso(data["stored-at"]))


def _metadata(facts: AudioFacts, now: datetime) -> dict[str, str]:
    known = {
        "channels": facts.channels,
        "sample-rate": facts.sample_rate,
        "seconds": facts.seconds,
        "note": facts.note,
    }
    measured = {name: str(value) for name, value in known.items() if value is not None}
    return {"sha256": facts.sha256, "stored-at": iso(now)} | measured


def _rounded(moment: datetime) -> datetime:
    """To the millisecond, as the metadata and the row keep it."""
    return parse_iso(iso(moment))
