"""Glue tables as DuckDB relations over the local copy of exactly those objects that Athena would read.

Each query has its own copies, which are deleted when it ends: an erased recording is not left in any of them.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
from ministack.services import athena, glue, s3
from sqlglot import exp

from call_lake_local.ministack.locations import (
    BadTable,
    Partition,
    location_of,
    split_uri,
)

SYMLINK_FORMAT = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"

# Glue's type: what DuckDB calls it, and what of a Parquet file Athena reads as that type.
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "string": ("VARCHAR", ("VARCHAR", "JSON", "UUID", "ENUM")),
    "varchar": ("VARCHAR", ("VARCHAR", "JSON", "UUID", "ENUM")),
    "char": ("VARCHAR", ("VARCHAR",)),
    "boolean": ("BOOLEAN", ("BOOLEAN",)),
    "tinyint": ("TINYINT", _INTEGERS[:1]),
    "smallint": ("SMALLINT", _INTEGERS[:2]),
    "int": ("INTEGER", _INTEGERS[:3]),
    "integer": ("INTEGER", _INTEGERS[:3]),
    "bigint": ("BIGINT", _INTEGERS),
    "float": ("FLOAT", ("FLOAT",)),
    "double": ("DOUBLE", ("FLOAT", "DOUBLE")),
    "decimal": ("DECIMAL", ("DECIMAL", *_INTEGERS)),
    "date": ("DATE", ("DATE",)),
    "timestamp": ("TIMESTAMP", ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")),
    "binary": ("BLOB", ("BLOB", "VARCHAR")),
}  # fmt: skip
_NESTED = re.compile(r"(array|struct|map)<")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the Glue catalogue: its name and the definition as Glue keeps it."""

    database: str
    name: str
    definition: Mapping[str, Any]

    @property
    def partition_keys(self) -> list[str]:
        return [key["Name"] for key in self.definition.get("PartitionKeys") or []]

    @property
    def key_types(self) -> list[tuple[str, str]]:
        """Of each partition key its name, and DuckDB's type for it."""
        kinds = dict(self.columns)
        return [(key, _duckdb_type(kinds[key])) for key in self.partition_keys]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Name and Glue type, the partition keys last, as SELECT * shows them."""
        storage = self.definition.get("StorageDescriptor") or {}
        both = (storage.get("Columns") or []) + (self.definition.get("PartitionKeys") or [])
        return [(column["Name"], str(column.get("Type", "string")).lower()) for column in both]

    @property
    def view_text(self) -> str | None:
        """The encoded definition of a view, None for a table."""
        is_view = self.definition.get("TableType") == "VIRTUAL_VIEW"
        return str(self.definition.get("ViewOriginalText") or "") if is_view else None


@dataclass(frozen=True, slots=True)
class Relation:
    """The SQL that replaces a table in a FROM clause, and how many bytes of the lake it may read."""

    sql: str
    size_bytes: int
    folders: tuple[str, ...] = ()  # to be removed when the query is done


def find_table(database: str, name: str) -> Table | None:
    definition = glue._tables.get(f"{database}/{name}")
    return Table(database, name, definition) if definition else None


def partitions_of(table: Table) -> list[Partition]:
    """The registered partitions: Athena sees no others. Raises BadTable."""
    if not table.partition_keys:
        return [((), location_of(table.definition))]
    return [
        (tuple(partition["Values"]), partition["StorageDescriptor"]["Location"].rstrip("/") + "/")
        for partition in glue._partitions.get(f"{table.database}/{table.name}") or []
    ]


def relation_of(
    table: Table, choose: Callable[[list[Partition]], list[Partition]], connection: duckdb.DuckDBPyConnection
) -> Relation:
    """The table's rows in the partitions that ``choose`` leaves. Raises BadTable."""
    storage = table.definition.get("StorageDescriptor") or {}
    symlinks = storage.get("InputFormat") == SYMLINK_FORMAT
    if athena._data_format(table.definition) != "parquet":
        return _other_format(table)
    copies, size_bytes = [], 0
    top = Path(tempfile.mkdtemp(prefix="athena-"))
    try:
        for values, location in choose(partitions_of(table)):
            folders = zip(table.partition_keys, values, strict=True)
            home = top.joinpath(*(f"{key}={quote(value, safe='')}" for key, value in folders))
            for bucket, key in _linked(location) if symlinks else _listed(location):
                copy, size = _local_copy(bucket, key, home)
                copies.append(copy)
                size_bytes += size
        sql = _parquet(table, copies, connection) if copies else _empty(table)
    except BaseException:
        shutil.rmtree(top, ignore_errors=True)
        raise
    return Relation(sql, size_bytes, (str(top),))


def _other_format(table: Table) -> Relation:
    folders: list[str] = []
    files = athena._materialize_table_files(location_of(table.definition), folders)
    sql = athena._table_relation(table.definition, files) if files else athena._empty_relation(table.definition)
    return Relation(sql, sum(Path(file).stat().st_size for file in files), tuple(folders))


def _keys(bucket: str, prefix: str) -> list[str]:
    objects = (s3._buckets.get(bucket) or {"objects": {}})["objects"]
    return sorted(key for key in list(objects) if key.startswith(prefix))


def _listed(location: str) -> Iterable[tuple[str, str]]:
    bucket, prefix = split_uri(location)
    for key in _keys(bucket, prefix):
        if not key.endswith("/") and not athena._hidden(key[len(prefix) :]):
            yield bucket, key


def _linked(location: str) -> Iterable[tuple[str, str]]:
    """The objects that the manifests of a partition name, one URI a line."""
    for bucket, key in _listed(location):
        for line in s3._get_object_data(bucket, key).decode().splitlines():
            if line.strip():
                yield split_uri(line.strip())


def _local_copy(bucket: str, key: str, home: Path) -> tuple[Path, int]:
    """A local file with this object's bytes, and its size."""
    record = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key)
    if record is None:
        raise BadTable(f"HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://{bucket}/{key}: no such object")
    name = hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()[:32]
    copy = home / f"{name}.parquet"
    if not copy.exists():
        home.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            # The emulator replaces an object's file, it never writes into it: a link stays what it was.
            os.link(s3._object_disk_path(bucket, key) or "", copy)
        if not copy.exists():
            copy.write_bytes(s3._get_object_data(bucket, key))
    return copy, record["size"]


def _parquet(table: Table, files: list[Path], connection: duckdb.DuckDBPyConnection) -> str:
    """Columns by name, as Athena reads Parquet: one that no file has is null, and a type that differs is an error."""
    types = ", ".join(f"{_quoted(key)}: {kind}" for key, kind in table.key_types)
    hive = f"hive_partitioning = true, hive_types = {{{types}}}" if types else "hive_partitioning = false"
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    source = f"read_parquet([{listed}], union_by_name = true, {hive})"
    found = {row[0].lower(): row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608
    columns = ", ".join(_column(name, kind, found.get(name.lower())) for name, kind in table.columns)
    return f"(SELECT {columns} FROM {source})"  # noqa: S608


def _empty(table: Table) -> str:
    columns = ", ".join(_column(name, kind, None) for name, kind in table.columns)
    return f"(SELECT {columns} WHERE false)"


def _column(name: str, kind: str, found: str | None) -> str:
    if found is None:
        return f"CAST(NULL AS {_duckdb_type(kind)}) AS {_quoted(name)}"
    if not _readable(kind, found):
        raise BadTable(
            f"HIVE_BAD_DATA: Field {name}'s type {found} in parquet file is incompatible with type {kind}"
            " defined in table schema"
        )
    return f"CAST({_quoted(name)} AS {_duckdb_type(kind)}) AS {_quoted(name)}"


def _readable(kind: str, found: str) -> bool:
    """Whether a column of Glue's type may be this one of a file. Of nested ones the outer type alone is compared."""
    if nested := _NESTED.match(kind):
        return {"array": found.endswith("]"), "struct": found.startswith("STRUCT(")}.get(nested[1], True)
    base, kinds = found.partition("(")[0], _TYPES.get(kind.partition("(")[0].strip())
    return kinds is None or base in kinds[1]


def _duckdb_type(kind: str) -> str:
    if _NESTED.match(kind):  # DuckDB casts fields by their names, and one that a file lacks is null, as Athena reads it
        return str(exp.DataType.build(kind, dialect="hive").sql("duckdb"))
    base, bracket, parameters = kind.partition("(")
    name = _TYPES.get(base.strip(), ("VARCHAR", ()))[0]
    return f"{name}({parameters}" if bracket and name == "DECIMAL" else name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
