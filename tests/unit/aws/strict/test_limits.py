"""Limits of AWS's pages that its models lack: the last value that AWS takes, and the first that it refuses."""

import io
import re
from typing import Any

import pytest

from call_lake.aws.strict.limits import complaints


def message(body: str = "m", **more: Any) -> dict[str, Any]:
    return {"Id": "0", "MessageBody": body} | more


def messages(count: int, bytes_each: int = 1) -> dict[str, Any]:
    return {"Entries": [message("m" * bytes_each, Id=str(number)) for number in range(count)]}


def event(**changes: Any) -> dict[str, Any]:
    return {"Entries": [{"Source": "call-lake", "DetailType": "Recording Stored", "Detail": "{}"} | changes]}


def events(size_bytes: int) -> dict[str, Any]:
    """Two events of so many bytes together."""
    others = 2 * len('call-lakeRecording Stored{"a": ""}')
    half, odd = divmod(size_bytes - others, 2)
    texts = ("ą" * (half // 2) + "x" * (half % 2), "x" * (half + odd))
    return {"Entries": [event(Detail=f'{{"a": "{text}"}}')["Entries"][0] for text in texts]}


def labelled(bytes_of_label: int) -> dict[str, Any]:
    """Two messages of 512 KiB less 20 bytes each, the first of them with a label."""
    label = {"a": {"DataType": "String", "StringValue": "s" * (bytes_of_label - len("aString"))}}
    first = message("m" * (512 * 1024 - 20), MessageAttributes=label)
    return {"Entries": [first, message("m" * (512 * 1024 - 20), Id="1")]}


def with_labels(*names: str, text: str = "s") -> dict[str, Any]:
    return {
        "Entries": [message(MessageAttributes={name: {"DataType": "String", "StringValue": text} for name in names})]
    }


def got(*ids: str) -> dict[str, Any]:
    return {"RequestItems": {"ledger": {"Keys": [{"id": {"S": id}} for id in ids]}}}


def deleted(count: int, key: str = "k") -> dict[str, Any]:
    return {"Bucket": "lake", "Delete": {"Objects": [{"Key": key}] * count}}


def expression(removed: str) -> dict[str, Any]:
    return {"UpdateExpression": f"REMOVE {removed}", "ExpressionAttributeNames": {"#a": "state"}}


def condition(*values: str) -> dict[str, Any]:
    meanings = {value: {"S": "v"} for value in values}
    return {"KeyConditionExpression": "due_list = :a", "ExpressionAttributeValues": meanings}


CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], str]] = {
    "messages of one answer": (
        "sqs",
        "ReceiveMessage",
        {"MaxNumberOfMessages": 10},
        {"MaxNumberOfMessages": 11},
        "Max",
    ),
    "none to receive": ("sqs", "ReceiveMessage", {"MaxNumberOfMessages": 1}, {"MaxNumberOfMessages": 0}, "MaxNumber"),
    "a long poll": ("sqs", "ReceiveMessage", {"WaitTimeSeconds": 20}, {"WaitTimeSeconds": 21}, "WaitTimeSeconds"),
    "a hidden message": (
        "sqs",
        "ReceiveMessage",
        {"VisibilityTimeout": 43_200},
        {"VisibilityTimeout": 43_201},
        "VisibilityTimeout: 43201",
    ),
    "a delayed message": (
        "sqs",
        "ChangeMessageVisibility",
        {"VisibilityTimeout": 43_200},
        {"VisibilityTimeout": 43_201},
        "VisibilityTimeout: 43201",
    ),
    "a released message": (
        "sqs",
        "ChangeMessageVisibility",
        {"VisibilityTimeout": 0},
        {"VisibilityTimeout": -1},
        "VisibilityTimeout: -1",
    ),
    "messages of a batch": ("sqs", "SendMessageBatch", messages(10), messages(11), "Entries: 11"),
    "an empty batch": ("sqs", "SendMessageBatch", messages(1), messages(0), "Entries: 0"),
    "a batch's bytes": ("sqs", "SendMessageBatch", messages(2, 524_288), messages(2, 524_289), "bytes together"),
    "a label's bytes": ("sqs", "SendMessageBatch", labelled(40), labelled(41), "bytes together"),
    "an id twice": ("sqs", "SendMessageBatch", messages(2), {"Entries": [message(), message()]}, "same Id"),
    "an id's characters": (
        "sqs",
        "SendMessageBatch",
        {"Entries": [message(Id="a-_1" * 20)]},
        {"Entries": [message(Id="a.b")]},
        r"Entries\[0\].Id: 3 characters",
    ),
    "a delay": (
        "sqs",
        "SendMessageBatch",
        {"Entries": [message(DelaySeconds=900)]},
        {"Entries": [message(DelaySeconds=901)]},
        "DelaySeconds: 901",
    ),
    "a message's text": (
        "sqs",
        "SendMessageBatch",
        {"Entries": [message("\t\U0001f600")]},
        {"Entries": [message("\x1f")]},
        r"Entries\[0\].MessageBody: holds a character",
    ),
    "an empty message": (
        "sqs",
        "SendMessageBatch",
        {"Entries": [message("m")]},
        {"Entries": [message("")]},
        r"Entries\[0\].MessageBody: is empty",
    ),
    "labels": (
        "sqs",
        "SendMessageBatch",
        with_labels(*"abcdefghij"),
        with_labels(*"abcdefghijk"),
        "11 are more than 10",
    ),
    "a label's name": ("sqs", "SendMessageBatch", with_labels("a.b-_1"), with_labels("a b"), "a name does not fit"),
    "a label's length": ("sqs", "SendMessageBatch", with_labels("a" * 256), with_labels("a" * 257), "a name does not"),
    "a label of AWS's": ("sqs", "SendMessageBatch", with_labels("awsome"), with_labels("AWS.a"), "a name does not fit"),
    "a label's full stops": ("sqs", "SendMessageBatch", with_labels("a.b"), with_labels("a..b"), "a name does not fit"),
    "a label's end": ("sqs", "SendMessageBatch", with_labels("a"), with_labels("a."), "a name does not fit"),
    "a label without text": (
        "sqs",
        "SendMessageBatch",
        with_labels("a", text="s"),
        with_labels("a", text=""),
        "MessageAttributes: is empty",
    ),
    "a label's text": (
        "sqs",
        "SendMessageBatch",
        with_labels("a", text="\n"),
        with_labels("a", text="\0"),
        "MessageAttributes: holds a character",
    ),
    "events' bytes": ("events", "PutEvents", events(999_999), events(1_000_000), "1000000 bytes together"),
    "an event's type": ("events", "PutEvents", event(DetailType="t" * 128), event(DetailType="t" * 129), "128"),
    "an event without a source": ("events", "PutEvents", event(), event(Source=""), "Source: is missing"),
    "an event's text": ("events", "PutEvents", event(Detail='{"a": 1}'), event(Detail="[]"), "no JSON object"),
    "Python's JSON": ("events", "PutEvents", event(Detail='{"a": 1.5}'), event(Detail='{"a": NaN}'), "no JSON object"),
    "a key": ("s3", "PutObject", {"Key": "ą" * 512}, {"Key": "ą" * 512 + "a"}, "Key: 1025 bytes"),
    "a prefix": ("s3", "ListObjectsV2", {"Prefix": "a" * 1024}, {"Prefix": "a" * 1025}, "Prefix: 1025 bytes"),
    "metadata": ("s3", "PutObject", {"Metadata": {"a": "b" * 2047}}, {"Metadata": {"a": "b" * 2048}}, "2049 bytes"),
    "objects to delete": ("s3", "DeleteObjects", deleted(1000), deleted(1001), "1001 objects"),
    "nothing to delete": ("s3", "DeleteObjects", deleted(1), deleted(0), "0 objects"),
    "a key to delete": ("s3", "DeleteObjects", deleted(1, "k" * 1024), deleted(1, "k" * 1025), "Objects.0..Key"),
    "an object that is not there": (
        "s3",
        "PutObject",
        {"Key": "k", "IfNoneMatch": "*"},
        {"Key": "k", "IfNoneMatch": '"an etag"'},
        "IfNoneMatch",
    ),
    "a key once": ("dynamodb", "BatchGetItem", got("a", "b"), got("a", "b", "a"), "a key is there twice"),
    "a statement": (
        "dynamodb",
        "BatchExecuteStatement",
        {"Statements": [{"Statement": "INSERT INTO t VALUE {'id': ?}", "Parameters": [{"S": "a"}]}]},
        {"Statements": [{"Statement": "INSERT INTO t VALUE {'id': ?, 'n': ?}", "Parameters": [{"S": "a"}]}]},
        "1 parameters for 2 places",
    ),
    "a query": (
        "athena",
        "StartQueryExecution",
        {"QueryString": "ą" * 131_072},
        {"QueryString": "ą" * 131_072 + "a"},
        "QueryString: 262145 bytes",
    ),
    "a parameter": ("ssm", "PutParameter", {"Value": "ą" * 4096}, {"Value": "ą" * 4097}, "Value: 4097 characters"),
    "an expression": (
        "dynamodb",
        "UpdateItem",
        {"UpdateExpression": "S" * 4096},
        {"UpdateExpression": "S" * 4097},
        "UpdateExpression: 4097 bytes",
    ),
    "a name without a meaning": (
        "dynamodb",
        "UpdateItem",
        expression("#a"),
        expression("#a, #b"),
        "#b: is not",
    ),
    "a value that is not used": ("dynamodb", "Query", condition(":a"), condition(":a", ":b"), ":b: is used in no"),
    "no names": ("dynamodb", "UpdateItem", {}, {"ExpressionAttributeNames": {}}, "ExpressionAttributeNames: is empty"),
    "no expression": ("dynamodb", "Query", {}, {"FilterExpression": ""}, "FilterExpression: 0 bytes"),
    "an id": ("dynamodb", "GetItem", {"Key": {"id": {"S": "i" * 2048}}}, {"Key": {"id": {"S": "i" * 2049}}}, "Key.id"),
    "an empty id": ("dynamodb", "GetItem", {"Key": {"id": {"S": "i"}}}, {"Key": {"id": {"S": ""}}}, "Key.id: 0 bytes"),
    "a payload as text": ("lambda", "Invoke", {"Payload": "ą" * 3_145_728}, {"Payload": "ą" * 3_145_729}, "Payload"),
    "a payload": ("lambda", "Invoke", {"Payload": b" " * 6_291_456}, {"Payload": b" " * 6_291_457}, "Payload"),
}


@pytest.mark.parametrize(("service", "operation", "taken", "refused", "why"), CASES.values(), ids=CASES)
def test_a_limit_holds_to_its_last_value(service: str, operation: str, taken: Any, refused: Any, why: str) -> None:
    assert list(complaints(service, operation, taken)) == []
    (complaint,) = complaints(service, operation, refused)
    assert re.search(why, complaint)


def test_a_message_alone_may_be_too_long_for_its_queue_which_says_so() -> None:
    assert list(complaints("sqs", "SendMessageBatch", messages(1, 2_000_000))) == []


def test_the_size_of_a_stream_is_not_asked() -> None:
    assert list(complaints("lambda", "Invoke", {"Payload": io.BytesIO(b"{}")})) == []
