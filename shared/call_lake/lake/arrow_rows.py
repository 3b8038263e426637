"""Rows as Arrow tables: the schema of a data file, JSON lines converted to it (rule 21), and which of two rows with one
key counts (rule 18)."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake.errors import DoesNotFit
from call_lake.model.lake_tables import LakeTable, TablePartition
from call_lake.model.table import PARTITION_COLUMNS, Row

# Instants, adjusted to UTC: Athena's timestamp(3) shows them in UTC, Spark and DuckDB in the session's time zone.
TIMESTAMP = pa.timestamp("ms", "UTC")
_ARROW = {
    "string": pa.string(),
    "timestamp": TIMESTAMP,
    "double": pa.float64(),
    "int": pa.int32(),
    "bigint": pa.int64(),
}
_PYTHON: dict[str, set[type]] = {
    "string": {str},
    "timestamp": {str},
    "double": {int, float},
    "int": {int},
    "bigint": {int},
}
_NESTED = re.compile(r"array<struct<([a-z0-9_:,]+)>>")
"""The one kind of column besides those of ``_ARROW``."""
DIGEST = pa.binary(16)
KEY = pa.binary(16)
_BETWEEN = "\0"
"""Between the parts of a row's key. Ids and names of engines never have it."""
_TIES = 1 << 15  # more words than an hour has; the year 9999 in milliseconds still fits into 64 bits with them


def arrow_schema(table: LakeTable, columns: Iterable[str] | None = None) -> pa.Schema:
    """The schema of a data file; of these columns alone, in the order given, where they are named."""
    kinds = table.columns if columns is None else {name: table.columns[name] for name in columns}
    return _schema(tuple(kinds.items()))


@lru_cache
def _schema(kinds: tuple[tuple[str, str], ...]) -> pa.Schema:
    return pa.schema([(name, _arrow_type(kind)) for name, kind in kinds])


def _arrow_type(kind: str) -> pa.DataType:
    if kind in _ARROW:
        return _ARROW[kind]
    struct = pa.struct([(name, _ARROW[inner]) for name, inner in _fields(kind).items()])
    # The name that Parquet gives the elements, so that what is read has the type that was written.
    return pa.list_(pa.field("element", struct))


def _fields(kind: str) -> dict[str, str]:
    """The fields of an array's structs: name -> kind."""
    nested = _NESTED.fullmatch(kind)
    if nested is None:
        raise ValueError(f"{kind} is no kind of column")
    fields = (field.partition(":") for field in nested[1].split(","))
    return {name: inner for name, _, inner in fields}


def _no_constant(name: str) -> NoReturn:
    raise DoesNotFit(f"{name} is no JSON number")


# Not pyarrow.json: a line with a bare null makes it crash the process.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def table_of(lines: Sequence[str], partition: TablePartition) -> tuple[pa.Table, list[tuple[int, str]]]:
    """Convert JSON lines. Return the rows that fit, in their order, and of every other line its position and why."""
    rows: list[tuple[int, Row]] = []
    rejected: list[tuple[int, str]] = []
    for position, line in enumerate(lines):
        try:
            rows.append((position, _row(line, partition)))
        except DoesNotFit as error:
            rejected.append((position, str(error)))
    tables = list(_convert(partition.table, rows, rejected))
    return pa.concat_tables([arrow_schema(partition.table).empty_table(), *tables]), sorted(rejected)


def _row(line: str, partition: TablePartition) -> Row:
    table = partition.table
    try:
        row = _DECODER.decode(line)
    except DoesNotFit:
        raise
    except (ValueError, RecursionError) as error:
        raise DoesNotFit(f"no JSON: {type(error).__name__}") from None
    if not isinstance(row, dict):
        raise DoesNotFit("no JSON object")
    version = row.get("schema_version")
    if type(version) is not int or not 1 <= version <= table.schema_version:
        raise DoesNotFit(f"schema_version: this compactor knows 1 to {table.schema_version}; deploy a newer one, retry")
    if unknown := row.keys() - table.columns.keys() - {*PARTITION_COLUMNS}:
        raise DoesNotFit(f"{len(unknown)} columns that the table does not have")
    if row.get("source") != partition.source or row.get("call_date") != partition.call_date.isoformat():
        raise DoesNotFit("source and call_date are not those of the object's key")
    for name in table.required:
        if row.get(name) in (None, ""):
            raise DoesNotFit(f"{name}: missing")
    return row


def _convert(table: LakeTable, rows: list[tuple[int, Row]], rejected: list[tuple[int, str]]) -> list[pa.Table]:
    """Convert all rows at once. Where they do not fit, halve them until only the wrong rows are left alone."""
    if not rows:
        return []
    try:
        columns = [_column(name, kind, [row.get(name) for _, row in rows]) for name, kind in table.columns.items()]
        return [pa.Table.from_arrays(columns, schema=arrow_schema(table))]
    except DoesNotFit as error:
        if len(rows) == 1:
            rejected.append((rows[0][0], str(error)))
            return []
        half = len(rows) // 2
        return _convert(table, rows[:half], rejected) + _convert(table, rows[half:], rejected)


def _column(name: str, kind: str, values: list[Any]) -> pa.Array:
    _check(name, kind, values)
    try:
        if kind == "timestamp":
            return pa.array(values, pa.string()).cast(TIMESTAMP)
        return pa.array(values, _arrow_type(kind))
    except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
        raise DoesNotFit(f"{name}: {type(error).__name__}, does not fit {kind.partition('<')[0]}") from None


def _check(name: str, kind: str, values: Iterable[Any]) -> None:
    """Raise DoesNotFit where a value, or one inside it, has another type: pyarrow itself would turn 1.5 into 1, and
    true into 1.0, and would leave out what a struct does not have."""
    if kind in _ARROW:
        _check_types(name, kind, values, {*_PYTHON[kind], type(None)})
        return
    _check_types(name, "array", values, {list, type(None)})
    inside = [element for value in values if value is not None for element in value]
    _check_types(name, "struct", inside, {dict})
    fields = _fields(kind)
    if unknown := set[str]().union(*inside) - fields.keys():
        raise DoesNotFit(f"{name}: {len(unknown)} fields that the column does not have")
    for field, inner in fields.items():
        _check(f"{name}.{field}", inner, [element.get(field) for element in inside])


def _check_types(name: str, kind: str, values: Iterable[Any], allowed: set[type]) -> None:
    if wrong := set(map(type, values)) - allowed:
        raise DoesNotFit(f"{name}: {' and '.join(sorted(t.__name__ for t in wrong))} instead of {kind}")


def rows_of(rows: pa.Table, partition: TablePartition) -> list[Row]:
    """The rows as JSON values, as ``table_of`` was given them, with the columns that ``rows`` has."""
    kinds = partition.table.columns
    columns = [
        pc.strftime(rows[name], format="%Y-%m-%dT%H:%M:%SZ") if kinds[name] == "timestamp" else rows[name]
        for name in rows.column_names
    ]
    place = {"source": partition.source, "call_date": partition.call_date.isoformat()}
    plain = pa.Table.from_arrays(columns, names=rows.column_names)
    return [row | place for row in plain.to_pylist()]


def conform(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give rows that were read from an older file the columns of ``schema``. Columns that they do not have are
    null."""
    if rows.schema.equals(schema):
        return rows
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def sorted_rows(rows: pa.Table, table: LakeTable) -> pa.Table:
    """In the order of a data file: by the column that the table is sorted by, then by key."""
    return rows.sort_by([(name, "ascending") for name in (table.sort, *table.key)])


def is_one_of(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    """For each text of the column whether it is among ``values``."""
    return pc.is_in(column, value_set=pa.array(sorted(values), pa.string()))


def fits_text(column: pa.ChunkedArray, fits: Callable[[str], bool]) -> pa.ChunkedArray:
    """For each text of the column whether it fits; not for a null. Each different text is asked once."""
    return is_one_of(column, {text for text in pc.unique(column).to_pylist() if text is not None and fits(text)})


# -- the key of a row


def row_keys(rows: pa.Table, table: LakeTable) -> pa.ChunkedArray:
    """What tells the rows of a table apart, as one text: the recording id alone in most tables."""
    if len(table.key) == 1:
        return rows["recording_id"]
    return pc.binary_join_element_wise(*(rows[name] for name in table.key), _BETWEEN)


def row_key(*parts: str) -> str:
    """The key of the row with these values of the table's key columns."""
    return _BETWEEN.join(parts)


def recording_of(key: str, table: LakeTable) -> str:
    """The recording that a row's key names."""
    return key if len(table.key) == 1 else key.partition(_BETWEEN)[0]


def without_keys(rows: pa.Table, keys: Collection[str], table: LakeTable) -> pa.Table:
    """The rows with other keys (``row_keys``)."""
    return rows.filter(pc.invert(is_one_of(row_keys(rows, table), keys))) if keys else rows


def without_ids(rows: pa.Table, ids: Collection[str]) -> pa.Table:
    """The rows of all other recordings."""
    return rows.filter(pc.invert(is_one_of(rows["recording_id"], ids))) if ids else rows


def keys_of(ids: pa.ChunkedArray, source: str) -> pa.Array:
    """Shorten each recording id to 16 bytes, under a third of its text. For an id that we made
    (``model.recording.recording_id``) these are the 128 bits that it writes in hex, for any other a BLAKE2 digest."""
    prefix = f"{source}-"
    bits = _bits_of(ids, prefix)
    if bits is None:
        return pa.array([_key_of(text, prefix) for text in ids.to_pylist()], KEY)
    return pa.Array.from_buffers(KEY, len(ids), [None, pa.py_buffer(bits)])


def _key_of(text: str, prefix: str) -> bytes:
    if re.fullmatch(f"{prefix}[0-9a-f]{{32}}", text):
        return bytes.fromhex(text[-32:])
    return blake2b(text.encode(), digest_size=16).digest()


def _bits_of(ids: pa.ChunkedArray, prefix: str) -> bytes | None:
    """The bits of all ids at once, which is faster; None where an id is not the prefix and 32 lower-case hex digits."""
    if not len(ids):
        return b""
    start, end = len(prefix), len(prefix) + 32
    lengths = pc.min_max(pc.binary_length(ids)).as_py()
    if lengths != {"min": end, "max": end} or not pc.all(pc.starts_with(ids, prefix)).as_py():
        return None
    digits = pc.binary_slice(ids.cast(pa.binary()), start, end)
    text = "".join(str(chunk.buffers()[2], "ascii", "replace") for chunk in digits.chunks)
    try:
        bits = bytes.fromhex(text)
    except ValueError:
        return None
    return bits if bits.hex() == text else None  # else ids that differ in capitals or blanks would have one key


def versions_schema(table: LakeTable) -> pa.Schema:
    """Of ``versions_of``. ``part`` is what a row's key has besides the recording; most tables have no such column."""
    part = [("part", pa.string())] if len(table.key) > 1 else []
    return pa.schema([("key", KEY), ("rank", pa.int64()), *part])


def version_columns(table: LakeTable, *, ties: bool) -> list[str]:
    """The columns that ``versions_of`` reads. ``ties``: whether two rows may have the same moment."""
    return [*table.key, table.rank, *([table.tie] if table.tie and ties else [])]


def versions_of(rows: pa.Table, partition: TablePartition) -> pa.Table:
    """``key`` (``keys_of``), ``rank`` and perhaps ``part`` of every row. Of two rows with one key the one with the
    higher rank counts."""
    table = partition.table
    columns = [keys_of(rows["recording_id"], partition.source), ranks_of(rows, table)]
    parts = [rows[name] for name in table.key[1:]]
    return pa.Table.from_arrays([*columns, *parts], schema=versions_schema(table))


def ranks_of(rows: pa.Table, table: LakeTable) -> pa.ChunkedArray:
    """The rank of every row, see ``versions_of``: the moment in the column ``table.rank``, and within a millisecond the
    column ``table.tie``.

    Two rows of ``calls`` with one rank are the same row, delivered twice: the ledger's first write freezes what was
    listed, and the stored object what the audio is (rules 6 and 13). Of two rows of another table the first one that
    was committed stays.
    """
    rank = pc.multiply(rows[table.rank].cast(pa.int64()), _TIES)
    if table.tie not in rows.column_names:  # a caller that knows that there is no tie need not read the column
        return rank
    tie = rows[table.tie]
    if pa.types.is_integer(tie.type):
        small = pc.min_element_wise(pc.max_element_wise(tie.cast(pa.int64()), 0), _TIES - 1)
        return pc.add(rank, pc.fill_null(small, 0))
    return pc.add(rank, pc.is_null(tie).cast(pa.int64()))


def newest_of(rows: pa.Table, table: LakeTable) -> pa.Table:
    """Of each key the row with the highest rank, in the order of ``rows``."""
    keys = row_keys(rows, table)
    if len(set(keys.to_pylist())) == rows.num_rows:
        return rows
    ranked = pa.Table.from_arrays([keys, ranks_of(rows, table)], names=["key", "rank"])
    order = pc.sort_indices(ranked, [("key", "ascending"), ("rank", "descending")])
    ordered = keys.take(order).combine_chunks()
    is_first = pa.concat_arrays([pa.array([True]), pc.not_equal(ordered.slice(1), ordered.slice(0, len(ordered) - 1))])
    winners = order.filter(is_first)
    return rows.take(winners.take(pc.sort_indices(winners)))


def digests_of(rows: pa.Table, table: LakeTable) -> pa.Array:
    """16 bytes for each row (BLAKE2). If they are equal, every column is. The hashed text holds the length of each
    string, so two different rows never have the same text."""
    parts = []
    for name, kind in table.columns.items():
        column = rows[name] if kind in _ARROW else _as_json(rows[name])
        if pa.types.is_string(column.type):
            parts.append(pc.binary_length(column).cast(pa.string()))
        parts.append((column.cast(pa.int64()) if kind == "timestamp" else column).cast(pa.string()))
    texts = pc.binary_join_element_wise(*parts, ",", null_handling="replace", null_replacement="")
    hashed = (blake2b(text, digest_size=16).digest() for text in texts.cast(pa.binary()).to_pylist())
    return pa.array(hashed, DIGEST)


def _as_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([[None if one is None else json.dumps(one) for one in column.to_pylist()]], pa.string())
