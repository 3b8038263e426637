"""Start an Amazon Transcribe job for each stored recording. Optional (EnableTranscription).

The events wait in a queue, since Amazon Transcribe runs a hundred jobs of an account at once
(https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html) and a backfill stores more than that.
"""

import json
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from call_lake.observability import log
from call_lake.settings import from_environment

# https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html
FORMATS = {"amr", "flac", "m4a", "mp3", "mp4", "ogg", "wav", "webm"}
# https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
NO_ROOM = {"LimitExceededException", "ThrottlingException", "InternalFailureException"}
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class TranscriberSettings:
    transcription_language: str
    dlq_url: str
    job_prefix: str = ""  # the stack's name: all stacks of an account share the names of jobs
    kms_key_arn: str = ""  # empty: the transcripts are encrypted with S3's own key


settings = from_environment(TranscriberSettings)
# Ten messages have to be answered within the function's minute: the queue repeats, not the client.
quick = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
transcribe = boto3.client("transcribe", config=quick)
sqs = boto3.client("sqs")


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:
    """Take a batch of messages, each an event of EventBridge. Once there is no room for one, there is none for the
    others: all of them come again when the queue shows them next."""
    again: list[str] = []
    for message in event["Records"]:
        if again or not _done(message["body"]):
            again.append(message["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": id} for id in again]}


def _done(body: str) -> bool:
    """Whether the message is finished. An event may come twice: a job that stands is left as it is."""
    stored = json.loads(body)["detail"]
    job = job_of(stored, settings)
    name = stored["recording_id"]
    if stored["format"] not in FORMATS:
        log.warning("Amazon Transcribe does not read this format: skipped", recording_id=name, format=stored["format"])
        return True
    try:
        transcribe.start_transcription_job(**job)
    except transcribe.exceptions.ConflictException:
        return True
    except BotoCoreError as error:
        log.warning("no answer of Amazon Transcribe: tried again", recording_id=name, error=str(error))
        return False
    except ClientError as error:
        if _has_no_room(error):
            log.info("Amazon Transcribe has no room: tried again", recording_id=name, error=str(error))
            return False
        log.error("transcription refused: to the dead letters", recording_id=name, error=str(error))
        sqs.send_message(QueueUrl=settings.dlq_url, MessageBody=body)
        return True
    log.info("transcription started", recording_id=name)
    return True


def _has_no_room(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= SERVER_ERROR or error.response["Error"]["Code"] in NO_ROOM


def job_of(stored: dict[str, Any], settings: TranscriberSettings) -> dict[str, Any]:
    """StartTranscriptionJob's request for the detail of a ``Recording Stored`` event. Each side of a stereo call has a
    channel of its own, so that the transcript tells who speaks. Without a key here Amazon Transcribe would use S3's own
    key, whatever the bucket's is:
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
    """
    folder = f"transcripts/source={stored['source']}/call_date={stored['call_date']}"
    job = {
        "TranscriptionJobName": settings.job_prefix + stored["recording_id"],
        "LanguageCode": settings.transcription_language,
        "MediaFormat": stored["format"],
        "Media": {"MediaFileUri": f"s3://{stored['bucket']}/{stored['key']}"},
        "OutputBucketName": stored["bucket"],
        "OutputKey": f"{folder}/{stored['recording_id']}.json",
    }
    if settings.kms_key_arn:
        job["OutputEncryptionKMSKeyId"] = settings.kms_key_arn
    return job | ({"Settings": {"ChannelIdentification": True}} if stored["channels"] == 2 else {})
