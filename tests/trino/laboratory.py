"""A second lake beside the deployed one: the same table over a separate bucket, to write into."""

import json
from collections.abc import Iterable
from typing import Any

import boto3
import pyarrow as pa

from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.glue import GlueCatalog
from call_lake.aws.s3 import S3ObjectStore
from call_lake.lake.lake import Lake as CallLake
from call_lake.model.lake_tables import CALLS, TABLES, LakeTable
from call_lake.model.layout import Partition
from call_lake_cli.stack.handle import Stack
from call_lake_local.emulator import Emulator
from tests.integration.athena_lake import Lake

TABLE_INPUT = ("Name", "Description", "PartitionKeys", "TableType", "Parameters", "StorageDescriptor")
GRACE_S = 86_400


class Laboratory(Lake):
    """``table``: its ledger, empty at first. ``call_lake``: Call Lake's own writer."""

    def __init__(self, aws: boto3.Session, emulator: Emulator, stack: Stack) -> None:
        super().__init__(aws, emulator)
        for table in TABLES:
            made = deployed_table(self.glue, stack, table.name, self.bucket)
            self.glue.create_table(DatabaseName=self.name, TableInput=made)
        dynamodb: Any = aws.client("dynamodb", endpoint_url=emulator.endpoint.url)
        dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        self.table = DynamoTable(dynamodb, self.name)
        self.call_lake = CallLake(S3ObjectStore(self.s3, self.bucket), self.table, SystemClock(), GRACE_S)

    def add(self, partition: Partition, rows: pa.Table, table: LakeTable = CALLS) -> None:
        """Commit rows as the compactor does."""
        self.call_lake.commit(table.at(partition), rows)
        self.catalog.register(table.name, [partition])


def deployed_table(glue: Any, stack: Stack, name: str, bucket: str) -> Any:
    """The TableInput that makes a table of the stack again, over another bucket."""
    found = glue.get_table(DatabaseName=stack.database, Name=name)["Table"]
    given = {key: found[key] for key in TABLE_INPUT if found.get(key)}
    return json.loads(json.dumps(given).replace(f"s3://{stack.bucket}/", f"s3://{bucket}/"))


def show(glue: Any, database: str, table: Any, partitions: Iterable[Partition]) -> None:
    """Register partitions of a table."""
    GlueCatalog(glue, database).register(table["Name"], list(partitions))
