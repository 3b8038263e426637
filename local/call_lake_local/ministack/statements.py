"""Statements other than SELECT: views, CREATE TABLE AS, UNLOAD, SHOW and DESCRIBE."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from ministack.services import athena, glue, s3
from sqlglot import exp, parse_one

from call_lake_local.ministack.locations import split_uri
from call_lake_local.ministack.queries import Answer, QueryError, Session
from call_lake_local.ministack.results import ColumnType
from call_lake_local.ministack.tables import Table, find_table, partitions_of
from call_lake_local.ministack.trino_sql import UnsupportedSql
from call_lake_local.ministack.views import view_text

_GLUE_TYPES = {
    "VARCHAR": "string", "JSON": "string", "UUID": "string", "BOOLEAN": "boolean", "TINYINT": "tinyint",
    "SMALLINT": "smallint", "INTEGER": "int", "BIGINT": "bigint", "HUGEINT": "bigint", "UBIGINT": "bigint",
    "FLOAT": "float", "DOUBLE": "double", "DATE": "date", "BLOB": "binary", "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamp",
}  # fmt: skip
# Written as another type than DuckDB computed: Glue has no wider one.
_WRITTEN_AS = {
    "HUGEINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP_S": "TIMESTAMP",
}
_UNLOAD = re.compile(r"\((?P<query>.*)\)\s*TO\s*'(?P<uri>[^']+)'(?:\s*WITH\s*\((?P<options>.*)\))?\s*", re.I | re.S)
_NAME = re.compile(r"[\s`\"]+")

type Columns = list[tuple[str, str]]  # name and DuckDB type


def run_statement(statement: exp.Expression, session: Session, results_uri: str) -> Answer:
    """``results_uri`` is the query's own output location, without a suffix. Raises QueryError, UnsupportedSql."""
    match statement:
        case exp.Query():
            return session.run(statement)
        case exp.Values():
            return session.run(exp.select("*").from_(exp.Values(expressions=statement.expressions, alias="v")))
        case exp.Create(kind="VIEW"):
            return _create_view(statement, session)
        case exp.Create(kind="TABLE") if statement.expression:
            return _create_table_as(statement, session, results_uri)
        case exp.Drop(kind="VIEW"):
            return _drop_view(statement, session)
        case exp.Describe():
            return _describe(_table(statement.this, session))
        case exp.Command():
            return _command(statement.this.upper(), str(statement.expression.name), session, results_uri)
    raise UnsupportedSql(f"{statement.key.upper()} is not supported by the local Athena")


def _command(word: str, rest: str, session: Session, results_uri: str) -> Answer:
    if word == "UNLOAD":
        return _unload(rest, session, results_uri)
    if word == "MSCK REPAIR":  # partitions are found by their folders here
        return Answer()
    if word == "EXPLAIN":
        session.translated(parse_one(rest, read="athena"))
        return _lines("Query Plan", ["Query is valid; the local Athena has no plan to show"])
    if word == "SHOW":
        words = _NAME.sub(" ", rest).strip().split()
        for head, show in _SHOW.items():
            if " ".join(words).upper().startswith(head):
                return show(words[len(head.split()) :], session)
    raise UnsupportedSql(f"{word} {rest[:40]} is not supported by the local Athena")


def _show_databases(words: list[str], session: Session) -> Answer:
    return _lines("database_name", sorted(glue._databases))


def _show_tables(words: list[str], session: Session) -> Answer:
    database = words[1].lower() if len(words) > 1 and words[0].upper() in ("IN", "FROM") else session.database
    return _lines("tab_name", sorted(key.partition("/")[2] for key in glue._tables if key.startswith(f"{database}/")))


def _show_columns(words: list[str], session: Session) -> Answer:
    return _lines("field", [name for name, _ in _table(exp.to_table(words[-1]), session).columns])


def _show_partitions(words: list[str], session: Session) -> Answer:
    table = _table(exp.to_table(words[-1]), session)
    found = sorted(values for values, _ in partitions_of(table))
    keys = table.partition_keys
    return _lines("partition", ["/".join(f"{k}={v}" for k, v in zip(keys, values, strict=True)) for values in found])


_SHOW: dict[str, Callable[[list[str], Session], Answer]] = {
    "DATABASES": _show_databases,
    "SCHEMAS": _show_databases,
    "TABLES": _show_tables,
    "VIEWS": _show_tables,
    "COLUMNS": _show_columns,
    "PARTITIONS": _show_partitions,
}


def _describe(table: Table) -> Answer:
    return _lines("col_name", [f"{name:<20}\t{kind:<20}\t{'':<20}" for name, kind in table.columns])


def _lines(column: str, lines: list[str]) -> Answer:
    return Answer([column], [ColumnType("string")], [[line] for line in lines])


def _table(node: exp.Expression, session: Session) -> Table:
    database, name = (node.db or session.database).lower(), node.name.lower()
    table = find_table(database, name)
    if table is None:
        raise QueryError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
    return table


def _create_view(statement: exp.Create, session: Session) -> Answer:
    database, name = (statement.this.db or session.database).lower(), statement.this.name.lower()
    sql = statement.expression.sql("trino")
    columns = _described(session, session.translated(statement.expression))
    if find_table(database, name) is not None:
        if not statement.args.get("replace"):
            raise QueryError(f"ALREADY_EXISTS: View '{database}.{name}' already exists")
        glue._delete_table({"DatabaseName": database, "Name": name})
    _create_in_glue(
        database,
        {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "Parameters": {"presto_view": "true", "comment": "Presto View"},
            "ViewOriginalText": view_text(sql, database, [(column, kind.lower()) for column, kind in columns]),
            "ViewExpandedText": "/* Presto View */",
            "StorageDescriptor": {"Columns": _glue_columns(columns), "Location": "", "SerdeInfo": {}},
            "PartitionKeys": [],
        },
    )
    return Answer()


def _drop_view(statement: exp.Drop, session: Session) -> Answer:
    target = statement.args["tables"][0]
    database, name = (target.db or session.database).lower(), target.name.lower()
    if find_table(database, name) is not None:
        glue._delete_table({"DatabaseName": database, "Name": name})
    elif not statement.args.get("exists"):
        raise QueryError(f"TABLE_NOT_FOUND: View 'awsdatacatalog.{database}.{name}' does not exist")
    return Answer()


def _create_table_as(statement: exp.Create, session: Session, results_uri: str) -> Answer:
    database, name = (statement.this.db or session.database).lower(), statement.this.name.lower()
    options = _options(statement.args.get("properties"))
    if set(options) & {"partitioned_by", "bucketed_by", "table_type"} or options.get("format", "PARQUET") != "PARQUET":
        raise UnsupportedSql("CREATE TABLE AS writes only plain Parquet tables in the local Athena")
    if find_table(database, name) is not None:
        raise QueryError(f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists")
    folder, _, query_id = results_uri.rpartition("/")
    location = options.get("external_location", f"{folder}/tables/{query_id}").rstrip("/")
    columns, answer = _write(statement.expression, session, location, f"{folder}/tables/{query_id}-manifest.csv")
    parquet = athena._STORED_AS["parquet"]
    _create_in_glue(
        database,
        {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false"},
            "StorageDescriptor": {
                "Columns": _glue_columns(columns),
                "Location": location,
                "InputFormat": parquet[0],
                "OutputFormat": parquet[1],
                "SerdeInfo": {"SerializationLibrary": parquet[2], "Parameters": {}},
            },
            "PartitionKeys": [],
        },
    )
    return answer


def _unload(rest: str, session: Session, results_uri: str) -> Answer:
    match = _UNLOAD.fullmatch(rest)
    if match is None or (match["options"] and not re.search(r"format\s*=\s*'parquet'", match["options"], re.I)):
        raise UnsupportedSql("UNLOAD (query) TO 's3://…' WITH (format = 'PARQUET') is the only form supported here")
    query = parse_one(match["query"], read="athena")
    return _write(query, session, match["uri"].rstrip("/"), f"{results_uri}-manifest.csv")[1]


def _write(query: exp.Expression, session: Session, location: str, manifest: str) -> tuple[Columns, Answer]:
    """Store the query's rows as one Parquet object under ``location``, and its URI in ``manifest``."""
    sql = session.translated(query)
    columns = _described(session, sql)
    narrowed = [(name, _WRITTEN_AS[kind]) for name, kind in columns if kind in _WRITTEN_AS]
    casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in narrowed)
    uri = f"{location}/{uuid4()}"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        rows = f"SELECT *{f' REPLACE ({casts})' if casts else ''} FROM ({sql})"  # noqa: S608
        session.connection.execute(f"COPY ({rows}) TO '{file}' (FORMAT parquet)")
        put_object(uri, file.read_bytes(), "application/octet-stream")
    put_object(manifest, f"{uri}\n".encode(), "text/csv")
    return columns, Answer(scanned_bytes=session.scanned_bytes, manifest_uri=manifest)


def put_object(uri: str, body: bytes, content_type: str) -> None:
    """Raises QueryError where S3 refuses it."""
    bucket, key = split_uri(uri)
    headers = {"content-type": content_type, "content-length": str(len(body))}
    status, _, answer = s3._put_object(bucket, key, body, headers)
    if status >= 300:
        code = re.search(rb"<Code>(\w+)", answer)
        raise QueryError(f"S3 refused {uri}: {code[1].decode() if code else status}")


def _described(session: Session, sql: str) -> Columns:
    return [(str(row[0]), str(row[1])) for row in session.connection.execute(f"DESCRIBE {sql}").fetchall()]


def _glue_columns(columns: Columns) -> list[dict[str, str]]:
    return [{"Name": name.lower(), "Type": _glue_type(kind)} for name, kind in columns]


def _glue_type(kind: str) -> str:
    if kind.endswith("[]") or kind.startswith("STRUCT("):
        nested = str(exp.DataType.build(kind, dialect="duckdb").sql("hive")).lower()
        return re.sub(r"(?<=[:,]) |`", "", nested)
    if kind.startswith("DECIMAL"):
        return kind.lower()
    return _GLUE_TYPES.get(kind, "string")


def _options(properties: exp.Expression | None) -> dict[str, str]:
    found = {}
    for item in properties.expressions if properties is not None else []:
        name = "format" if isinstance(item, exp.FileFormatProperty) else item.name.lower()
        value = item.this if isinstance(item, exp.FileFormatProperty) else item.args.get("value")
        found[name] = str(getattr(value, "name", value)).strip("'")
    return found


def _create_in_glue(database: str, table: dict[str, Any]) -> None:
    status, _, body = glue._create_table({"DatabaseName": database, "TableInput": table})
    if status >= 300:
        raise QueryError(json.loads(body).get("message", "Glue refused the table"))
