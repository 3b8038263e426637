"""Whole rows of ``calls`` on the emulator, as the compactor would leave them, and the queries asked of them."""

import io
import json
import re
from collections import defaultdict
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import table_of
from call_lake.model.lake_tables import CALLS, LakeTable
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS, Row
from call_lake_local.named_queries import query_files
from tests.integration.athena_lake import Lake

OFFICE = ZoneInfo("Europe/Warsaw")
TODAY = "2026-10-30"  # a Friday; the clocks went back on the 25th
FILES = {file.stem.partition("-")[2]: file for file in query_files()}


def call(start: str, source: str = "thulium", **fields: Any) -> Row:
    """A row whose call started at ``start`` on the clock of the office, like ``2026-10-26 08:30``."""
    moment = datetime.fromisoformat(start).replace(tzinfo=OFFICE)
    at = f"{moment.astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%S}.000Z"
    given = {"started_at": at, "stored_at": at, "raw": "{}", "schema_version": 1, "direction": "inbound"}
    return dict.fromkeys(COLUMNS) | given | {"source": source, "call_date": start[:10]} | fields


def create_calls(lake: Lake) -> None:
    lake.create_calls(columns=tuple(COLUMNS.items()))


def write_calls(lake: Lake, *rows: Row) -> None:
    """One file and one manifest for each partition; recordings are numbered in the order given."""
    partitions = defaultdict(list)
    for number, row in enumerate(rows):
        partitions[row["source"], row["call_date"]].append(row | {"recording_id": f"{row['source']}-{number:032x}"})
    for (source, call_date), numbered in partitions.items():
        commit_files(lake, Partition(source, date.fromisoformat(call_date)), rows_table(*numbered))


def rows_table(*rows: Row, table: LakeTable = CALLS) -> pa.Table:
    """Rows of one partition as the compactor makes a table of them."""
    lines = [json.dumps({name: value for name, value in row.items() if value is not None}) for row in rows]
    partition = Partition(rows[0]["source"], date.fromisoformat(rows[0]["call_date"]))
    made, rejected = table_of(lines, table.at(partition))
    assert not rejected
    return made


def commit_files(lake: Lake, partition: Partition, *tables: pa.Table, table: LakeTable = CALLS) -> None:
    """Let the table's partition be a file of each of these tables, in this order."""
    uris = []
    for rows in tables:
        body = io.BytesIO()
        pq.write_table(rows, body)
        uris.append(lake.put(f"{table.at(partition).data}{uuid4()}.parquet", body.getvalue()))
    lake.commit(partition.source, partition.call_date.isoformat(), *uris, table=table.name)


def answer(lake: Lake, query: str, *rows: Row, **edits: str) -> list[tuple[str | None, ...]]:
    """The query's rows as if today were TODAY; ``edits`` are what an analyst changes in the line of ``params``."""
    write_calls(lake, *rows)
    return lake.rows(edited(query, **edits))


def edited(query: str, **edits: str) -> str:
    """The query's text, as ``answer`` asks it."""
    sql = FILES[query].read_text().replace("current_date", f"date '{TODAY}'")
    for name, value in edits.items():
        sql, replaced = re.subn(rf"('[^']*'|[^\s,]+) AS {name}\b", f"{value} AS {name}", sql, count=1)
        assert replaced, f"{query} has no parameter {name}"
    return sql
