"""Amazon Transcribe: start, find and delete the jobs of recordings."""

from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from call_lake.aws.client import calling, code_of, status_of
from call_lake.model.layout import transcript_key
from call_lake.model.transcribing import Job, JobStatus, Start, StartResult, Wanted
from call_lake.model.transcripts import AWS_ENGINE

# https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
NO_ROOM = {"LimitExceededException", "ThrottlingException", "InternalFailureException"}
NO_JOB = {"NotFoundException", "BadRequestException"}
"""Amazon Transcribe's answers for a job that it does not have, or that still runs and so cannot be deleted."""
SERVER_ERROR = 500
MOST_SPEAKERS = 10
# Ten messages have to be answered within the function's minute: the queue repeats, not the client.
QUICK = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How jobs transcribe. ``languages``: of several, Amazon Transcribe finds out which one is spoken. ``vocabulary``:
    a custom one, by its name. ``redaction``: mask spoken personal data. ``kms_key_arn``: empty for S3's own key."""

    languages: tuple[str, ...]
    vocabulary: str = ""
    redaction: bool = False
    kms_key_arn: str = ""


class TranscribeJobs:
    """The jobs of a stack's recordings. A job is named after its stack (``prefix``) and its recording.

    Implements ``ports.Transcriptions``. ``options``: None where no job is started, as on the command line.
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_GetTranscriptionJob.html
    """

    def __init__(self, client: Any, prefix: str, options: JobOptions | None = None) -> None:
        self.client = client
        self._prefix = prefix
        self._options = options

    def start(self, wanted: Wanted) -> Start:
        """Raises ParamValidationError, which no later attempt would mend: boto3 calls the request malformed."""
        if self._options is None:
            raise RuntimeError("these jobs are only looked at")
        try:
            self.client.start_transcription_job(**job_of(wanted, self._prefix, self._options))
        except ParamValidationError:
            raise
        except BotoCoreError as error:
            return Start(StartResult.NO_ANSWER, str(error))
        except ClientError as error:
            return Start(_result_of(error), str(error))
        return Start(StartResult.STARTED)

    def job(self, recording_id: str) -> Job | None:
        with calling(f"GetTranscriptionJob {recording_id}"):
            try:
                found = self.client.get_transcription_job(TranscriptionJobName=self._prefix + recording_id)
            except ClientError as error:
                if code_of(error) not in NO_JOB:
                    raise
                return None
        job = found["TranscriptionJob"]
        status = JobStatus(job["TranscriptionJobStatus"])
        uris = job.get("Transcript", {})
        is_redacted = "RedactedTranscriptFileUri" in uris and "TranscriptFileUri" not in uris
        return Job(status, job.get("FailureReason", ""), is_redacted)

    def delete(self, recording_id: str) -> bool:
        with calling(f"DeleteTranscriptionJob {recording_id}"):
            try:
                self.client.delete_transcription_job(TranscriptionJobName=self._prefix + recording_id)
            except ClientError as error:
                if code_of(error) not in NO_JOB:
                    raise
                return self.job(recording_id) is None
        return True


def _result_of(error: ClientError) -> StartResult:
    if code_of(error) == "ConflictException":
        return StartResult.EXISTS
    if status_of(error) >= SERVER_ERROR or code_of(error) in NO_ROOM:
        return StartResult.NO_ROOM
    return StartResult.REFUSED


def job_of(wanted: Wanted, prefix: str, options: JobOptions) -> dict[str, Any]:
    """StartTranscriptionJob's request.

    The channels of a stereo call are transcribed separately, so that the transcript tells who speaks. In a mono call
    the voices are told apart. Without a key here Amazon Transcribe would use S3's own key, whatever the bucket's is:
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
    """
    settings: dict[str, Any] = (
        {"ChannelIdentification": True}
        if wanted.channels == 2
        else {"ShowSpeakerLabels": True, "MaxSpeakerLabels": MOST_SPEAKERS}
    )
    if options.vocabulary:
        settings["VocabularyName"] = options.vocabulary
    job: dict[str, Any] = {
        "TranscriptionJobName": prefix + wanted.recording_id,
        "MediaFormat": wanted.format,
        "Media": {"MediaFileUri": f"s3://{wanted.bucket}/{wanted.key}"},
        "OutputBucketName": wanted.bucket,
        "OutputKey": transcript_key(wanted.partition, AWS_ENGINE, wanted.recording_id),
        "Settings": settings,
    }
    if len(options.languages) == 1:
        job["LanguageCode"] = options.languages[0]
    else:
        job |= {"IdentifyLanguage": True, "LanguageOptions": list(options.languages)}
    if options.redaction:
        job["ContentRedaction"] = {"RedactionType": "PII", "RedactionOutput": "redacted"}
    if options.kms_key_arn:
        job["OutputEncryptionKMSKeyId"] = options.kms_key_arn
    return job
