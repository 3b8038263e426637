"""Which recording a listed record is (rule 6).

A recording is known by its provider's key. Where two recordings have one key, their connection ids tell them apart:
the second one gets another recording id, made of key and connection id.
"""

import hashlib

from call_lake.model.recording import Recording, recording_id


def possible_ids(recording: Recording) -> tuple[str, ...]:
    """Every id under which the ledger may know it: the one it carries, that of its key, that of key and connection."""
    own_key = recording_id(recording.source, recording.provider_key)
    return tuple(dict.fromkeys((recording.recording_id, own_key, recording.collision_id)))


def same_recording(known: str | None, listed: str | None) -> bool:
    """Whether two records of one key with these connection ids are one recording. An unknown connection id matches
    any. ``known`` may be the digest that a tombstone keeps."""
    return known is None or listed is None or known == listed or known == digest_of(listed)


def under_its_own_id(known: str | None, recording: Recording) -> Recording | None:
    """The recording under its ``collision_id``, where the id it carries belongs to the connection ``known``, another
    recording's. None where it is that recording, or carries its own id already."""
    if same_recording(known, recording.connection_id) or recording.recording_id == recording.collision_id:
        return None
    return recording.as_collision()


def digest_of(connection_id: str) -> str:
    """What a tombstone keeps of a connection id: ``sha256:`` and the first 32 hex digits."""
    return "sha256:" + hashlib.sha256(connection_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
