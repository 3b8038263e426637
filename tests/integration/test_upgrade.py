"""Rule 35 on the local stack: today's code and Athena go on from what a kept version stored.

The kept account is put into the emulator through the adapters that the functions have.
"""

from typing import Any

import boto3
import pytest
from botocore.config import Config

from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.glue import GlueCatalog
from call_lake.aws.messages import EventBridgeBus, SqsQueue
from call_lake.aws.s3 import S3ObjectStore
from call_lake.copying.outcome import Message, Verdict
from call_lake.ledger.entry import State, state_of
from call_lake.model.lake_tables import CALLS, CALLS_OPEN, SOUND, TRANSCRIPTS
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake
from tests.support.fakes import World
from tests.support.items import put
from tests.support.pipeline import Pipeline
from tests.support.template import properties
from tests.upgrade.kept import VERSIONS, restored

SETTLED = (State.STORED, State.EXPIRED, State.ERASED)


class Deployed:
    """The kept account in the emulator, and the parts of today's functions over it."""

    def __init__(self, aws: Any, emulator: Emulator, version: str) -> None:
        self.kept = restored(version)
        self.name = f"upgraded-{version.replace('.', '-')}"
        path_style = Config(s3={"addressing_style": "path"})
        names = ("s3", "sqs", "dynamodb", "events")
        self.clients: dict[str, Any] = {
            name: aws.client(name, endpoint_url=emulator.endpoint.url, config=path_style) for name in names
        }
        self.lake = Lake(aws, emulator, self.kept.world.store.bucket)
        self._bucket()
        self.table = self._ledger()
        self.catalog = self._tables()
        self.queues = {name: self._queue(name) for name in self.kept.world.queues}
        self.clients["events"].create_event_bus(Name=self.name)
        world: Any = World(
            clock=self.kept.world.clock,
            calls=self.kept.world.calls,
            store=S3ObjectStore(self.clients["s3"], self.kept.world.store.bucket),  # type: ignore[arg-type]
            table=self.table,  # type: ignore[arg-type]
            catalog=self.catalog,  # type: ignore[arg-type]
            bus=EventBridgeBus(self.clients["events"], self.name),  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            dlq=self._queue("dead-letters"),  # type: ignore[arg-type]
            secrets=self.kept.world.secrets,
        )
        self.pipeline = Pipeline(world, self.kept.providers)

    def _bucket(self) -> None:
        store, s3 = self.kept.world.store, self.clients["s3"]
        for key, found in store._objects.items():
            s3.put_object(Bucket=store.bucket, Key=key, Body=found.body, Metadata=dict(found.info.metadata or {}))

    def _ledger(self) -> DynamoTable:
        made = properties("Ledger")
        wanted = {name: made[name] for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")}
        self.clients["dynamodb"].create_table(TableName=self.name, BillingMode="PAY_PER_REQUEST", **wanted)
        table = DynamoTable(self.clients["dynamodb"], self.name)
        for item in self.kept.world.table.items().values():
            put(table, item)
        return table

    def _tables(self) -> GlueCatalog:
        """As the template describes them, with the partitions that were registered."""
        for table in (CALLS, TRANSCRIPTS, SOUND, CALLS_OPEN):
            self.lake.create_lake_table(table.name, tuple(table.columns.items()))
            self.lake.catalog.register(table.name, sorted(self.kept.world.catalog.seen(table.name)))
        return self.lake.catalog

    def _queue(self, name: str) -> SqsQueue:
        queue = SqsQueue(
            self.clients["sqs"], self.clients["sqs"].create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        )
        if name in self.kept.world.queues:
            queue.send(self.kept.world.queues[name].waiting())
        return queue

    def copy(self, source: str) -> None:
        """Every message of the source that is visible, as the event source mapping hands them over."""
        sqs, url = self.clients["sqs"], self.queues[source].url
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages = [Message(one["MessageId"], one["Body"], one["ReceiptHandle"], 1) for one in received]
            report = self.pipeline.copy_batch(messages)
            for one in received:
                if report.verdicts[one["MessageId"]] is Verdict.DONE:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])

    def counts(self, table: str) -> tuple[str | None, ...]:
        return self.lake.rows(f"SELECT count(*), count(DISTINCT recording_id) FROM {table}")[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_todays_functions_and_athena_go_on_from_it(aws: boto3.Session, emulator: Emulator, version: str) -> None:
    deployed = Deployed(aws, emulator, version)
    before = deployed.counts("calls")
    downloaded: list[str] = []
    for source, provider in deployed.kept.providers.items():
        provider.on_audio = lambda recording: downloaded.append(recording.recording_id)
        deployed.pipeline.book(source).resume()
    was = {item["id"]: state_of(item) for item in deployed.kept.world.table.items().values() if "#" not in item["id"]}

    for source in deployed.kept.providers:
        assert deployed.pipeline.poll(source).trouble is None
        deployed.copy(source)
    result = deployed.pipeline.compact()

    now = {item["id"]: state_of(item) for item in deployed.table.scan(["id", "state"]) if "#" not in item["id"]}
    rows, recordings = deployed.counts("calls")
    assert not result.failed
    assert now.keys() == was.keys()
    assert {id: now[id] for id, state in was.items() if state in SETTLED} == {
        id: state for id, state in was.items() if state in SETTLED
    }
    assert len(downloaded) == len(set(downloaded)) > 0
    assert {id for id in downloaded if was[id] in SETTLED} == set()
    assert rows == recordings
    assert int(rows or 0) > int(before[0] or 0)
