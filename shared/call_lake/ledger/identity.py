"""Which recording a listed record is (rule 6).

A recording is known by its provider's key. Where two recordings have one key, their connection ids tell them apart:
the second one gets another recording id, made of key and connection id. The recording itself brings all these ids:
only who has the stack's key can compute them (``model.recording_ids``).
"""

from call_lake.model.recording import Recording


def possible_ids(recording: Recording) -> tuple[str, ...]:
    """Every id under which the ledger may know it: the one it carries, that of its key, that of key and connection."""
    return tuple(dict.fromkeys((recording.recording_id, recording.key_id, recording.collision_id)))


def same_recording(known: str | None, listed: Recording) -> bool:
    """Whether a record of the same key with the connection id ``known`` is this recording. An unknown connection id
    matches any. ``known`` may be the digest that a tombstone keeps."""
    return known is None or listed.connection_id is None or known in (listed.connection_id, listed.connection_digest)


def under_its_own_id(known: str | None, recording: Recording) -> Recording | None:
    """The recording under its ``collision_id``, where the id it carries belongs to the connection ``known``, another
    recording's. None where it is that recording, or carries its own id already."""
    if same_recording(known, recording) or recording.recording_id == recording.collision_id:
        return None
    return recording.as_collision()
