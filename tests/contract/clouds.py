"""The implementations: memory, and the boto3 adapters on whatever their clients talk to."""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
from botocore.config import Config

from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.glue import GlueCatalog
from call_lake.aws.messages import EventBridgeBus, SqsQueue
from call_lake.aws.parameters import SecretsManagerSecrets
from call_lake.aws.s3 import S3ObjectStore
from call_lake.model.layout import Partition
from tests.contract.kits import BusKit, CatalogKit, Cloud, QueueKit, SecretsKit, StoreKit, TableKit
from tests.contract.refuser import Refuser, answer_conflict, small_pages
from tests.support.fakes import MemoryBus, MemoryQueue, MemorySecrets, MemoryStore, MemoryTable, Received, World

REGION = "eu-central-1"
VISIBILITY_S = 2
"""Short enough to wait for, long enough that a busy machine does not see a message come back before its test looks."""
MAX_RECEIVES = 2


class MemoryCloud(Cloud):
    name = "memory"

    def __init__(self) -> None:
        self.world = World.make()

    def now(self) -> datetime:
        return self.world.clock.now()

    def pause(self) -> None:
        self.world.clock.advance(timedelta(seconds=0.25))

    def store(self) -> StoreKit:
        store: MemoryStore = self.world.store

        def conflict() -> None:
            store.conflicts = 1

        def keep_versions() -> None:
            store.versioned = True

        def refuse(what: Mapping[int, str], times: int) -> None:
            store.refuse_deletes(*what, times=times)

        return StoreKit(store, refuse, conflict, lambda: None, keep_versions)

    def queue(self) -> QueueKit:
        world = self.world
        dead = MemoryQueue("dead", world.clock, world.calls)
        queue = MemoryQueue(
            "queue",
            world.clock,
            world.calls,
            visibility_s=VISIBILITY_S,
            dlq=dead,
            max_receive_count=MAX_RECEIVES,
        )

        def refuse(what: Mapping[int, str], times: int) -> None:
            queue.refuse_sends(*what, times=times)

        return QueueKit(queue, refuse, queue.receive, queue.delete, dead.receive)

    def table(self) -> TableKit:
        table: MemoryTable = self.world.table
        return TableKit(table, lambda: None)

    def catalog(self) -> CatalogKit:
        catalog = self.world.catalog
        return CatalogKit(catalog, partial(catalog.add_column, "calls"), partial(catalog.move, "calls"))

    def bus(self) -> BusKit:
        bus: MemoryBus = self.world.bus

        def events() -> list[dict[str, Any]]:
            return [
                {"source": event.source, "detail-type": event.detail_type, "detail": event.detail}
                for event in bus.events
            ]

        return BusKit(bus, lambda what, times: bus.refuse_events(*what, times=times), events)

    def secrets(self) -> SecretsKit:
        secrets: MemorySecrets = self.world.secrets
        secrets.values["unfilled"] = None

        def fill(text: str) -> None:
            secrets.values["unfilled"] = text

        return SecretsKit(secrets, "unfilled", fill)


class BotoCloud(Cloud):
    """The boto3 adapters; every resource is new, under a separate name."""

    def __init__(self, name: str, session: boto3.Session, config: Config, endpoint_url: str | None = None) -> None:
        self.name = name
        self._session = session
        self._config = config
        self._endpoint_url = endpoint_url
        self._unique = f"contract-{uuid.uuid4().hex[:12]}"

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint_url, config=self._config)  # type: ignore[call-overload]

    def now(self) -> datetime:
        return datetime.now(UTC)

    def pause(self) -> None:
        time.sleep(0.1)

    def store(self) -> StoreKit:
        client = self.client("s3")
        client.create_bucket(Bucket=self._unique, CreateBucketConfiguration={"LocationConstraint": REGION})
        refuser = Refuser(
            client,
            "s3.DeleteObjects",
            entries=lambda request: request["Delete"]["Objects"],
            text=lambda entry: entry["Key"],
            refuse=lambda answer, entry, _: answer.setdefault("Errors", []).append(
                {name: entry[name] for name in ("Key", "VersionId") if name in entry} | {"Code": "InternalError"}
            ),
        )

        def pages() -> None:
            small_pages(client, "s3.ListObjectsV2", "MaxKeys")
            small_pages(client, "s3.ListObjectVersions", "MaxKeys")

        def keep_versions() -> None:
            client.put_bucket_versioning(Bucket=self._unique, VersioningConfiguration={"Status": "Enabled"})

        return StoreKit(
            S3ObjectStore(client, self._unique),
            refuser.refuse,
            lambda: answer_conflict(client),
            pages,
            keep_versions,
        )

    def queue(self) -> QueueKit:
        client = self.client("sqs")
        dead = client.create_queue(QueueName=f"{self._unique}-dead")["QueueUrl"]
        dead_arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES}
        attributes = {"VisibilityTimeout": str(VISIBILITY_S), "RedrivePolicy": json.dumps(redrive)}
        url = client.create_queue(QueueName=self._unique, Attributes=attributes)["QueueUrl"]
        refuser = Refuser(
            client,
            "sqs.SendMessageBatch",
            entries=lambda request: request["Entries"],
            text=lambda entry: entry["MessageBody"],
            refuse=lambda answer, entry, _: answer.setdefault("Failed", []).append(
                {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False}
            ),
        )
        return QueueKit(
            SqsQueue(client, url),
            refuser.refuse,
            lambda: _receive(client, url),
            lambda handle: client.delete_message(QueueUrl=url, ReceiptHandle=handle),
            lambda: _receive(client, dead),
        )

    def table(self) -> TableKit:
        client = self.client("dynamodb")
        client.create_table(
            TableName=self._unique,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("id", "due_list", "due_at")
            ],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "due",
                    "KeySchema": [
                        {"AttributeName": "due_list", "KeyType": "HASH"},
                        {"AttributeName": "due_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["state", "reason"]},
                }
            ],
        )

        def pages() -> None:
            small_pages(client, "dynamodb.Query", "Limit")
            small_pages(client, "dynamodb.Scan", "Limit")

        return TableKit(DynamoTable(client, self._unique), pages)

    def catalog(self) -> CatalogKit:
        glue, database = self.client("glue"), f"lake_{uuid.uuid4().hex}"
        glue.create_database(DatabaseInput={"Name": database})
        for name in ("calls", "calls_open"):
            glue.create_table(DatabaseName=database, TableInput=_table(name, "recording_id"))

        def add_column() -> None:
            glue.update_table(DatabaseName=database, TableInput=_table("calls", "recording_id", "new"))

        def move(partition: Partition) -> None:
            values = [partition.source, partition.call_date.isoformat()]
            where = {"DatabaseName": database, "TableName": "calls"}
            found = glue.get_partition(**where, PartitionValues=values)["Partition"]
            given = {key: found[key] for key in ("Values", "StorageDescriptor", "Parameters")}
            given["StorageDescriptor"]["Location"] = "s3://elsewhere/"
            entry = {"PartitionValueList": values, "PartitionInput": given}
            glue.batch_update_partition(**where, Entries=[entry])

        return CatalogKit(GlueCatalog(glue, database), add_column, move)

    def bus(self) -> BusKit:
        client, sqs = self.client("events"), self.client("sqs")
        url = sqs.create_queue(QueueName=self._unique)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        client.create_event_bus(Name=self._unique)
        pattern = json.dumps({"source": ["call-lake"]})
        client.put_rule(Name="everything", EventBusName=self._unique, EventPattern=pattern)
        client.put_targets(Rule="everything", EventBusName=self._unique, Targets=[{"Id": "queue", "Arn": arn}])
        came: list[dict[str, Any]] = []

        def events() -> list[dict[str, Any]]:
            came.extend(json.loads(message.body) for message in _receive(sqs, url))
            return came

        def refused(answer: dict[str, Any], entry: Any, position: int) -> None:
            answer["Entries"].insert(position, {"ErrorCode": "InternalFailure", "ErrorMessage": entry["DetailType"]})

        refuser = Refuser(
            client,
            "events.PutEvents",
            entries=lambda request: request["Entries"],
            text=lambda entry: entry["Detail"],
            refuse=refused,
        )
        return BusKit(EventBridgeBus(client, self._unique), refuser.refuse, events)

    def secrets(self) -> SecretsKit:
        client = self.client("secretsmanager")
        client.create_secret(Name=self._unique)

        def fill(text: str) -> None:
            client.put_secret_value(SecretId=self._unique, SecretString=text)

        return SecretsKit(SecretsManagerSecrets(client), self._unique, fill)


def _receive(client: Any, url: str) -> list[Received]:
    answer = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )
    return [
        Received(
            message_id=message["MessageId"],
            body=message["Body"],
            receipt_handle=message["ReceiptHandle"],
            receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
            sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
            attributes={name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()},
        )
        for message in answer.get("Messages", ())
    ]


def _table(name: str, *columns: str) -> dict[str, Any]:
    return {
        "Name": name,
        "PartitionKeys": [{"Name": "source", "Type": "string"}, {"Name": "call_date", "Type": "date"}],
        "StorageDescriptor": {
            "Location": f"s3://bucket/{name}/",
            "InputFormat": "invented",
            "Columns": [{"Name": column, "Type": "string", "Comment": "invented"} for column in columns],
        },
    }
