"""The optional transcriber: one Amazon Transcribe job for each stored recording that the service can read."""

import importlib
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

SAMPLE = json.loads((Path(__file__).parents[2] / "events/transcriber-recording-stored.json").read_text())
STORED = SAMPLE["detail"]


@pytest.fixture
def transcriber(monkeypatch):
    """The handler's module, cold-started inside an in-process AWS."""
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "TRANSCRIPTION_LANGUAGE": "pl-PL",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield importlib.reload(importlib.import_module("functions.transcriber.handler"))


def jobs() -> list[Any]:
    return boto3.client("transcribe").list_transcription_jobs()["TranscriptionJobSummaries"]


def event(**changes: Any) -> dict[str, Any]:
    return SAMPLE | {"detail": STORED | changes}


def test_a_stored_recording_starts_a_job_named_after_it(transcriber):
    assert transcriber.handler(SAMPLE, None)["outcome"] == "started"
    job = boto3.client("transcribe").get_transcription_job(TranscriptionJobName=STORED["recording_id"])
    job = job["TranscriptionJob"]
    assert job["Media"]["MediaFileUri"] == f"s3://{STORED['bucket']}/{STORED['key']}"
    assert job["LanguageCode"] == "pl-PL"


def test_the_transcript_lies_in_our_bucket_partitioned_like_the_audio(transcriber):
    job = transcriber.job_of(STORED, "pl-PL")
    folder = f"transcripts/source=thulium/call_date={STORED['call_date']}"
    assert job["OutputBucketName"] == STORED["bucket"]
    assert job["OutputKey"] == f"{folder}/{STORED['recording_id']}.json"


def test_an_event_that_comes_twice_starts_one_job(transcriber):
    transcriber.handler(SAMPLE, None)
    assert transcriber.handler(SAMPLE, None)["outcome"] == "exists"
    assert len(jobs()) == 1


def test_a_format_that_amazon_transcribe_cannot_read_is_skipped(transcriber):
    assert transcriber.handler(event(format="gsm"), None)["outcome"] == "skipped"
    assert jobs() == []


@pytest.mark.parametrize("channels", [1, None])
def test_only_a_stereo_call_has_its_channels_told_apart(transcriber, channels):
    assert transcriber.job_of(STORED | {"channels": 2}, "pl-PL")["Settings"] == {"ChannelIdentification": True}
    assert "Settings" not in transcriber.job_of(STORED | {"channels": channels}, "pl-PL")
