"""Run a query in Athena and wait for its rows: the same API calls in AWS and on the laptop."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from call_lake_cli.console.errors import UsageError, UserError
from call_lake_cli.stack.handle import Stack

POLL_S = 0.15
TIMEOUT_S = 300.0
EXAMPLE = "\"SELECT count(*) FROM calls WHERE call_date >= DATE '2026-11-01'\""
INTEGERS = {"tinyint", "smallint", "integer", "int", "bigint"}
NUMBERS = {"double", "float", "real", "decimal"}
READING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "EXPLAIN", "VALUES")
FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*([A-Za-z]*)", re.DOTALL)
"""Behind comments and the parentheses of ``(SELECT …) UNION (SELECT …)``."""


WRONG_DAY = re.compile(
    r"TYPE_MISMATCH.*\bdate\b.*\bvarchar\b|TYPE_MISMATCH.*\bvarchar\b.*\bdate\b|not a valid DATE", re.I | re.S
)
"""What Athena says where a day is compared with a text, or written in another way than 2026-11-01."""


class QueryFailed(UserError):
    """Athena failed the query. ``reason``: its own text."""

    def __init__(self, reason: str) -> None:
        hint = "; write a day as DATE '2026-11-01'" if WRONG_DAY.search(reason) else ""
        super().__init__(f"the query failed: {reason}{hint}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class QueryCost:
    """What Athena says of a query that it ran: its seconds, the bytes that it read, the version of its engine."""

    seconds: float = 0.0
    scanned_bytes: int = 0
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of Python values: numbers as numbers, timestamps as ISO 8601 in UTC, null as None. ``types``: Athena's
    own of each column, without lengths."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cost: QueryCost = field(default=QueryCost(), compare=False)
    types: tuple[str, ...] = field(default=(), compare=False)

    def as_dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run_query(stack: Stack, sql: str, client: Any = None) -> Answer:
    """Run one statement and wait for its rows. Raises UserError for a statement that does more than read, and
    QueryFailed. ``client``: of Athena, for threads: they may share a client and must not make one at the same time
    (https://docs.aws.amazon.com/boto3/latest/guide/session.html)."""
    _check_that_it_reads(sql)
    athena = client or stack.client("athena")
    started = athena.start_query_execution(
        QueryString=sql, WorkGroup=stack.workgroup, QueryExecutionContext={"Database": stack.database}
    )
    id = started["QueryExecutionId"]
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        execution = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        status = execution["Status"]
        if status["State"] == "SUCCEEDED":
            return _answer(athena, id, _cost(execution))
        if status["State"] in ("FAILED", "CANCELLED"):
            raise QueryFailed(status.get("StateChangeReason", "Athena gives no reason"))
        if time.monotonic() > deadline:
            athena.stop_query_execution(QueryExecutionId=id)
            raise UserError(f"the query ran longer than {TIMEOUT_S:g} s and was stopped")
        time.sleep(POLL_S)


def _check_that_it_reads(sql: str) -> None:
    """Refuse what could drop the table, for CloudFormation would not notice. Raises UsageError."""
    match = FIRST_WORD.match(sql)
    word = match[1].upper() if match else ""
    if not word:
        raise UsageError(f"no statement: give one in quotes, like {EXAMPLE}")
    if word not in READING:
        raise UsageError(
            f"{word} is no statement that reads: one begins with {', '.join(READING[:-1])} or {READING[-1]}; "
            "what changes something is for Athena's own console"
        )


def _cost(execution: dict[str, Any]) -> QueryCost:
    """Of https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html"""
    found = execution.get("Statistics", {})
    return QueryCost(
        found.get("TotalExecutionTimeInMillis", 0) / 1000,
        found.get("DataScannedInBytes", 0),
        execution.get("EngineVersion", {}).get("EffectiveEngineVersion", ""),
    )


def _answer(athena: Any, id: str, cost: QueryCost) -> Answer:
    pages = iter(athena.get_paginator("get_query_results").paginate(QueryExecutionId=id))
    first = next(pages)
    info = first["ResultSet"]["ResultSetMetadata"].get("ColumnInfo", [])
    columns = tuple(column["Name"] for column in info)
    types = [column["Type"].lower().split("(")[0] for column in info]
    rows = list(_rows(first))
    for page in pages:
        rows.extend(_rows(page))
    if rows and tuple(rows[0]) == columns:  # Athena puts the header before the rows of a SELECT
        del rows[0]
    values = tuple(tuple(_value(t, v) for t, v in zip(types, row, strict=True)) for row in rows)
    return Answer(columns, values, cost, tuple(types))


def _rows(page: dict[str, Any]) -> Iterator[list[str | None]]:
    for row in page["ResultSet"]["Rows"]:
        yield [cell.get("VarCharValue") for cell in row["Data"]]


def _value(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    if kind in INTEGERS:
        return int(text)
    if kind in NUMBERS:
        return float(text)
    if kind == "boolean":
        return text == "true"
    if kind.startswith("timestamp"):
        return _moment(text)
    return text


def _moment(text: str) -> str:
    """Athena prints UTC as ``2026-10-25 01:30:00.000``, and a zone, if the column has one, behind a space."""
    plain = text.removesuffix(" UTC")
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        return text
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
