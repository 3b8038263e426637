"""Make ministack's Athena answer like Athena where Call Lake needs it: symlink manifests, registered partitions,
Trino's SQL, and results as Athena prints them.

ministack still serves the API and tracks each query. This module replaces how ministack runs a query and stores its
result. It fits one version of ministack (``launch.py`` checks the version; ``install`` checks the functions).
"""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import duckdb
from ministack.services import athena, s3
from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from call_lake_local.ministack.locations import BadTable, split_uri
from call_lake_local.ministack.queries import Answer, QueryError, Session
from call_lake_local.ministack.results import ColumnType, csv_of
from call_lake_local.ministack.statements import put_object, run_statement
from call_lake_local.ministack.trino_rules import Refused
from call_lake_local.ministack.trino_sql import UnsupportedSql

REPLACED = (
    "_detect_statement_type",
    "_execute_query",
    "_get_query_results",
    "_get_workgroup",
    "_run_duckdb",
    "_save_query_results",
    "_start_query_execution",
    "_type_precision_scale",
)
USED = ("_executions", "_workgroups", "_materialize_table_files", "_table_relation", "_empty_relation", "_data_format")

_ORIGINAL: dict[str, Callable[..., Any]] = {name: getattr(athena, name) for name in REPLACED if hasattr(athena, name)}
_execution: ContextVar[dict[str, Any]] = ContextVar("execution")  # the query that the current task runs
_answer: ContextVar[Answer] = ContextVar("answer")


def install() -> None:
    """Exits where ministack lacks functions that this replaces or uses, and names them."""
    if missing := [name for name in (*REPLACED, *USED) if not hasattr(athena, name)]:
        sys.exit(f"the Athena adapter does not fit this ministack: {', '.join(missing)} not found in its Athena")
    for name in REPLACED:
        setattr(athena, name, globals()[name])


async def _execute_query(query_id: str, *arguments: Any) -> None:
    _execution.set(athena._executions[query_id])
    await _ORIGINAL["_execute_query"](query_id, *arguments)


async def _run_duckdb(query: str, database: str, catalog: str | None = None) -> dict[str, Any]:
    answer = await asyncio.to_thread(_answer_to, query, (database or "default").lower(), _location(_execution.get()))
    _answer.set(answer)
    return {"columns": answer.columns, "column_types": answer.types, "rows": answer.rows}


def _answer_to(query: str, database: str, results_uri: str) -> Answer:
    """Raises QueryError for every error that the query's author can have caused."""
    session = Session.open(database)
    try:
        statements = [statement for statement in parse(query, read="athena") if statement is not None]
        if len(statements) != 1:
            raise QueryError(f"SYNTAX_ERROR: Only one sql statement is allowed. Got: {len(statements)}")
        return run_statement(statements[0], session, results_uri)
    except (BadTable, Refused, UnsupportedSql) as error:
        raise QueryError(str(error)) from None
    except SqlglotError as error:
        raise QueryError(f"SYNTAX_ERROR: {_one_line(error)}") from None
    except duckdb.Error as error:
        raise QueryError(f"{_code(error)}: {_one_line(error)}") from None
    finally:
        session.connection.close()
        for folder in session.folders:
            shutil.rmtree(folder, ignore_errors=True)


def _code(error: duckdb.Error) -> str:
    text = str(error)
    if "Referenced column" in text or "does not have a column" in text:
        return "COLUMN_NOT_FOUND"
    if "Function with name" in text:
        return "FUNCTION_NOT_FOUND"
    match error:
        case duckdb.ParserException() | duckdb.CatalogException():
            return "SYNTAX_ERROR"
        case duckdb.BinderException():
            return "TYPE_MISMATCH" if "Cannot" in text or "cast" in text else "SYNTAX_ERROR"
        case duckdb.ConversionException():
            return "INVALID_CAST_ARGUMENT"
    return "GENERIC_USER_ERROR"


def _one_line(error: Exception) -> str:
    """The message without terminal colours and the picture of the translated query."""
    return re.sub(r"\x1b\[\d*m", "", str(error)).split("\n\nLINE")[0].replace("\n", " ").strip()


async def _save_query_results(query_id: str) -> None:
    """Writes the result where the query's OutputLocation says it is (ministack 1.5.33 puts it a level deeper)."""
    execution = athena._executions[query_id]
    results = execution["_results"]
    answer = _answer.get(Answer())
    execution["Statistics"]["DataScannedInBytes"] = answer.scanned_bytes
    if answer.manifest_uri:
        execution["Statistics"]["DataManifestLocation"] = answer.manifest_uri
    location = execution["ResultConfiguration"]["OutputLocation"]
    if location.endswith(".csv"):
        put_object(location, csv_of(results["columns"], results["rows"]), "application/octet-stream")
    else:
        lines = ["\t".join("" if value is None else value for value in row) for row in results["rows"]]
        put_object(location, "\n".join(lines).encode(), "text/plain")
    put_object(f"{location}.metadata", b"", "application/octet-stream")


def _get_query_results(data: dict[str, Any]) -> Any:
    """Athena reads the result file: where ``call-lake erase`` has deleted it, there is no result any more."""
    execution = athena._executions.get(data.get("QueryExecutionId", ""))
    if execution is not None and execution["Status"]["State"] == "SUCCEEDED":
        bucket, key = split_uri(execution["ResultConfiguration"]["OutputLocation"])
        if key not in (s3._buckets.get(bucket) or {"objects": {}})["objects"]:
            execution["_results"] = None
            return athena.error_response_json("InvalidRequestException", "Could not find results", 400)
    return _ORIGINAL["_get_query_results"](data)


def _settings_of(workgroup: str) -> dict[str, Any]:
    """A workgroup's configuration with what AWS fills in; only ``primary`` lets its clients choose by default."""
    given = athena._workgroups[workgroup].get("Configuration") or {}
    return {"EnforceWorkGroupConfiguration": workgroup != "primary", "ResultConfiguration": {}, **given}


def _get_workgroup(data: dict[str, Any]) -> Any:
    if (workgroup := data.get("WorkGroup", "primary")) in athena._workgroups:
        athena._workgroups[workgroup]["Configuration"] = _settings_of(workgroup)
    return _ORIGINAL["_get_workgroup"](data)


def _start_query_execution(data: dict[str, Any]) -> Any:
    """Adds the workgroup's rules, and parameters for the question marks of a query."""
    workgroup = data.get("WorkGroup") or "primary"
    if workgroup not in athena._workgroups:
        return athena.error_response_json("InvalidRequestException", f"WorkGroup {workgroup} is not found.", 400)
    settings = _settings_of(workgroup)
    ours = settings["ResultConfiguration"].get("OutputLocation")
    given = (data.get("ResultConfiguration") or {}).get("OutputLocation")
    location = ours if ours and (not given or settings["EnforceWorkGroupConfiguration"]) else given
    query = data.get("QueryString", "")
    try:
        bound = _bind(query, data.get("ExecutionParameters") or [])
    except SqlglotError as error:
        return athena.error_response_json("InvalidRequestException", f"SYNTAX_ERROR: {_one_line(error)}", 400)
    changed = {**data, "WorkGroup": workgroup, "QueryString": bound}
    if location:
        changed["ResultConfiguration"] = {"OutputLocation": location.rstrip("/") + "/"}
    status, headers, body = _ORIGINAL["_start_query_execution"](changed)
    if status < 300:
        execution = athena._executions[json.loads(body)["QueryExecutionId"]]
        execution["Query"] = query
        if data.get("ExecutionParameters"):
            execution["ExecutionParameters"] = data["ExecutionParameters"]
        if execution["StatementType"] != "DML":
            execution["ResultConfiguration"]["OutputLocation"] = f"{_location(execution)}.txt"
    return status, headers, body


def _bind(query: str, parameters: list[str]) -> str:
    """Raises SqlglotError where there are not as many question marks as parameters."""
    if not parameters:
        return query
    [statement] = parse(query, read="athena")
    marks = list(statement.find_all(exp.Placeholder, bfs=False)) if statement is not None else []
    if statement is None or len(marks) != len(parameters):
        raise SqlglotError(f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}")
    for mark, parameter in zip(marks, parameters, strict=True):
        mark.replace(exp.maybe_parse(parameter, dialect="athena"))
    return str(statement.sql("trino"))


def _location(execution: dict[str, Any]) -> str:
    """The output location without its suffix."""
    return re.sub(r"\.(csv|txt)$", "", execution["ResultConfiguration"]["OutputLocation"])


def _detect_statement_type(query: str) -> str:
    if re.match(r"[\s(]*(unload|values)\b", query, re.IGNORECASE):
        return "DML"
    return str(_ORIGINAL["_detect_statement_type"](query))


def _type_precision_scale(kind: str) -> tuple[int, int]:
    if isinstance(kind, ColumnType) and kind.precision_scale is not None:
        return kind.precision_scale
    if kind.startswith("timestamp"):
        return 3, 0
    precision, scale = _ORIGINAL["_type_precision_scale"](kind)
    return precision, scale
