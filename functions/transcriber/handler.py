"""On ``Recording Stored``: start an Amazon Transcribe job named after the recording. Optional (EnableTranscription)."""

from dataclasses import dataclass
from typing import Any

import boto3

from call_lake.config import from_environment
from call_lake.observability import log

# https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html
FORMATS = {"amr", "flac", "m4a", "mp3", "mp4", "ogg", "wav", "webm"}


@dataclass(frozen=True, slots=True)
class TranscriberSettings:
    transcription_language: str
    kms_key_arn: str = ""  # empty: the transcripts are encrypted with S3's own key


settings = from_environment(TranscriberSettings)
transcribe = boto3.client("transcribe")


def handler(event: dict[str, Any], context: object) -> dict[str, str]:
    """Take one event of EventBridge. An event may come twice: a job that stands is left as it is."""
    stored = event["detail"]
    name = stored["recording_id"]
    if stored["format"] not in FORMATS:
        log.warning("Amazon Transcribe does not read this format: skipped", recording_id=name, format=stored["format"])
        return {"recording_id": name, "outcome": "skipped"}
    try:
        transcribe.start_transcription_job(**job_of(stored, settings.transcription_language, settings.kms_key_arn))
    except transcribe.exceptions.ConflictException:
        return {"recording_id": name, "outcome": "exists"}
    log.info("transcription started", recording_id=name)
    return {"recording_id": name, "outcome": "started"}


def job_of(stored: dict[str, Any], language: str, kms_key_arn: str = "") -> dict[str, Any]:
    """StartTranscriptionJob's request for the detail of a ``Recording Stored`` event. Each side of a stereo call has a
    channel of its own, so that the transcript tells who speaks. Without a key here Amazon Transcribe would use S3's own
    key, whatever the bucket's is:
    https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
    """
    folder = f"transcripts/source={stored['source']}/call_date={stored['call_date']}"
    job = {
        "TranscriptionJobName": stored["recording_id"],
        "LanguageCode": language,
        "MediaFormat": stored["format"],
        "Media": {"MediaFileUri": f"s3://{stored['bucket']}/{stored['key']}"},
        "OutputBucketName": stored["bucket"],
        "OutputKey": f"{folder}/{stored['recording_id']}.json",
    }
    if kms_key_arn:
        job["OutputEncryptionKMSKeyId"] = kms_key_arn
    return job | ({"Settings": {"ChannelIdentification": True}} if stored["channels"] == 2 else {})
