"""Limits that AWS's API Reference states and its models lack: those that a request of ours could meet.

A message that is alone in its batch may be too long or hold a character that SQS refuses. The code sends it on purpose,
and takes the refusal (call_lake/aws/messages.py).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Complaints = Iterator[str]
RANGES = {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    ("sqs", "ReceiveMessage", "MaxNumberOfMessages"): (1, 10),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
    ("sqs", "ReceiveMessage", "WaitTimeSeconds"): (0, 20),
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html
ENTRY_ID = re.compile("[A-Za-z0-9_-]{1,80}")
MAX_DELAY_S = 900
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
BATCH_ENTRIES = 10
BATCH_BYTES = 1_048_576
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
DETAIL_TYPE_CHARACTERS = 128
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
EVENTS_BYTES = 1_048_576
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_BYTES = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
METADATA_BYTES = 2048
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETED_KEYS = 1000
"""At least one: https://github.com/aws/aws-sdk-ruby/issues/1114"""
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
EXPRESSION_BYTES = 4096
HASH_KEY_BYTES = 2048
# As DynamoDB answers: https://github.com/aws/aws-sdk-go-v2/issues/285, https://github.com/getmoto/moto/pull/9006,
# https://github.com/aws-amplify/amplify-cli/issues/5573
PLACEHOLDER = re.compile(r"[#:]\w+")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_BYTES = 6 * 1024 * 1024


def complaints(service: str, operation: str, params: Mapping[str, Any]) -> Complaints:
    """What AWS would refuse of a request that botocore takes."""
    for (of_service, of_operation, name), (lowest, highest) in RANGES.items():
        if (of_service, of_operation) == (service, operation) and not lowest <= params.get(name, lowest) <= highest:
            yield f"{name}: {params[name]} is not {lowest} to {highest}"
    rule = _RULES.get((service, operation)) or _RULES.get((service, ""))
    if rule is not None:
        yield from rule(params)


def _send_batch(params: Mapping[str, Any]) -> Complaints:
    entries = params.get("Entries", ())
    if not 1 <= len(entries) <= BATCH_ENTRIES:
        yield f"Entries: {len(entries)} entries are not 1 to {BATCH_ENTRIES}"
    ids = [entry["Id"] for entry in entries]
    if len(set(ids)) < len(ids):
        yield "Entries: two entries have the same Id"
    for number, entry in enumerate(entries):
        if not ENTRY_ID.fullmatch(entry["Id"]):
            yield f"Entries[{number}].Id: {len(entry['Id'])} characters do not fit {ENTRY_ID.pattern}"
        if not 0 <= entry.get("DelaySeconds", 0) <= MAX_DELAY_S:
            yield f"Entries[{number}].DelaySeconds: {entry['DelaySeconds']} is not 0 to {MAX_DELAY_S}"
    size = sum(map(_message_bytes, entries))
    if len(entries) > 1 and size > BATCH_BYTES:
        yield f"Entries: {size} bytes together are more than {BATCH_BYTES}"


def _message_bytes(entry: Mapping[str, Any]) -> int:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""
    attributes = entry.get("MessageAttributes", {})
    return size_bytes(entry["MessageBody"]) + sum(
        size_bytes(name) + size_bytes(value["DataType"]) + size_bytes(value.get("StringValue", ""))
        for name, value in attributes.items()
    )


def _put_events(params: Mapping[str, Any]) -> Complaints:
    for number, entry in enumerate(params.get("Entries", ())):
        where = f"Entries[{number}]"
        yield from (f"{where}.{name}: is missing" for name in ("Source", "DetailType", "Detail") if not entry.get(name))
        if len(entry.get("DetailType", "")) > DETAIL_TYPE_CHARACTERS:
            yield f"{where}.DetailType: more than {DETAIL_TYPE_CHARACTERS} characters"
        if not _is_json_object(entry.get("Detail", "{}")):
            yield f"{where}.Detail: is no JSON object"
    texts = ("Source", "DetailType", "Detail")
    size = sum(size_bytes(entry.get(name, "")) for entry in params.get("Entries", ()) for name in texts)
    if size >= EVENTS_BYTES:
        yield f"Entries: {size} bytes together are not less than {EVENTS_BYTES}"


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_refuse_constant), dict)
    except ValueError:
        return False


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is Python's, and no JSON")


def _objects(params: Mapping[str, Any]) -> Complaints:
    keys = {name: params[name] for name in ("Key", "Prefix", "StartAfter") if name in params}
    objects = params.get("Delete", {}).get("Objects", ())
    keys |= {f"Delete.Objects[{number}].Key": one["Key"] for number, one in enumerate(objects)}
    for name, key in keys.items():
        if size_bytes(key) > KEY_BYTES:
            yield f"{name}: {size_bytes(key)} bytes are more than {KEY_BYTES}"
    if "Delete" in params and not 1 <= len(objects) <= DELETED_KEYS:
        yield f"Delete.Objects: {len(objects)} objects are not 1 to {DELETED_KEYS}"
    size = sum(size_bytes(name) + size_bytes(value) for name, value in params.get("Metadata", {}).items())
    if size > METADATA_BYTES:
        yield f"Metadata: {size} bytes are more than {METADATA_BYTES}"


def _table(params: Mapping[str, Any]) -> Complaints:
    for name, value in params.items():
        if name.endswith("Expression") and not 1 <= size_bytes(value) <= EXPRESSION_BYTES:
            yield f"{name}: {size_bytes(value)} bytes are not 1 to {EXPRESSION_BYTES}"
    yield from _placeholders(params)
    for name, value in params.get("Key", {}).items():
        text = value.get("S")
        if text is not None and not 1 <= size_bytes(text) <= HASH_KEY_BYTES:
            yield f"Key.{name}: {size_bytes(text)} bytes are not 1 to {HASH_KEY_BYTES}"


def _placeholders(params: Mapping[str, Any]) -> Complaints:
    """Each one has a meaning and is used."""
    used = {one for name, text in params.items() if name.endswith("Expression") for one in PLACEHOLDER.findall(text)}
    given = {name: params[name] for name in ("ExpressionAttributeNames", "ExpressionAttributeValues") if name in params}
    defined = {one for meanings in given.values() for one in meanings}
    yield from (f"{name}: is empty" for name, meanings in given.items() if not meanings)
    for one in sorted(used ^ defined):
        yield f"{one}: is {'not defined' if one in used else 'used in no expression'}"


def _invoke(params: Mapping[str, Any]) -> Complaints:
    payload = params.get("Payload", b"")
    size = size_bytes(payload) if isinstance(payload, bytes | bytearray | str) else 0  # a stream's is unknown
    if size > PAYLOAD_BYTES:
        yield f"Payload: {size} bytes are more than {PAYLOAD_BYTES}"


def size_bytes(value: str | bytes | bytearray) -> int:
    """A text's in UTF-8."""
    return len(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value)


_RULES: dict[tuple[str, str], Callable[[Mapping[str, Any]], Complaints]] = {
    ("sqs", "SendMessageBatch"): _send_batch,
    ("events", "PutEvents"): _put_events,
    ("s3", ""): _objects,
    ("dynamodb", ""): _table,
    ("lambda", "Invoke"): _invoke,
}
"""By service and operation; an empty operation means all of the service's."""
