"""The transcriber on the emulator, which writes documents and tells of ends as Amazon Transcribe does (rule 30)."""

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import boto3
import pytest
from botocore.config import Config

from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import SqsQueue
from call_lake.aws.s3 import S3ObjectStore
from call_lake.aws.transcribe import JobOptions, TranscribeJobs
from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.layout import Partition, redacted_key, transcript_key
from call_lake.model.transcribing import Job, JobStatus, StartResult, Wanted
from call_lake.transcribing.parts import TranscriberPorts
from call_lake.transcribing.transcriber import Message, Transcriber
from call_lake_local.emulator import Emulator

BUCKET, PREFIX = "transcribed", "transcribed-"
DAY = date(2026, 11, 20)
PLACE = Partition("thulium", DAY)
IN_TIME_S = 30.0


class Account:
    """What a transcriber needs of the emulator, and a queue that hears of ends."""

    def __init__(self, aws: boto3.Session, url: str) -> None:
        config = Config(s3={"addressing_style": "path"})
        self.clients: dict[str, Any] = {
            name: aws.client(name, endpoint_url=url, config=config)
            for name in ("s3", "sqs", "dynamodb", "transcribe", "events")
        }
        place = {"LocationConstraint": aws.region_name}
        self.clients["s3"].create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        self.store = S3ObjectStore(self.clients["s3"], BUCKET)
        self.queue, self.documents, self.dead = (self._queue(name) for name in ("ends", "documents", "dead"))
        self._ledger()
        self._rule()
        self.table = DynamoTable(self.clients["dynamodb"], BUCKET)

    def jobs(self, options: JobOptions) -> TranscribeJobs:
        return TranscribeJobs(self.clients["transcribe"], PREFIX, options)

    def transcriber(self, options: JobOptions) -> Transcriber:
        ports = TranscriberPorts(self.table, self.store, self.jobs(options), self.queue, self.documents, SystemClock())
        return Transcriber(ports, self.dead, PREFIX, 100)

    def next_end(self) -> str:
        """The body of the next message that says a job has ended."""
        until = time.monotonic() + IN_TIME_S
        while time.monotonic() < until:
            found = self.clients["sqs"].receive_message(QueueUrl=self.queue.url, WaitTimeSeconds=2).get("Messages", ())
            for message in found:
                self.clients["sqs"].delete_message(QueueUrl=self.queue.url, ReceiptHandle=message["ReceiptHandle"])
                return str(message["Body"])
        raise AssertionError("no job has ended")

    def _queue(self, name: str) -> SqsQueue:
        url = self.clients["sqs"].create_queue(QueueName=f"{BUCKET}-{name}")["QueueUrl"]
        return SqsQueue(self.clients["sqs"], url)

    def _ledger(self) -> None:
        names = ("id", "due_list", "due_at")
        index = {
            "IndexName": "due",
            "KeySchema": [
                {"AttributeName": "due_list", "KeyType": "HASH"},
                {"AttributeName": "due_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
        self.clients["dynamodb"].create_table(
            TableName=BUCKET,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[index],
        )

    def _rule(self) -> None:
        """As in template.yaml (test_template.py)."""
        pattern = {
            "source": ["aws.transcribe"],
            "detail-type": ["Transcribe Job State Change"],
            "detail": {
                "TranscriptionJobStatus": ["COMPLETED", "FAILED"],
                "TranscriptionJobName": [{"prefix": PREFIX}],
            },
        }
        self.clients["events"].put_rule(Name=BUCKET, EventPattern=json.dumps(pattern))
        asked = {"QueueUrl": self.queue.url, "AttributeNames": ["QueueArn"]}
        arn = self.clients["sqs"].get_queue_attributes(**asked)["Attributes"]["QueueArn"]
        self.clients["events"].put_targets(Rule=BUCKET, Targets=[{"Id": "ends", "Arn": arn}])


@pytest.fixture(scope="module")
def account(aws: boto3.Session, emulator: Emulator) -> Iterator[Account]:
    made = Account(aws, emulator.endpoint.url)
    yield made
    made.clients["events"].remove_targets(Rule=BUCKET, Ids=["ends"])
    made.clients["events"].delete_rule(Name=BUCKET)
    made.store.delete([one.key for one in made.store.list("")])
    made.clients["s3"].delete_bucket(Bucket=BUCKET)


def wanted_by(account: Account, number: int, *, is_there: bool = True) -> Wanted:
    id = f"thulium-{number:032x}"
    key = f"{PLACE.audio}{id}.wav"
    if is_there:
        account.store.put(key, b"RIFF")
    return Wanted(id, PLACE, BUCKET, key, "wav", 4, channels=2, seconds=1.0)


def message_of(wanted: Wanted) -> Message:
    stored = {
        "recording_id": wanted.recording_id,
        "source": PLACE.source,
        "call_date": DAY.isoformat(),
        "bucket": wanted.bucket,
        "key": wanted.key,
        "format": wanted.format,
        "bytes": wanted.bytes,
        "channels": wanted.channels,
        "seconds": wanted.seconds,
    }
    return Message("1", json.dumps({"detail-type": "Recording Stored", "detail": stored}), 1)


def test_a_job_is_started_once_seen_to_its_end_and_deleted(account: Account) -> None:
    jobs = account.jobs(JobOptions(("pl-PL",)))
    wanted = wanted_by(account, 1)

    assert [jobs.start(wanted).result for _ in range(2)] == [StartResult.STARTED, StartResult.EXISTS]
    assert jobs.job(wanted.recording_id) == Job(JobStatus.IN_PROGRESS)
    assert wanted.recording_id in account.next_end()
    assert jobs.job(wanted.recording_id) == Job(JobStatus.COMPLETED)
    document = account.store.get(transcript_key(PLACE, "aws", wanted.recording_id))
    assert document is not None
    assert json.loads(document[0])["results"]["transcripts"]
    assert jobs.delete(wanted.recording_id)
    assert jobs.job(wanted.recording_id) is None


def test_a_masked_document_comes_to_where_everybody_looks(account: Account) -> None:
    transcriber = account.transcriber(JobOptions(("en-US",), redaction=True))
    wanted = wanted_by(account, 2)

    assert transcriber.take([message_of(wanted)])[0] == []
    end = account.next_end()
    assert account.store.head(redacted_key(PLACE, wanted.recording_id)) is not None
    assert transcriber.take([Message("1", end, 1)])[0] == []

    assert account.store.head(redacted_key(PLACE, wanted.recording_id)) is None
    moved = account.store.get(transcript_key(PLACE, "aws", wanted.recording_id))
    assert moved is not None
    assert b"[PII]" in moved[0]


def test_a_job_without_its_audio_fails_with_amazons_reason(account: Account) -> None:
    transcriber = account.transcriber(JobOptions(("pl-PL", "en-GB")))
    wanted = wanted_by(account, 3, is_there=False)

    transcriber.take([message_of(wanted)])
    transcriber.take([Message("1", account.next_end(), 1)])

    entry = TranscriptLedger(account.table, SystemClock(), "aws").entry(wanted.recording_id)
    assert entry is not None
    assert entry.state is TranscriptState.FAILED
    assert "can't be accessed" in (entry.reason or "")
