"""Rows as Arrow tables: the schema of a data file, JSON lines converted to it (rule 21), and which of two rows of one
recording counts (rule 18)."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from hashlib import blake2b
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from call_lake.lake.errors import DoesNotFit
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS, PARTITION_COLUMNS, SCHEMA_VERSION, Row

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
SCHEMA = pa.schema([(name, _ARROW[kind]) for name, kind in COLUMNS.items()])
REQUIRED = ("recording_id", "started_at", "stored_at")
DIGEST = pa.binary(16)
KEY = pa.binary(16)
VERSIONS = pa.schema([("key", KEY), ("rank", pa.int64())])
ORDER = [("started_at", "ascending"), ("recording_id", "ascending")]
_KNOWN = {*COLUMNS, *PARTITION_COLUMNS}


def _no_constant(name: str) -> NoReturn:
    raise DoesNotFit(f"{name} is no JSON number")


# Not pyarrow.json: a line with a bare null makes it crash the process.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def table_of(lines: Sequence[str], partition: Partition) -> tuple[pa.Table, list[tuple[int, str]]]:
    """Convert JSON lines. Return the rows that fit, in their order, and of every other line its position and why."""
    rows: list[tuple[int, Row]] = []
    rejected: list[tuple[int, str]] = []
    for position, line in enumerate(lines):
        try:
            rows.append((position, _row(line, partition)))
        except DoesNotFit as error:
            rejected.append((position, str(error)))
    tables = list(_convert(rows, rejected))
    return pa.concat_tables([SCHEMA.empty_table(), *tables]), sorted(rejected)


def _row(line: str, partition: Partition) -> Row:
    try:
        row = _DECODER.decode(line)
    except DoesNotFit:
        raise
    except (ValueError, RecursionError) as error:
        raise DoesNotFit(f"no JSON: {type(error).__name__}") from None
    if not isinstance(row, dict):
        raise DoesNotFit("no JSON object")
    version = row.get("schema_version")
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise DoesNotFit(f"schema_version: this compactor knows 1 to {SCHEMA_VERSION}; deploy a newer one, retry")
    if not row.keys() <= _KNOWN:
        raise DoesNotFit(f"{len(row.keys() - _KNOWN)} columns that the table does not have")
    if row.get("source") != partition.source or row.get("call_date") != partition.call_date.isoformat():
        raise DoesNotFit("source and call_date are not those of the object's key")
    for name in REQUIRED:
        if row.get(name) in (None, ""):
            raise DoesNotFit(f"{name}: missing")
    return row


def _convert(rows: list[tuple[int, Row]], rejected: list[tuple[int, str]]) -> list[pa.Table]:
    """Convert all rows at once. Where they do not fit, halve them until only the wrong rows are left alone."""
    if not rows:
        return []
    try:
        columns = [_column(name, [row.get(name) for _, row in rows]) for name in COLUMNS]
        return [pa.Table.from_arrays(columns, schema=SCHEMA)]
    except DoesNotFit as error:
        if len(rows) == 1:
            rejected.append((rows[0][0], str(error)))
            return []
        half = len(rows) // 2
        return _convert(rows[:half], rejected) + _convert(rows[half:], rejected)


def _column(name: str, values: list[Any]) -> pa.Array:
    kind = COLUMNS[name]
    # pyarrow itself would turn 1.5 into 1, and true into 1.0.
    wrong = set(map(type, values)) - _PYTHON[kind] - {type(None)}
    if wrong:
        raise DoesNotFit(f"{name}: {' and '.join(sorted(t.__name__ for t in wrong))} instead of {kind}")
    try:
        if kind == "timestamp":
            return pa.array(values, pa.string()).cast(TIMESTAMP)
        return pa.array(values, _ARROW[kind])
    except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
        raise DoesNotFit(f"{name}: {type(error).__name__}, does not fit {kind}") from None


def rows_of(table: pa.Table, partition: Partition) -> list[Row]:
    """The rows as JSON values, as ``table_of`` was given them, with the columns that the table has."""
    columns = [
        pc.strftime(table[name], format="%Y-%m-%dT%H:%M:%SZ") if COLUMNS[name] == "timestamp" else table[name]
        for name in table.column_names
    ]
    place = {"source": partition.source, "call_date": partition.call_date.isoformat()}
    plain = pa.Table.from_arrays(columns, names=table.column_names)
    return [row | place for row in plain.to_pylist()]


def conform(table: pa.Table, schema: pa.Schema = SCHEMA) -> pa.Table:
    """Give a table that was read from an older file the columns of ``schema``. Columns that it does not have are
    null."""
    if table.schema.equals(schema):
        return table
    rows = table.num_rows
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def schema_of(columns: Iterable[str]) -> pa.Schema:
    """The schema of these columns alone, in the order given."""
    return pa.schema([SCHEMA.field(name) for name in columns])


def sorted_rows(table: pa.Table) -> pa.Table:
    """In the order of a data file: by ``started_at``, then by recording id."""
    return table.sort_by(ORDER)


def is_one_of(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    """For each text of the column whether it is among ``values``."""
    return pc.is_in(column, value_set=pa.array(sorted(values), pa.string()))


def fits_text(column: pa.ChunkedArray, fits: Callable[[str], bool]) -> pa.ChunkedArray:
    """For each text of the column whether it fits; not for a null. Each different text is asked once."""
    return is_one_of(column, {text for text in pc.unique(column).to_pylist() if text is not None and fits(text)})


def without_ids(table: pa.Table, ids: set[str]) -> pa.Table:
    """The rows of all other recordings."""
    return table.filter(pc.invert(is_one_of(table["recording_id"], ids))) if ids else table


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


def versions_of(table: pa.Table, source: str) -> pa.Table:
    """``key`` (``keys_of``) and ``rank`` of every row. Of two rows of a recording the one with the higher rank counts.

    That is the row with the later ``stored_at``. If both have the same, it is the row without ``audio_uri``, because a
    recording keeps its ``stored_at`` when its audio expires (ADR 0010). Two rows with the same rank are the same row,
    delivered twice: the ledger's first write freezes what was listed, and the stored object what the audio is (rules 6
    and 13).
    """
    return pa.Table.from_arrays([keys_of(table["recording_id"], source), ranks_of(table)], schema=VERSIONS)


def ranks_of(table: pa.Table) -> pa.ChunkedArray:
    """The rank of every row, see ``versions_of``."""
    rank = pc.multiply(table["stored_at"].cast(pa.int64()), 2)
    if "audio_uri" in table.column_names:  # a caller that knows that nothing expired need not read the column
        rank = pc.add(rank, pc.is_null(table["audio_uri"]).cast(pa.int64()))
    return rank


def newest_of(table: pa.Table) -> pa.Table:
    """Of each recording the row with the highest rank, in the order of the table."""
    if len(set(table["recording_id"].to_pylist())) == table.num_rows:
        return table
    ranked = pa.Table.from_arrays([table["recording_id"], ranks_of(table)], names=["id", "rank"])
    order = pc.sort_indices(ranked, [("id", "ascending"), ("rank", "descending")])
    ids = table["recording_id"].take(order).combine_chunks()
    is_first = pa.concat_arrays([pa.array([True]), pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1))])
    winners = order.filter(is_first)
    return table.take(winners.take(pc.sort_indices(winners)))


def digests_of(table: pa.Table) -> pa.Array:
    """16 bytes for each row (BLAKE2). If they are equal, every column is. The hashed text holds the length of each
    string, so two different rows never have the same text."""
    parts = []
    for name, kind in COLUMNS.items():
        column = table[name]
        if kind == "string":
            parts.append(pc.binary_length(column).cast(pa.string()))
        parts.append((column.cast(pa.int64()) if kind == "timestamp" else column).cast(pa.string()))
    texts = pc.binary_join_element_wise(*parts, ",", null_handling="replace", null_replacement="")
    hashed = (blake2b(text, digest_size=16).digest() for text in texts.cast(pa.binary()).to_pylist())
    return pa.array(hashed, DIGEST)
