"""Every key and prefix of the bucket, as docs/architecture.md section 5 lists them. Names only, no I/O.

Those of the lake's tables, and of the rows that wait for them, are made in ``model/lake_tables.py``.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from call_lake.model.recording import Recording

AUDIO = "audio/"
INBOX = "inbox/"
LAKE = "lake/"
DOCUMENTS = "transcripts/"
"""What speech engines write. The table ``transcripts`` is below ``LAKE``."""
ATHENA_RESULTS = "athena-results/"
PROOFS = "proofs/"
ACCESS_LOG = "access-log/"

MASKED = "redacted-"
"""Begins the name of what Amazon Transcribe writes where it masks personal data, until the transcriber moves it."""
ENGINE_NAME = "[a-z][a-z0-9-]{0,31}"

_DOCUMENT = re.compile(
    rf"{DOCUMENTS}({ENGINE_NAME})/([a-z0-9-]{{1,32}})/(\d{{4}}-\d{{2}}-\d{{2}})/([a-z0-9-]{{1,32}}-[0-9a-f]{{32}})\.json"
)
_PARTITION = re.compile(r"source=([a-z0-9-]{1,32})/call_date=(\d{4}-\d{2}-\d{2})/")


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """(``source``, ``call_date``): the calendar day of the call's start in the source's time zone.

    Its properties are the prefixes and the keys of one partition.
    """

    source: str
    call_date: date

    @property
    def path(self) -> str:
        """What the prefixes of one partition have in common: ``source=…/call_date=…/``."""
        return f"source={self.source}/call_date={self.call_date.isoformat()}/"

    @property
    def audio(self) -> str:
        return AUDIO + self.path

    def audio_of(self, recording_id: str) -> str:
        """How the key of every audio object of this recording begins, whatever its format."""
        return f"{self.audio}{recording_id}."

    def transcripts_of(self, engine: str) -> str:
        """Where an engine's documents of this partition are. Without the ``source=`` of the others, for Amazon
        Transcribe refuses an equals sign in its ``OutputKey``:
        https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
        """
        return f"{DOCUMENTS}{engine}/{self.source}/{self.call_date.isoformat()}/"

    @classmethod
    def of_recording(cls, recording: Recording) -> Self:
        """The partition of a recording's row and audio."""
        return cls(recording.source, recording.call_date)

    @classmethod
    def of_key(cls, key: str, prefix: str) -> Self | None:
        """The partition of an object under ``prefix``, or None where its key names none."""
        found = _PARTITION.match(key, len(prefix)) if key.startswith(prefix) else None
        if found is None:
            return None
        try:
            return cls(found[1], date.fromisoformat(found[2]))
        except ValueError:  # 2026-02-30
            return None

    @classmethod
    def of_values(cls, source: str, call_date: str) -> Self | None:
        """The partition of these values of the table's partition keys, or None where they name none."""
        return cls.of_key(f"source={source}/call_date={call_date}/", "")

    def __str__(self) -> str:
        return self.path.rstrip("/")


def audio_prefix(recording: Recording) -> str:
    """How the key of every audio object of this recording begins, whatever its format."""
    return Partition.of_recording(recording).audio_of(recording.recording_id)


def audio_key(recording: Recording, format: str) -> str:
    """The key of the recording's audio. ``format``: the extension, like ``wav``."""
    return audio_prefix(recording) + format


def proof_key(at: datetime, random: str) -> str:
    """The key of the proof of an erasure, by its time in UTC. ``random`` tells proofs of one second apart."""
    return f"{PROOFS}{at:%Y-%m-%dT%H%M%SZ}-{random}.json"


def access_log_key(at: datetime, random: str) -> str:
    """The key of one line of the access log, by its day and time in UTC. ``random`` tells lines of one moment apart."""
    return f"{ACCESS_LOG}{at:%Y-%m-%d/%H%M%S}-{random}.json"


def transcript_key(partition: Partition, engine: str, recording_id: str) -> str:
    """The key of the one document that an engine writes for a recording."""
    return f"{partition.transcripts_of(engine)}{recording_id}.json"


def redacted_key(partition: Partition, recording_id: str) -> str:
    """Where Amazon Transcribe writes the document of a job that masks personal data. The transcriber moves it."""
    return f"{partition.transcripts_of('aws')}{MASKED}{recording_id}.json"


@dataclass(frozen=True, slots=True)
class TranscriptPlace:
    """What the key of a transcript's document says. The document itself is not asked: an engine may be wrong."""

    engine: str
    partition: Partition
    recording_id: str

    @classmethod
    def of_key(cls, key: str) -> Self | None:
        """None for a key that is no transcript's: Amazon Transcribe also writes temporary and redacted files."""
        found = _DOCUMENT.fullmatch(key)
        partition = Partition.of_values(found[2], found[3]) if found else None
        if found is None or partition is None or not found[4].startswith(f"{partition.source}-"):
            return None
        return cls(found[1], partition, found[4])

    @property
    def key(self) -> str:
        return transcript_key(self.partition, self.engine, self.recording_id)
