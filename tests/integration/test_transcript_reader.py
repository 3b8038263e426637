"""A document that is written into the emulator's bucket becomes a row of the inbox, an event and READY (rule 31).

The bucket tells a queue of documents as template.yaml has it; the reader is put together as in its function.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import EventBridgeBus, SqsQueue
from call_lake.aws.s3 import S3ObjectStore
from call_lake.bucket.inbox import read_lines
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcripts import TranscriptState
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import TranscriptPlace
from call_lake.transcripts.reader import DocumentMessage, Outcome, ReaderPorts, ReadReport, TranscriptReader
from call_lake.transcripts.sweep import DocumentSweep, SweepDays
from call_lake_local.emulator import Emulator
from tests.support.fakes.provider import make_recording
from tests.support.reading import document
from tests.support.resolved import Resolved
from tests.support.transcripts import amazon_document

NAME = "documents-read"
IN_TIME_S = 30.0
RECORDING = make_recording(7)


class Account:
    """A bucket, a ledger, a bus, the reader's queue, and a queue that hears of the bus."""

    def __init__(self, aws: boto3.Session, url: str) -> None:
        config = Config(s3={"addressing_style": "path"})
        self.clients: dict[str, Any] = {
            name: aws.client(name, endpoint_url=url, config=config) for name in ("s3", "sqs", "dynamodb", "events")
        }
        self.documents, self.heard = self._queue("documents"), self._queue("heard")
        self.clients["events"].create_event_bus(Name=NAME)
        self._rule()
        self._ledger()
        self._bucket(aws.region_name)
        self.store = S3ObjectStore(self.clients["s3"], NAME)
        self.table = DynamoTable(self.clients["dynamodb"], NAME)
        bus = EventBridgeBus(self.clients["events"], NAME)
        self.ports = ReaderPorts(Ledger(self.table, SystemClock(), 1.0), self.store, bus, SystemClock())

    def _queue(self, name: str) -> SqsQueue:
        url = self.clients["sqs"].create_queue(QueueName=f"{NAME}-{name}")["QueueUrl"]
        return SqsQueue(self.clients["sqs"], url)

    def arn_of(self, queue: SqsQueue) -> str:
        asked = {"QueueUrl": queue.url, "AttributeNames": ["QueueArn"]}
        return str(self.clients["sqs"].get_queue_attributes(**asked)["Attributes"]["QueueArn"])

    def _rule(self) -> None:
        pattern = json.dumps({"source": ["call-lake"], "detail-type": ["Transcript Ready"]})
        self.clients["events"].put_rule(Name=NAME, EventBusName=NAME, EventPattern=pattern)
        targets = [{"Id": "heard", "Arn": self.arn_of(self.heard)}]
        self.clients["events"].put_targets(Rule=NAME, EventBusName=NAME, Targets=targets)

    def _ledger(self) -> None:
        self.clients["dynamodb"].create_table(
            TableName=NAME,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )

    def _bucket(self, region: str) -> None:
        """It tells of what the template's bucket tells of, and its queue lets S3 in as the template's does."""
        self.clients["s3"].create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": region})
        made = Resolved(EnableTranscription="true", IsCloud="false")
        policy = made.properties("TranscriptDocumentsPolicy")["PolicyDocument"]
        policy["Statement"][0]["Resource"] = self.arn_of(self.documents)
        self.clients["sqs"].set_queue_attributes(QueueUrl=self.documents.url, Attributes={"Policy": json.dumps(policy)})
        (told,) = made.properties("Bucket")["NotificationConfiguration"]["QueueConfigurations"]
        filters = [{"Name": one["Name"], "Value": one["Value"]} for one in told["Filter"]["S3Key"]["Rules"]]
        notice = {
            "QueueArn": self.arn_of(self.documents),
            "Events": [told["Event"]],
            "Filter": {"Key": {"FilterRules": filters}},
        }
        configuration = {"QueueConfigurations": [notice]}
        self.clients["s3"].put_bucket_notification_configuration(Bucket=NAME, NotificationConfiguration=configuration)

    def received(self, queue: SqsQueue) -> list[DocumentMessage]:
        """What waits, within a second; it is deleted."""
        found = self.clients["sqs"].receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages = found.get("Messages", ())
        for one in messages:
            self.clients["sqs"].delete_message(QueueUrl=queue.url, ReceiptHandle=one["ReceiptHandle"])
        return [DocumentMessage(one["MessageId"], one["Body"]) for one in messages]

    def read_until(self, outcome: Outcome) -> ReadReport:
        """Read all messages until a document comes to this."""
        reader, end = TranscriptReader(self.ports, "pl-PL"), time.monotonic() + IN_TIME_S
        while time.monotonic() < end:
            report = reader.read_batch(self.received(self.documents), end + IN_TIME_S)
            assert not report.again
            if outcome in report.outcomes:
                return report
        raise AssertionError(f"no document came to {outcome}")


def waited[T](look: Callable[[], T]) -> T:
    """What ``look`` returns once that is something."""
    end = time.monotonic() + IN_TIME_S
    while time.monotonic() < end:
        if found := look():
            return found
    raise AssertionError("nothing came")


@pytest.fixture(scope="module")
def account(aws: boto3.Session, emulator: Emulator) -> Iterator[Account]:
    made = Account(aws, emulator.endpoint.url)
    made.ports.ledger.discovered(RECORDING)
    yield made
    made.store.delete_versions(list(made.store.list_versions("")))
    made.clients["s3"].delete_bucket(Bucket=NAME)


def place_of(engine: str) -> TranscriptPlace:
    return TranscriptPlace.of_key(
        f"transcripts/{engine}/{RECORDING.source}/{RECORDING.call_date}/{RECORDING.recording_id}.json"
    ) or pytest.fail("no key of a document")


def test_a_document_becomes_a_row_an_event_and_ready_and_goes_when_its_recording_is_erased(account: Account) -> None:
    place = place_of("example")
    account.store.put(place.key, json.dumps(document("dzień dobry", language="pl-PL")).encode())
    account.read_until(Outcome.READY)

    [waiting] = account.store.list(TRANSCRIPTS.inbox)
    [row] = [json.loads(line) for line in read_lines(account.store, waiting.key)]
    assert (row["recording_id"], row["engine"], row["text"]) == (RECORDING.recording_id, "example", "dzień dobry")
    [event] = waited(lambda: account.received(account.heard))
    assert json.loads(event.body)["detail"]["key"] == place.key
    entry = account.ports.transcripts("example").entry(RECORDING.recording_id)
    assert entry is not None
    assert entry.state is TranscriptState.READY

    account.store.put(place_of("aws").key, amazon_document(1, 2))
    waited(lambda: account.received(account.documents))  # its message is lost
    sweep = DocumentSweep(account.table, account.store, account.documents, SystemClock())
    day = SweepDays(RECORDING.call_date, RECORDING.call_date)
    swept = sweep.run(day, time.monotonic() + IN_TIME_S)
    assert (swept.engines, swept.documents, swept.sent) == (["aws", "example"], 2, 1)
    account.read_until(Outcome.READY)

    account.ports.ledger.erase(RECORDING.recording_id, RECORDING.source, RECORDING.call_date)
    account.store.put(place.key, json.dumps(document("too late")).encode())
    account.read_until(Outcome.ERASED)
    assert account.store.head(place.key) is None
