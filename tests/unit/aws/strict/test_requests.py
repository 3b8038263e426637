"""A request that AWS would refuse fails before it is sent, for every client."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ParamValidationError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel
from hypothesis import given
from hypothesis import strategies as st

from call_lake.aws import client as clients
from call_lake.aws.strict import requests as strict
from call_lake.aws.transcribe import JobOptions, job_of
from call_lake.model.layout import Partition
from call_lake.model.transcribing import Wanted
from call_lake.settings import SOURCE_NAME
from call_lake.transcribing.limits import FORMATS
from call_lake_cli.stack.handle import Stack
from call_lake_local.endpoint import Endpoint

NOBODY = "http://127.0.0.1:9"
JOB = {"TranscriptionJobName": "lake-a", "Media": {"MediaFileUri": "s3://lake/audio/a.wav"}, "LanguageCode": "pl-PL"}


@cache
def operation(service: str, name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def refusals(service: str, name: str, **params: Any) -> list[str]:
    return list(strict.complaints(params, operation(service, name)))


def transcribe(**changes: Any) -> list[str]:
    return refusals("transcribe", "StartTranscriptionJob", **(JOB | changes))


def test_an_equals_sign_in_the_key_of_a_transcript_is_refused_before_it_is_sent() -> None:
    client: Any = boto3.client("transcribe", endpoint_url=NOBODY)
    with pytest.raises(ParamValidationError) as refused:
        client.start_transcription_job(**JOB, OutputBucketName="lake", OutputKey="transcripts/source=thulium/a.json")
    assert "transcribe StartTranscriptionJob, OutputKey: a text of 33 characters does not fit" in str(refused.value)
    assert "[a-zA-Z0-9-_.!*'()/]{1,1024}$" in str(refused.value)
    assert "thulium" not in str(refused.value)


@given(
    source=st.from_regex(SOURCE_NAME, fullmatch=True),
    stack=st.from_regex("[a-zA-Z][-a-zA-Z0-9]{0,127}", fullmatch=True),
    number=st.integers(0, 16**32 - 1),
    format=st.sampled_from(sorted(FORMATS)),
    day=st.dates(),
    channels=st.sampled_from([None, 1, 2, 3]),
    languages=st.sampled_from([("pl-PL",), ("pl-PL", "en-GB"), ("ast-ES", "ckb-IQ", "en-GB", "de-DE", "fr-FR")]),
)
def test_amazon_transcribe_takes_the_job_of_every_source_and_stack(
    source: str, stack: str, number: int, format: str, day: Any, channels: int | None, languages: tuple[str, ...]
) -> None:
    recording_id = f"{source}-{number:032x}"
    audio = f"audio/source={source}/call_date={day.isoformat()}/{recording_id}.{format}"
    wanted = Wanted(recording_id, Partition(source, day), "call-lake-bucket-1x2y3z", audio, format, 1, channels)
    key = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
    options = JobOptions(languages, "words", len(languages) == 1, key)
    assert refusals("transcribe", "StartTranscriptionJob", **job_of(wanted, f"{stack}-", options)) == []


def tags(count: int) -> list[dict[str, str]]:
    return [{"Key": f"k{number}", "Value": "v"} for number in range(count)]


def context(count: int) -> dict[str, str]:
    return {f"k{number}": "v" for number in range(count)}


@pytest.mark.parametrize(
    ("taken", "refused", "why"),
    [
        ({"OutputKey": "a/b"}, {"OutputKey": "a b"}, "OutputKey: a text of 3 characters does not fit AWS's pattern"),
        ({"LanguageCode": "pl-PL"}, {"LanguageCode": "pl"}, "LanguageCode: a text of 2 characters is none of "),
        ({"LanguageOptions": ["pl-PL"]}, {"LanguageOptions": ["pl-PL", "x"]}, r"LanguageOptions\[1\]: a text of 1"),
        ({"OutputKey": "a" * 1024}, {"OutputBucketName": "a" * 65}, "OutputBucketName: 65 characters are more than 64"),
        ({"MediaSampleRateHertz": 8000}, {"MediaSampleRateHertz": 7999}, "7999 as a number are less than 8000"),
        ({"MediaSampleRateHertz": 48000}, {"MediaSampleRateHertz": 48001}, "48001 as a number are more than 48000"),
        ({"Tags": tags(200)}, {"Tags": tags(201)}, "Tags: 201 items are more than 200"),
        ({"Tags": tags(1)}, {"Tags": [{"Key": "", "Value": "v"}]}, r"Tags\[0\].Key: 0 characters are less than 1"),
        ({"KMSEncryptionContext": context(10)}, {"KMSEncryptionContext": context(11)}, "11 entries are more than 10"),
        ({"KMSEncryptionContext": context(1)}, {"KMSEncryptionContext": {}}, "0 entries are less than 1"),
        ({"KMSEncryptionContext": {"a": "b"}}, {"KMSEncryptionContext": {"a": ""}}, "KMSEncryptionContext.a: 0 char"),
        (
            {"LanguageIdSettings": {"pl-PL": {}}},
            {"LanguageIdSettings": {"pl": {}}},
            r"LanguageIdSettings.pl \(its key\): a text of 2 characters is none of ",
        ),
    ],
)
def test_what_the_model_allows_passes_and_nothing_else(taken: Any, refused: Any, why: str) -> None:
    assert transcribe(**taken) == []
    assert any(re.search(why, complaint) for complaint in transcribe(**refused))


def test_bytes_are_counted() -> None:
    secret = {"SecretId": "a", "ClientRequestToken": "t" * 32}
    assert refusals("secretsmanager", "PutSecretValue", **secret, SecretBinary=b"s" * 65_536) == []
    (why,) = refusals("secretsmanager", "PutSecretValue", **secret, SecretBinary=b"s" * 65_537)
    assert why == "SecretBinary: 65537 bytes are more than 65536"
    assert refusals("secretsmanager", "PutSecretValue", **secret, SecretBinary="ą" * 32_768) == []
    (why,) = refusals("secretsmanager", "PutSecretValue", **secret, SecretBinary="ą" * 32_769)
    assert why == "SecretBinary: 65538 bytes are more than 65536"


def test_a_refusal_shows_no_value() -> None:
    number = "+48000000000"
    found = transcribe(OutputKey=f"{number}=", KMSEncryptionContext={number: ""}, LanguageCode=number)
    assert len(found) == 4
    assert not [line for line in found if number in line]


def test_a_limit_beyond_the_model_is_held_too() -> None:
    (why,) = refusals("events", "PutEvents", Entries=[{"Source": "call-lake", "DetailType": "t", "Detail": "text"}])
    assert why == "Entries[0].Detail: is no JSON object"


def test_a_pattern_that_nobody_understands_refuses_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = operation("transcribe", "StartTranscriptionJob").input_shape
    assert shape is not None
    monkeypatch.setitem(shape.members["OutputKey"].metadata, "pattern", r"\p{IsAlphabetic}+")
    (why,) = transcribe(OutputKey="a")
    assert "patterns.py has to learn this" in why


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"OutputKey": 1},
        {"Tags": "x"},
        {"Tags": [1]},
        {"Media": 1},
        {"KMSEncryptionContext": 1},
        {"KMSEncryptionContext": {1: 1}},
        {"New": 1},
    ],
)
def test_a_value_of_a_wrong_type_is_left_to_botocore(params: Any) -> None:
    assert transcribe(**params) == []


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that did not ask for the check."""
    BUILTIN_HANDLERS.remove(strict._HOOK)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.delenv("STRICT_REQUESTS")
    clients.client.cache_clear()
    yield
    clients.client.cache_clear()
    strict.check_every_request()


def of_a_function() -> Any:
    return clients.client("scheduler")


def of_the_laptop() -> Any:
    return Endpoint(NOBODY, "eu-central-1", "key", "secret").client("scheduler")


def of_a_command() -> Any:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "eu-central-1"}
    names = ("bucket", "ledger_table", "sources_path", "dlq_url", "bus", "database", "workgroup")
    more: dict[str, Any] = dict.fromkeys(names, "a")
    stack = Stack("lake", functions={}, connection=keys | {"endpoint_url": NOBODY}, local=True, **more)
    return stack.client("scheduler")


def is_checked(client: Any) -> bool:
    refused: list[bool] = []

    def unsent(**_: Any) -> Any:
        refused.append(False)
        raise ParamValidationError(report="it would have been sent")

    client.meta.events.register("before-call", unsent)
    with pytest.raises(ParamValidationError):
        client.get_schedule(Name="not a name")
    return not refused


@pytest.mark.parametrize("make", [of_the_laptop, of_a_command])
def test_every_client_of_the_laptops_stack_checks_its_requests(unchecked: None, make: Callable[[], Any]) -> None:
    assert is_checked(make())


def test_a_function_checks_its_requests_where_its_environment_says_so(
    unchecked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_checked(of_a_function())
    clients.client.cache_clear()
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("STRICT_REQUESTS", "true")
    assert is_checked(of_a_function())
    assert is_checked(boto3.client("scheduler"))
    assert is_checked(botocore.session.Session().create_client("scheduler"))


def test_a_check_that_is_asked_for_twice_is_made_once() -> None:
    strict.check_every_request()
    strict.check_every_request()
    assert BUILTIN_HANDLERS.count(strict._HOOK) == 1
