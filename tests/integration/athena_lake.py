"""A small lake on the emulator: Parquet files, the manifests that name them, and Athena to ask."""

import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.aws.glue import GlueCatalog
from call_lake.model.layout import Partition
from call_lake_local.emulator import Emulator

SYMLINK = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
COLUMNS = (
    ("recording_id", "string"),
    ("started_at", "timestamp"),
    ("agent", "string"),
    ("talk_s", "double"),
    ("audio_bytes", "bigint"),
    ("audio_channels", "int"),
)
SCHEMA = pa.schema(
    [
        ("recording_id", pa.string()),
        ("started_at", pa.timestamp("ms", tz="UTC")),
        ("agent", pa.string()),
        ("talk_s", pa.float64()),
        ("audio_bytes", pa.int64()),
        ("audio_channels", pa.int32()),
    ]
)
QUERY_DEADLINE_S = 30


@dataclass(frozen=True)
class Row:
    recording_id: str
    started_at: datetime
    agent: str | None = None
    talk_s: float | None = None
    audio_bytes: int | None = None
    audio_channels: int | None = None


@dataclass(frozen=True)
class Answer:
    query_id: str
    state: str
    reason: str
    columns: dict[str, str]
    rows: list[tuple[str | None, ...]]
    result_uri: str
    scanned_bytes: int
    manifest_uri: str


class Athena:
    """Athena's API alone: one client, one Glue database, one workgroup."""

    def __init__(self, client: Any, database: str, workgroup: str) -> None:
        self.athena = client
        self.name = database
        self.workgroup = workgroup

    def ask(self, sql: str, **request: Any) -> Answer:
        """Run it to its end, whatever that is."""
        context = {"Database": self.name, "Catalog": "AwsDataCatalog"}
        request = {"QueryExecutionContext": context, "WorkGroup": self.workgroup} | request
        query_id = self.athena.start_query_execution(QueryString=sql, **request)["QueryExecutionId"]
        deadline = time.monotonic() + QUERY_DEADLINE_S
        while True:
            execution = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            state = execution["Status"]["State"]
            if state not in ("QUEUED", "RUNNING"):
                break
            assert time.monotonic() < deadline, f"still {state}: {sql}"
            time.sleep(0.01)
        columns, rows = self._fetch(query_id, execution["StatementType"]) if state == "SUCCEEDED" else ({}, [])
        return Answer(
            query_id,
            state,
            execution["Status"].get("StateChangeReason", ""),
            columns,
            rows,
            execution["ResultConfiguration"]["OutputLocation"],
            execution["Statistics"]["DataScannedInBytes"],
            execution["Statistics"].get("DataManifestLocation", ""),
        )

    def rows(self, sql: str, **request: Any) -> list[tuple[str | None, ...]]:
        answer = self.ask(sql, **request)
        assert answer.state == "SUCCEEDED", f"{sql}: {answer.reason}"
        return answer.rows

    def _fetch(self, query_id: str, statement_type: str) -> tuple[dict[str, str], list[tuple[str | None, ...]]]:
        rows: list[tuple[str | None, ...]] = []
        columns: dict[str, str] = {}
        for page in self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
            found = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            columns = {column["Name"]: column["Type"] for column in found}
            rows += [tuple(value.get("VarCharValue") for value in row["Data"]) for row in page["ResultSet"]["Rows"]]
        return columns, rows[1:] if statement_type == "DML" else rows


class Lake(Athena):
    """One bucket and one Glue database, named at random so that tests do not meet. ``bucket``: another name for it."""

    def __init__(self, aws: boto3.Session, emulator: Emulator, bucket: str = "") -> None:
        endpoint = emulator.endpoint.url
        self.s3 = aws.client("s3", endpoint_url=endpoint)
        self.glue = aws.client("glue", endpoint_url=endpoint)
        name = f"lake{uuid4().hex[:10]}"
        super().__init__(aws.client("athena", endpoint_url=endpoint), name, f"{name}-workgroup")
        self.bucket = bucket or f"{self.name}-bucket"
        self.results = f"s3://{self.bucket}/results/"
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.catalog = GlueCatalog(self.glue, self.name)
        self.glue.create_database(DatabaseInput={"Name": self.name})
        self.athena.create_work_group(
            Name=self.workgroup, Configuration={"ResultConfiguration": {"OutputLocation": self.results}}
        )

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def write(self, rows: Sequence[Row], schema: pa.Schema = SCHEMA, folder: str = "lake/calls/data") -> str:
        """A new data file; its URI."""
        columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns, schema=schema), buffer)
        return self.put(f"{folder}/{uuid4()}.parquet", buffer.getvalue())

    def commit(self, source: str, call_date: str, *uris: str, table: str = "calls") -> None:
        """Write the manifest of a partition of a table, and register it."""
        key = f"lake/{table}/manifest/source={source}/call_date={call_date}/symlink.txt"
        self.put(key, ("\n".join(uris) + "\n").encode())
        self.catalog.register(table, [Partition(source, date.fromisoformat(call_date))])

    def create_calls(self, properties: Mapping[str, str] | None = None, columns: Sequence[Any] = COLUMNS) -> None:
        """Table ``calls``, defined as the template defines it."""
        self.create_lake_table("calls", columns, properties)

    def create_lake_table(self, name: str, columns: Sequence[Any], properties: Mapping[str, str] | None = None) -> None:
        """A table of the lake, defined as the template defines it."""
        location = f"s3://{self.bucket}/lake/{name}/manifest"
        self.create_table(name, location, SYMLINK, ("source", "call_date"), properties, columns)

    def create_table(
        self,
        name: str,
        location: str,
        input_format: str = PARQUET,
        partition_keys: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        columns: Sequence[Any] = COLUMNS,
    ) -> None:
        self.glue.create_table(
            DatabaseName=self.name,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE", **(properties or {})},
                "PartitionKeys": [
                    {"Name": key, "Type": "date" if key == "call_date" else "string"} for key in partition_keys
                ],
                "StorageDescriptor": {
                    "Columns": [{"Name": column, "Type": kind} for column, kind in columns],
                    "Location": location,
                    "InputFormat": input_format,
                    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    "SerdeInfo": {
                        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                        "Parameters": {"serialization.format": "1"},
                    },
                },
            },
        )
