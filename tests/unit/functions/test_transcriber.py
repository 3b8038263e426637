"""The optional transcriber: one Amazon Transcribe job for each stored recording that the service can read."""

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ParamValidationError
from moto import mock_aws

from call_lake.aws.client import client
from call_lake.aws.transcribe import job_of
from call_lake.settings import TranscriberSettings

SAMPLE = json.loads((Path(__file__).parents[3] / "events/transcriber-recording-stored.json").read_text())
EVENT = json.loads(SAMPLE["Records"][0]["body"])
STORED = EVENT["detail"]
SETTINGS = TranscriberSettings("pl-PL", "dead-letters", job_prefix="lake-")
NOTHING_AGAIN: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def transcriber(monkeypatch):
    """The handler's module, cold-started inside an in-process AWS."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "TRANSCRIPTION_LANGUAGE": "pl-PL",
        "JOB_PREFIX": "lake-",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        monkeypatch.setenv("DLQ_URL", boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"])
        client.cache_clear()
        yield importlib.reload(importlib.import_module("functions.transcriber.handler"))
    client.cache_clear()


def jobs() -> list[Any]:
    return boto3.client("transcribe").list_transcription_jobs()["TranscriptionJobSummaries"]


def dead_letters(transcriber: Any) -> list[str]:
    url = transcriber.parts.dead_letters.url
    found = boto3.client("sqs").receive_message(QueueUrl=url).get("Messages", [])
    return [message["Body"] for message in found]


def batch(*details: dict[str, Any]) -> dict[str, Any]:
    records = [
        SAMPLE["Records"][0] | {"messageId": f"message-{number}", "body": json.dumps(EVENT | {"detail": detail})}
        for number, detail in enumerate(details)
    ]
    return {"Records": records}


def numbered(number: int) -> dict[str, Any]:
    return STORED | {"recording_id": f"thulium-{number:032x}"}


def refuse(transcriber: Any, status: int, code: str, *, from_job: int = 0) -> list[str]:
    """Answer so from this job on, and note which were asked for."""
    asked: list[str] = []
    refusal = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def answer(params: Any, **_: Any) -> Any:
        asked.append(json.loads(params["body"])["TranscriptionJobName"])
        return None if len(asked) <= from_job else (SimpleNamespace(status_code=status), refusal)

    transcriber.parts.starter.client.meta.events.register("before-call.transcribe.StartTranscriptionJob", answer)
    return asked


def test_a_stored_recording_starts_a_job_named_after_stack_and_recording(transcriber):
    assert transcriber.handler(SAMPLE, None) == NOTHING_AGAIN
    job = boto3.client("transcribe").get_transcription_job(TranscriptionJobName=f"lake-{STORED['recording_id']}")
    job = job["TranscriptionJob"]
    assert job["Media"]["MediaFileUri"] == f"s3://{STORED['bucket']}/{STORED['key']}"
    assert job["LanguageCode"] == "pl-PL"


def test_the_transcript_lies_in_our_bucket_by_source_and_day():
    job = job_of(STORED, SETTINGS)
    folder = f"transcripts/aws/thulium/{STORED['call_date']}"
    assert job["OutputBucketName"] == STORED["bucket"]
    assert job["OutputKey"] == f"{folder}/{STORED['recording_id']}.json"


def test_the_transcript_is_encrypted_with_a_key_of_ones_own_where_there_is_one():
    settings = replace(SETTINGS, kms_key_arn="arn:aws:kms:eu-central-1:123456789012:key/a")
    assert job_of(STORED, settings)["OutputEncryptionKMSKeyId"] == settings.kms_key_arn
    assert "OutputEncryptionKMSKeyId" not in job_of(STORED, SETTINGS)


def test_an_event_that_comes_twice_starts_one_job(transcriber):
    transcriber.handler(SAMPLE, None)
    assert transcriber.handler(SAMPLE, None) == NOTHING_AGAIN
    assert len(jobs()) == 1


def test_a_format_that_amazon_transcribe_cannot_read_is_skipped(transcriber):
    assert transcriber.handler(batch(STORED | {"format": "gsm"}), None) == NOTHING_AGAIN
    assert jobs() == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "LimitExceededException"), (400, "ThrottlingException"), (500, "InternalFailureException"), (503, "Busy")],
)
def test_what_amazon_transcribe_has_no_room_for_comes_again_and_so_do_those_behind_it(transcriber, status, code):
    asked = refuse(transcriber, status, code, from_job=1)
    answer = transcriber.handler(batch(*map(numbered, range(4))), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": f"message-{number}"} for number in (1, 2, 3)]}
    assert len(asked) == 2
    assert dead_letters(transcriber) == []


@pytest.mark.parametrize("code", ["BadRequestException", "AccessDeniedException"])
def test_what_amazon_transcribe_will_never_take_goes_to_the_dead_letters_and_stops_nobody(transcriber, code):
    asked = refuse(transcriber, 400, code)
    assert transcriber.handler(batch(numbered(1), numbered(2)), None) == NOTHING_AGAIN
    assert len(asked) == 2
    assert json.loads(dead_letters(transcriber)[0])["detail"] in (numbered(1), numbered(2))


def test_a_request_that_boto3_calls_malformed_is_no_lack_of_an_answer(transcriber):
    """The run fails, and the alarm transcriber-errors fires."""
    with pytest.raises(ParamValidationError, match="OutputKey"):
        transcriber.handler(batch(STORED | {"recording_id": "thulium=1"}), None)


@pytest.mark.parametrize("channels", [1, None])
def test_only_a_stereo_call_has_its_channels_told_apart(channels):
    stereo = job_of(STORED | {"channels": 2}, SETTINGS)
    assert stereo["Settings"] == {"ChannelIdentification": True}
    assert "Settings" not in job_of(STORED | {"channels": channels}, SETTINGS)
