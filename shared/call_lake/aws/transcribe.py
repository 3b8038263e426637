"""Amazon Transcribe: start the job of a stored recording; find and delete the jobs of recordings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from call_lake.aws.client import calling, client, code_of, status_of
from call_lake.model.layout import Partition, transcript_key
from call_lake.model.transcripts import AWS_ENGINE
from call_lake.settings import TranscriberSettings

# https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html
FORMATS = {"amr", "flac", "m4a", "mp3", "mp4", "ogg", "wav", "webm"}
# https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
NO_ROOM = {"LimitExceededException", "ThrottlingException", "InternalFailureException"}
SERVER_ERROR = 500
# Ten messages have to be answered within the function's minute: the queue repeats, not the client.
QUICK = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})


class StartResult(StrEnum):
    """What became of the attempt to start one job."""

    STARTED = "started"
    EXISTS = "exists"  # an event may come twice
    NOT_READABLE = "not readable"  # Amazon Transcribe does not read this format
    NO_ANSWER = "no answer"
    NO_ROOM = "no room"  # too many jobs, too many requests, or trouble of the service
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class StartOutcome:
    """``error``: what Amazon Transcribe or the network said; empty where the job started or exists."""

    result: StartResult
    error: str = ""


class TranscriptionStarter:
    """Starts one job for each stored recording, named after the stack and the recording."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self._settings = settings
        self.client = client("transcribe", QUICK)

    def start(self, stored: Mapping[str, Any]) -> StartOutcome:
        """Start the job of a recording; ``stored`` is the detail of its ``Recording Stored`` event.

        Raises ParamValidationError, which no later attempt would mend: boto3 calls the request malformed.
        """
        if stored["format"] not in FORMATS:
            return StartOutcome(StartResult.NOT_READABLE)
        try:
            self.client.start_transcription_job(**job_of(stored, self._settings))
        except ParamValidationError:
            raise
        except BotoCoreError as error:
            return StartOutcome(StartResult.NO_ANSWER, str(error))
        except ClientError as error:
            return StartOutcome(_result_of(error), str(error))
        return StartOutcome(StartResult.STARTED)


def _result_of(error: ClientError) -> StartResult:
    if code_of(error) == "ConflictException":
        return StartResult.EXISTS
    if status_of(error) >= SERVER_ERROR or code_of(error) in NO_ROOM:
        return StartResult.NO_ROOM
    return StartResult.REFUSED


def job_of(stored: Mapping[str, Any], settings: TranscriberSettings) -> dict[str, Any]:
    """StartTranscriptionJob's request for the detail of a ``Recording Stored`` event.

    The channels of a stereo call are transcribed separately, so that the transcript tells who speaks. Without a key
    here Amazon Transcribe would use S3's own key, whatever the bucket's is:
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
    """
    partition = Partition(stored["source"], date.fromisoformat(stored["call_date"]))
    job = {
        "TranscriptionJobName": settings.job_prefix + stored["recording_id"],
        "LanguageCode": settings.transcription_language,
        "MediaFormat": stored["format"],
        "Media": {"MediaFileUri": f"s3://{stored['bucket']}/{stored['key']}"},
        "OutputBucketName": stored["bucket"],
        "OutputKey": transcript_key(partition, AWS_ENGINE, stored["recording_id"]),
    }
    if settings.kms_key_arn:
        job["OutputEncryptionKMSKeyId"] = settings.kms_key_arn
    return job | ({"Settings": {"ChannelIdentification": True}} if stored["channels"] == 2 else {})


NO_JOB = ("NotFoundException", "BadRequestException")
"""Amazon Transcribe's answers for a job that it does not have, or that still runs and so cannot be deleted."""


class TranscribeJobs:
    """Find and delete the jobs of recordings. A job is named after its stack (``prefix``) and its recording.

    Implements ``ports.Transcriptions``. Raises Transient where AWS fails or refuses.
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_GetTranscriptionJob.html
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def exists(self, recording_id: str) -> bool:
        return self._found("get_transcription_job", recording_id)

    def delete(self, recording_id: str) -> None:
        self._found("delete_transcription_job", recording_id)

    def _found(self, operation: str, recording_id: str) -> bool:
        with calling(f"{operation} {recording_id}"):
            try:
                getattr(self._client, operation)(TranscriptionJobName=self._prefix + recording_id)
            except ClientError as error:
                if code_of(error) not in NO_JOB:
                    raise
                return False
        return True
