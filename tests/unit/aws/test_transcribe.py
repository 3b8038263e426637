"""The jobs of Amazon Transcribe."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from call_lake.aws.transcribe import TranscribeJobs
from call_lake.errors import Transient

ID = "thulium-" + "0" * 32


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("transcribe", "eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def start(client: Any, name: str) -> None:
    media = {"MediaFileUri": "s3://bucket/audio.wav"}
    client.start_transcription_job(TranscriptionJobName=name, LanguageCode="pl-PL", Media=media)


def test_a_job_stands_until_it_is_deleted(client: Any) -> None:
    jobs = TranscribeJobs(client, "lake-")
    start(client, f"lake-{ID}")

    assert jobs.job(ID)
    jobs.delete(ID)
    assert not jobs.job(ID)
    jobs.delete(ID)


def test_the_job_of_another_stacks_recording_of_the_same_id_is_left_alone(client: Any) -> None:
    start(client, f"other-{ID}")
    jobs = TranscribeJobs(client, "lake-")

    assert not jobs.job(ID)
    jobs.delete(ID)
    assert TranscribeJobs(client, "other-").job(ID)


def test_a_refusal_of_transcribe_is_no_absent_job(client: Any) -> None:
    def refuse(**_: Any) -> tuple[Any, dict[str, Any]]:
        return type("Answered", (), {"status_code": 400}), {
            "Error": {"Code": "AccessDeniedException", "Message": "no right"},
            "ResponseMetadata": {"HTTPStatusCode": 400},
        }

    client.meta.events.register("before-call.transcribe.GetTranscriptionJob", refuse)

    with pytest.raises(Transient, match="AccessDenied"):
        TranscribeJobs(client, "lake-").job(ID)
