"""What waits in an engine's queue, what the transcript reader is told, and what Amazon Transcribe says of a job.

Messages are JSON text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self
from urllib.parse import quote_plus, unquote_plus

from call_lake.model.events import RECORDING_STORED
from call_lake.model.layout import Partition
from call_lake.model.recording import RECORDING_ID
from call_lake.model.times import iso, parse_iso

ASKED_AGAIN = "asked_again_at"
"""Member of a message beside ``detail``: when somebody asked for the transcript again."""


def stored_message(stored: Mapping[str, Any], asked_again_at: datetime | None = None) -> str:
    """The message that asks for a transcript, or for the sound: the event ``Recording Stored``, as EventBridge puts it
    into a queue. ``stored``: the event's detail (``model.events.recording_stored``).

    ``asked_again_at``: transcribe it again, whatever came of it before this moment: FAILED, SKIPPED or READY. What
    began after it stays, so the message may come twice. None: only what the engine has not had yet.
    """
    message = {"source": "call-lake", "detail-type": RECORDING_STORED, "detail": dict(stored)}
    return json.dumps(message | ({ASKED_AGAIN: iso(asked_again_at)} if asked_again_at else {}))


def document_written(bucket: str, key: str, etag: str) -> str:
    """The message that asks the reader to look at a transcript's document, as S3 sends it when one is written.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    written = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), "eTag": etag}}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": written}]})


def keys_written(body: str, bucket: str) -> list[str]:
    """The keys that a message of ``document_written`` or of S3 names. None for ``s3:TestEvent``, which S3 sends once
    when its notifications are set up. Raises ValueError for what is no such message, or is of another bucket."""
    try:
        data = json.loads(body)
        if data.get("Event") == "s3:TestEvent":
            return []
        objects = [record["s3"] for record in data["Records"]]
        if any(one["bucket"]["name"] != bucket for one in objects):
            raise ValueError("a notification of another bucket")
        return [unquote_plus(one["object"]["key"]) for one in objects]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no notification of S3: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stored recording that an engine is asked to transcribe. ``seconds``: of its audio, None if its header does not
    tell. ``channels``: as its header says."""

    recording_id: str
    partition: Partition
    bucket: str
    key: str
    format: str
    bytes: int
    channels: int | None = None
    seconds: float | None = None
    asked_again_at: datetime | None = None

    @classmethod
    def of_message(cls, message: Mapping[str, Any]) -> Self:
        """Read what ``transcription_wanted`` made. Raises KeyError, TypeError or ValueError."""
        stored = message["detail"]
        partition = Partition.of_values(stored["source"], date.fromisoformat(stored["call_date"]).isoformat())
        named = RECORDING_ID.fullmatch(stored["recording_id"])
        if partition is None or named is None or named[1] != partition.source:
            raise ValueError("recording_id, source and call_date do not belong together")
        again = message.get(ASKED_AGAIN)
        return cls(
            stored["recording_id"],
            partition,
            stored["bucket"],
            stored["key"],
            stored["format"],
            stored["bytes"],
            stored.get("channels"),
            stored.get("seconds"),
            parse_iso(again) if again else None,
        )


REDACTED_LANGUAGES = frozenset({"de-CH", "de-DE", "en-US", "es-US", "fr-CA", "fr-FR", "it-IT", "pt-BR", "pt-PT"})
"""Languages in which Amazon Transcribe masks personal data, where it does not have to identify the language:
https://docs.aws.amazon.com/transcribe/latest/dg/pii-redaction-batch.html"""
NOT_IDENTIFIED = frozenset({"sv-SE", "vi-VN"})
"""https://docs.aws.amazon.com/transcribe/latest/dg/lang-id.html"""


def why_unfit(languages: Sequence[str], vocabulary: str, *, redaction: bool) -> str:
    """Why Amazon Transcribe would refuse every job with these settings; empty where they fit together."""
    if redaction and (len(languages) > 1 or languages[0] not in REDACTED_LANGUAGES):
        known = ", ".join(sorted(REDACTED_LANGUAGES))
        return f"TranscriptionRedaction needs one language of {known}: TranscriptionLanguages is {','.join(languages)}"
    if vocabulary and len(languages) > 1:
        return "TranscriptionVocabulary is of one language, so TranscriptionLanguages has to be one"
    if len(languages) > 1 and (unknown := NOT_IDENTIFIED.intersection(languages)):
        return f"Amazon Transcribe does not identify {min(unknown)}: give it alone, or leave it out"
    if len(set(languages)) < len(languages):
        return "TranscriptionLanguages has a language twice"
    return ""


class StartResult(StrEnum):
    """What became of the attempt to start one job."""

    STARTED = "started"
    EXISTS = "exists"  # a job of this name, in whatever state
    NO_ANSWER = "no answer"
    NO_ROOM = "no room"  # too many jobs, too many requests, or trouble of the service
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Start:
    """``error``: what Amazon Transcribe or the network said; empty where the job started or exists."""

    result: StartResult
    error: str = ""


class JobStatus(StrEnum):
    """https://docs.aws.amazon.com/transcribe/latest/APIReference/API_TranscriptionJob.html"""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Amazon Transcribe tells of it. ``reason``: why it failed. ``is_redacted``: its one document has spoken
    personal data masked, and lies under another name."""

    status: JobStatus
    reason: str = ""
    is_redacted: bool = False
