"""What ``call-lake query`` lets through to Athena, and what it makes of the answer."""

from typing import Any

import pytest

from call_lake_cli.console.errors import UserError
from call_lake_cli.stack.athena import Answer, run_query
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
