"""What ``call-lake query`` lets through to Athena, and what it makes of the answer."""

from typing import Any

import pytest

from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.athena import Answer, QueryCost, QueryFailed, run_query
from call_lake_cli.stack.handle import Stack


class Athena:
    """Answers every statement with one row, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def start_query_execution(self, QueryString: str, **_: Any) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.asked.append(QueryString)
        return {"QueryExecutionId": "1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}

    def get_paginator(self, operation: str) -> "Athena":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        rows = [{"Data": [{"VarCharValue": text}]} for text in ("calls", "3")]
        columns = [{"Name": "calls", "Type": "bigint"}]
        return [{"ResultSet": {"ResultSetMetadata": {"ColumnInfo": columns}, "Rows": rows}}]


class Here(Stack):
    def client(self, service: str) -> Any:
        return ATHENA


ATHENA = Athena()
STACK = Here("s", "b", "t", "/sources", "", "", "lake", "lake", {})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) AS calls FROM calls",
        "  with days as (select 1) select * from days",
        "-- which day?\n/* the one\n of the DROP */ SELECT 1",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT(1)",
        "SELECT* FROM calls",
        "SHOW PARTITIONS calls",
        "describe calls",
        "EXPLAIN SELECT 1",
        "VALUES 1, 2",
    ],
)
def test_what_reads_is_asked(sql: str) -> None:
    assert run_query(STACK, sql) == Answer(("calls",), ((3,),))
    assert ATHENA.asked[-1] == sql


@pytest.mark.parametrize(
    "sql",
    ["DROP TABLE calls", "-- SELECT\ndrop table calls", "/**/DROP VIEW v", "CREATE TABLE t AS SELECT 1", "selection"],
)
def test_what_changes_something_never_reaches_athena(sql: str) -> None:
    asked = len(ATHENA.asked)
    with pytest.raises(UserError, match="is no statement that reads: one begins with SELECT"):
        run_query(STACK, sql)
    assert len(ATHENA.asked) == asked


@pytest.mark.parametrize("sql", ["", "  \n", "-- only a comment", ";"])
def test_nothing_to_ask_is_said(sql: str) -> None:
    with pytest.raises(UserError, match="no statement"):
        run_query(STACK, sql)


def test_an_answer_says_what_it_cost() -> None:
    execution = {
        "Status": {"State": "SUCCEEDED"},
        "Statistics": {"TotalExecutionTimeInMillis": 1250, "DataScannedInBytes": 4096},
        "EngineVersion": {"EffectiveEngineVersion": "Athena engine version 3"},
    }
    athena = Athena()
    athena.get_query_execution = lambda **_: {"QueryExecution": execution}  # type: ignore[method-assign]

    assert run_query(STACK, "SELECT 1", athena).cost == QueryCost(1.25, 4096, "Athena engine version 3")


def test_a_query_that_athena_failed_says_why() -> None:
    status = {"State": "FAILED", "StateChangeReason": "TABLE_NOT_FOUND: x"}
    athena = Athena()
    athena.get_query_execution = lambda **_: {"QueryExecution": {"Status": status}}  # type: ignore[method-assign]

    with pytest.raises(QueryFailed, match="the query failed: TABLE_NOT_FOUND: x") as raised:
        run_query(STACK, "SELECT 1", athena)
    assert raised.value.reason == "TABLE_NOT_FOUND: x"


@pytest.mark.parametrize(
    ("reason", "has_hint"),
    [
        ("TYPE_MISMATCH: line 1:29: Cannot apply operator: date >= varchar(10)", True),
        ("TYPE_MISMATCH: Cannot apply operator to varchar, date: '2026-11-01' <= call_date", True),
        ("INVALID_LITERAL: line 1:37: '1.11.2026' is not a valid DATE literal", True),
        ("TYPE_MISMATCH: line 1:29: Cannot apply operator: bigint = varchar(1)", False),
        ("COLUMN_NOT_FOUND: Column 'date' cannot be resolved", False),
    ],
)
def test_a_day_that_is_no_date_is_answered_with_what_to_write(reason: str, has_hint: bool) -> None:
    assert ("write a day as DATE '2026-11-01'" in str(QueryFailed(reason))) == has_hint
