"""Queues on SQS and the event bus on EventBridge."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from call_lake.aws.client import calling, code_of, in_batches, send_all
from call_lake.ports import HIDDEN_S, DeadLetter

BATCH = 10  # SendMessageBatch and PutEvents
BATCH_BYTES = 256 * 1024
"""What every queue takes. New ones take 1 MiB, and those of before August 2025 take 256 KiB, unless they are told:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
NOT_ALLOWED = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS refuses: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
REFUSALS = ("BatchRequestTooLong", "InvalidMessageContents", "InvalidParameterValue")
"""Refusals of a whole batch for what one of its messages holds."""


class SqsQueue:
    """One queue."""

    def __init__(self, client: Any, url: str) -> None:
        self.url = url
        self._client = client

    def send(self, bodies: Sequence[str], *, attributes: Mapping[str, str] | None = None) -> None:
        what = f"SendMessageBatch to {self.url}"
        extra = {name: {"DataType": "String", "StringValue": text} for name, text in (attributes or {}).items()}
        fixed = sum(len(name) + len("String") + len(text.encode()) for name, text in (attributes or {}).items())

        def send(positions: Sequence[int]) -> dict[int, str]:
            bad = [position for position in positions if NOT_ALLOWED.search(bodies[position])]
            refused = dict.fromkeys(bad, "InvalidMessageContents")
            entries = [
                {"Id": str(position), "MessageBody": bodies[position], "MessageAttributes": extra}
                for position in positions
                if position not in refused
            ]
            if not entries:
                return refused
            with calling(what):
                try:
                    answer = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
                except ClientError as error:
                    if not code_of(error).endswith(REFUSALS):
                        raise
                    return dict.fromkeys(positions, code_of(error))
            return refused | {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}

        send_all(what, _by_size(bodies, fixed), send)

    def delay(self, receipt_handle: str, seconds: int) -> None:
        with calling(f"ChangeMessageVisibility in {self.url}"):
            self._client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )


def _by_size(bodies: Sequence[str], fixed_bytes: int) -> Iterator[list[int]]:
    """Positions in batches of at most 10 messages and 256 KiB; a larger message is alone in its batch."""
    batch: list[int] = []
    total = 0
    for position, body in enumerate(bodies):
        size = len(body.encode("utf-8", "surrogatepass")) + fixed_bytes
        if batch and (len(batch) == BATCH or total + size > BATCH_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(position)
        total += size
    if batch:
        yield batch


class EventBridgeBus:
    """One bus. All our events have the source ``call-lake``."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, detail_type: str, details: Sequence[Mapping[str, Any]]) -> None:
        def send(positions: Sequence[int]) -> dict[int, str]:
            entries = [
                {
                    "EventBusName": self._name,
                    "Source": "call-lake",
                    "DetailType": detail_type,
                    "Detail": json.dumps(details[position], ensure_ascii=False),
                }
                for position in positions
            ]
            with calling(f"PutEvents on {self._name}"):
                answers = self._client.put_events(Entries=entries)["Entries"]
            return {
                position: answer["ErrorCode"]
                for position, answer in zip(positions, answers, strict=True)
                if "ErrorCode" in answer
            }

        send_all(f"PutEvents on {self._name}", in_batches(len(details), BATCH), send)


class SqsDeadLetters:
    """The dead-letter queue of a stack."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url
        self._queue = SqsQueue(client, url)

    def __len__(self) -> int:
        """About how many there are, hidden ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return sum(int(found.get(name, 0)) for name in names)

    def receive(self) -> list[DeadLetter]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_S,
            WaitTimeSeconds=1,  # above 0 all of SQS's servers are asked, so that empty means empty
            MessageAttributeNames=["All"],
        )
        return [
            DeadLetter(
                message["MessageId"],
                message["Body"],
                message["ReceiptHandle"],
                {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()},
            )
            for message in answer.get("Messages", ())
        ]

    def delete(self, receipt_handle: str) -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt_handle)

    def release(self, receipt_handle: str) -> None:
        self._queue.delay(receipt_handle, 0)
