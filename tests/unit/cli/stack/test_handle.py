"""Which stack a command talks to, and what it says where it finds none."""

import os
import pwd
import re
import socket

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from call_lake_cli.console.errors import UserError, explained
from call_lake_cli.stack.handle import Stack, engines_of, find_stack, functions_of
from tests.support.raw_server import RawServer

ERROR = "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"


def refusal(code: str, message: str) -> list[bytes]:
    body = ERROR.format(code, message).encode()
    return [b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body), body, b""]


def find(monkeypatch: pytest.MonkeyPatch, answer: list[bytes]) -> None:
    with RawServer(lambda _: answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        find_stack("lake")


def test_a_stack_that_is_not_there_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no stack 'lake' in this account and region"):
        find(monkeypatch, refusal("ValidationError", "Stack with id lake does not exist"))


def test_the_region_of_awss_own_variable_is_enough_to_look_for_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UserError, match="no AWS region: set AWS_REGION"):
        find_stack("lake")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    with pytest.raises(UserError, match="no stack 'lake'"):
        find(monkeypatch, refusal("ValidationError", "Stack with id lake does not exist"))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", "The security token included in the request is expired"),
        ("AccessDenied", "User: x is not authorized to perform: cloudformation:DescribeStacks"),
    ],
)
def test_refused_credentials_are_not_called_a_missing_stack(
    monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=code):
        find(monkeypatch, refusal(code, message))


def test_a_stack_has_a_transcriber_only_where_it_transcribes() -> None:
    outputs = {"PollerName": "p", "CopierName": "c", "CompactorName": "k"}
    assert functions_of(outputs) == {"poller": "p", "copier": "c", "compactor": "k"}
    more = {"TranscriberName": "t", "TranscriptReaderName": "r"}
    assert functions_of(outputs | more) == functions_of(outputs) | {"transcriber": "t", "transcript-reader": "r"}


def test_engines_are_named_by_their_queues() -> None:
    mine = {f"Engine{n}QueueUrl": f"https://sqs/1/lake-engine-{name}" for n, name in ((1, "whisper"), (2, "engine-b"))}
    assert engines_of("lake", {"Engine1PolicyArn": "arn"}) == {}
    assert engines_of("lake", {"TranscriptionQueueUrl": "https://sqs/1/lake-transcriptions"} | mine) == {
        "aws": "https://sqs/1/lake-transcriptions",
        "whisper": "https://sqs/1/lake-engine-whisper",
        "engine-b": "https://sqs/1/lake-engine-engine-b",
    }


def test_a_profile_that_is_not_there_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with pytest.raises(typer.Exit), explained():
        find_stack("lake")
    printed = capsys.readouterr().err
    assert "(nope) could not be found: set AWS_PROFILE" in printed
    assert "AWS refused" not in printed


def test_an_answer_of_aws_that_refuses_is_printed_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    refused = ClientError({"Error": {"Code": "ExpiredToken", "Message": "it is expired"}}, "DescribeStacks")
    with pytest.raises(typer.Exit), explained():
        raise refused
    assert "ExpiredToken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "said", "not_said"),
    [
        ("http://127.0.0.1:4566/", "call-lake local up", "AWS_REGION"),
        ("https://cloudformation.eu-central-7.amazonaws.com/", "AWS_REGION", "local stack"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_explained_by_where_it_is(
    capsys: pytest.CaptureFixture[str], url: str, said: str, not_said: str
) -> None:
    with pytest.raises(typer.Exit), explained():
        raise EndpointConnectionError(endpoint_url=url, error=socket.gaierror())
    printed = capsys.readouterr().err
    assert said in printed
    assert not_said not in printed


def test_the_caller_is_who_aws_says_it_is() -> None:
    stack = Stack("lake", "lake", "ledger", "/sources", "", "bus", "lake", "lake", {})

    with mock_aws():
        assert re.fullmatch(r"arn:aws:(iam|sts)::\d{12}:\S+", stack.caller())


def test_on_the_laptop_the_caller_is_the_user_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")  # which anybody can set
    stack = Stack("lake", "lake", "ledger", "/sources", "", "bus", "lake", "lake", {}, local=True)

    assert stack.caller() == pwd.getpwuid(os.getuid()).pw_name
