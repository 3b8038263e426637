"""Limits that AWS's API Reference states and its models lack: those that a request of ours could meet.

A message that is alone in its batch may be too long. The code sends it on purpose, and takes the refusal
(call_lake/aws/messages.py).
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
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
    ("sqs", "ReceiveMessage", "VisibilityTimeout"): (0, 43_200),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
    ("sqs", "ChangeMessageVisibility", "VisibilityTimeout"): (0, 43_200),
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html
ENTRY_ID = re.compile("[A-Za-z0-9_-]{1,80}")
MAX_DELAY_S = 900
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
BATCH_ENTRIES = 10
BATCH_BYTES = 1_048_576
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
NO_TEXT_OF_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
LABELS = 10
LABEL = re.compile(r"(?!(?i:aws\.|amazon\.))(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
DETAIL_TYPE_CHARACTERS = 128
# AWS says less than 1 MB. It does not say which of the two, so this is the smaller one:
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html. How an entry counts:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
EVENTS_BYTES = 1_000_000
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_BYTES = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
METADATA_BYTES = 2048
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
ABSENT = "*"
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
# Bytes, where the model counts characters: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html
QUERY_BYTES = 262_144
# Of a standard parameter. This page says 4 KB, and the refusal that AWS answers says 4,096 characters:
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
PARAMETER_CHARACTERS = 4096


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
        yield from (f"Entries[{number}].{complaint}" for complaint in _message(entry))
    size = sum(map(_message_bytes, entries))
    if len(entries) > 1 and size > BATCH_BYTES:
        yield f"Entries: {size} bytes together are more than {BATCH_BYTES}"


def _message(entry: Mapping[str, Any]) -> Complaints:
    labels = entry.get("MessageAttributes", {})
    if len(labels) > LABELS:
        yield f"MessageAttributes: {len(labels)} are more than {LABELS}"
    if any(not LABEL.fullmatch(name) for name in labels):
        yield f"MessageAttributes: a name does not fit {LABEL.pattern}"
    texts = [("MessageBody", entry["MessageBody"])]
    texts += [("MessageAttributes", value["StringValue"]) for value in labels.values() if "StringValue" in value]
    for where, text in texts:
        if not text:
            yield f"{where}: is empty"
        if NO_TEXT_OF_SQS.search(text):
            yield f"{where}: holds a character that SQS refuses"


def _message_bytes(entry: Mapping[str, Any]) -> int:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html"""
    attributes = entry.get("MessageAttributes", {})
    return size_bytes(entry["MessageBody"]) + sum(
        size_bytes(name) + size_bytes(value["DataType"]) + size_bytes(value.get("StringValue", ""))
        for name, value in attributes.items()
    )


def _put_events(params: Mapping[str, Any]) -> Complaints:
    size = sum(map(_event_bytes, params.get("Entries", ())))
    if size >= EVENTS_BYTES:
        yield f"Entries: {size} bytes together are not less than {EVENTS_BYTES}"
    for number, entry in enumerate(params.get("Entries", ())):
        where = f"Entries[{number}]"
        yield from (f"{where}.{name}: is missing" for name in ("Source", "DetailType", "Detail") if not entry.get(name))
        if len(entry.get("DetailType", "")) > DETAIL_TYPE_CHARACTERS:
            yield f"{where}.DetailType: more than {DETAIL_TYPE_CHARACTERS} characters"
        if not _is_json_object(entry.get("Detail", "{}")):
            yield f"{where}.Detail: is no JSON object"


def _event_bytes(entry: Mapping[str, Any]) -> int:
    """Of what our entries have."""
    return sum(size_bytes(entry.get(name, "")) for name in ("Source", "DetailType", "Detail"))


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
    if params.get("IfNoneMatch", ABSENT) != ABSENT:
        yield f"IfNoneMatch: is not {ABSENT}"


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


def _batch_get(params: Mapping[str, Any]) -> Complaints:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    for number, wanted in enumerate(params["RequestItems"].values()):
        keys = [json.dumps(key, sort_keys=True, default=repr) for key in wanted["Keys"]]
        if len(set(keys)) < len(keys):
            yield f"RequestItems (table {number}): a key is there twice"


def _statements(params: Mapping[str, Any]) -> Complaints:
    for number, one in enumerate(params["Statements"]):
        asked, given = one["Statement"].count("?"), len(one.get("Parameters", ()))
        if asked != given:
            yield f"Statements[{number}]: {given} parameters for {asked} places"


def _query(params: Mapping[str, Any]) -> Complaints:
    if size_bytes(params["QueryString"]) > QUERY_BYTES:
        yield f"QueryString: {size_bytes(params['QueryString'])} bytes are more than {QUERY_BYTES}"


def _put_parameter(params: Mapping[str, Any]) -> Complaints:
    if len(params["Value"]) > PARAMETER_CHARACTERS:
        yield f"Value: {len(params['Value'])} characters are more than {PARAMETER_CHARACTERS}"


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
    ("dynamodb", "BatchGetItem"): _batch_get,
    ("dynamodb", "BatchExecuteStatement"): _statements,
    ("dynamodb", ""): _table,
    ("athena", "StartQueryExecution"): _query,
    ("ssm", "PutParameter"): _put_parameter,
    ("lambda", "Invoke"): _invoke,
}
"""By service and operation; an empty operation means all of the service's."""
