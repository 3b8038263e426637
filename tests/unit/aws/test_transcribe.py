"""The jobs of Amazon Transcribe."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ParamValidationError
from moto import mock_aws

from call_lake.aws.transcribe import JobOptions, TranscribeJobs, job_of
from call_lake.errors import Transient
from call_lake.model.layout import Partition
from call_lake.model.transcribing import Job, JobStatus, StartResult, Wanted

ID = "thulium-" + "0" * 32
WANTED = Wanted(ID, Partition("thulium", date(2026, 11, 20)), "bucket", f"audio/{ID}.wav", "wav", 10, channels=1)
POLISH = JobOptions(("pl-PL",))


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("transcribe", "eu-central-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def jobs_of(client: Any, prefix: str = "lake-") -> TranscribeJobs:
    return TranscribeJobs(client, prefix, POLISH)


def refuse(client: Any, operation: str, status: int, code: str) -> Callable[[], None]:
    """Answer so until the returned function is called."""
    refusal = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    event, id = f"before-call.transcribe.{operation}", f"{operation}-{code}"
    client.meta.events.register(event, lambda **_: (SimpleNamespace(status_code=status), refusal), unique_id=id)
    return lambda: client.meta.events.unregister(event, unique_id=id)


def test_a_job_is_started_once_and_is_there_until_it_is_deleted(client: Any) -> None:
    jobs = jobs_of(client)

    assert [jobs.start(WANTED).result for _ in range(2)] == [StartResult.STARTED, StartResult.EXISTS]
    assert jobs.job(ID) is not None
    assert jobs.delete(ID)
    assert jobs.job(ID) is None
    assert jobs.delete(ID)


def test_a_running_job_that_amazon_transcribe_does_not_delete_is_still_there(client: Any) -> None:
    jobs = jobs_of(client)
    jobs.start(WANTED)
    refuse(client, "DeleteTranscriptionJob", 400, "BadRequestException")

    assert not jobs.delete(ID)


def test_the_job_of_another_stacks_recording_of_the_same_id_is_left_alone(client: Any) -> None:
    jobs_of(client, "other-").start(WANTED)
    jobs = jobs_of(client)

    assert jobs.job(ID) is None
    jobs.delete(ID)
    assert jobs_of(client, "other-").job(ID)


def test_a_refusal_of_transcribe_is_no_absent_job(client: Any) -> None:
    refuse(client, "GetTranscriptionJob", 400, "AccessDeniedException")

    with pytest.raises(Transient, match="AccessDenied"):
        jobs_of(client).job(ID)


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [
        (400, "LimitExceededException", StartResult.NO_ROOM),
        (400, "ThrottlingException", StartResult.NO_ROOM),
        (500, "InternalFailureException", StartResult.NO_ROOM),
        (503, "Busy", StartResult.NO_ROOM),
        (400, "BadRequestException", StartResult.REFUSED),
        (400, "AccessDeniedException", StartResult.REFUSED),
    ],
)
def test_a_refusal_says_whether_another_attempt_can_help(
    client: Any, status: int, code: str, result: StartResult
) -> None:
    refuse(client, "StartTranscriptionJob", status, code)

    started = jobs_of(client).start(WANTED)

    assert started.result is result
    assert code in started.error


def test_a_service_that_does_not_answer_is_told_from_one_that_refuses() -> None:
    config = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    nobody = boto3.client("transcribe", "eu-central-1", endpoint_url="http://127.0.0.1:9", config=config)

    assert jobs_of(nobody).start(WANTED).result is StartResult.NO_ANSWER


def test_a_request_that_boto3_calls_malformed_is_no_lack_of_an_answer(client: Any) -> None:
    """The run fails, and the alarm transcriber-errors fires."""
    with pytest.raises(ParamValidationError, match="OutputKey"):
        jobs_of(client).start(replace(WANTED, recording_id="thulium=1"))


@pytest.mark.parametrize(
    ("answer", "job"),
    [
        ({"TranscriptionJobStatus": "IN_PROGRESS"}, Job(JobStatus.IN_PROGRESS)),
        ({"TranscriptionJobStatus": "FAILED", "FailureReason": "no"}, Job(JobStatus.FAILED, "no")),
        (
            {"TranscriptionJobStatus": "COMPLETED", "Transcript": {"TranscriptFileUri": "https://a"}},
            Job(JobStatus.COMPLETED),
        ),
        (
            {"TranscriptionJobStatus": "COMPLETED", "Transcript": {"RedactedTranscriptFileUri": "https://a"}},
            Job(JobStatus.COMPLETED, is_redacted=True),
        ),
    ],
)
def test_a_job_says_how_it_ended_and_whether_its_document_is_masked(answer: dict[str, Any], job: Job) -> None:
    asked = SimpleNamespace(get_transcription_job=lambda **_: {"TranscriptionJob": answer})

    assert jobs_of(asked).job(ID) == job


def test_the_transcript_lies_in_our_bucket_by_source_and_day_under_a_name_of_stack_and_recording() -> None:
    job = job_of(WANTED, "lake-", POLISH)

    assert job["TranscriptionJobName"] == f"lake-{ID}"
    assert job["Media"] == {"MediaFileUri": f"s3://bucket/audio/{ID}.wav"}
    assert (job["OutputBucketName"], job["OutputKey"]) == ("bucket", f"transcripts/aws/thulium/2026-11-20/{ID}.json")


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_the_sides_of_a_stereo_call_are_told_apart_and_the_voices_of_any_other(channels: int | None) -> None:
    stereo = job_of(replace(WANTED, channels=2), "lake-", POLISH)["Settings"]
    other = job_of(replace(WANTED, channels=channels), "lake-", POLISH)["Settings"]

    assert stereo == {"ChannelIdentification": True}
    assert other == {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 10}


def test_one_language_is_given_and_of_several_one_is_found() -> None:
    one, several = job_of(WANTED, "", POLISH), job_of(WANTED, "", JobOptions(("pl-PL", "en-GB")))

    assert (one["LanguageCode"], "IdentifyLanguage" in one) == ("pl-PL", False)
    assert (several["IdentifyLanguage"], several["LanguageOptions"]) == (True, ["pl-PL", "en-GB"])
    assert "LanguageCode" not in several


def test_vocabulary_masking_and_a_key_are_asked_for_where_they_are_given() -> None:
    plain = job_of(WANTED, "", POLISH)
    full = job_of(WANTED, "", JobOptions(("en-US",), "words", redaction=True, kms_key_arn="arn"))

    assert full["Settings"]["VocabularyName"] == "words"
    assert full["ContentRedaction"] == {"RedactionType": "PII", "RedactionOutput": "redacted"}
    assert full["OutputEncryptionKMSKeyId"] == "arn"
    assert not {"ContentRedaction", "OutputEncryptionKMSKeyId"} & plain.keys()
    assert "VocabularyName" not in plain["Settings"]
