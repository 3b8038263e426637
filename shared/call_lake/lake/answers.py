"""An answer of Athena as a Parquet file, with its own types instead of text."""

from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from call_lake.lake.arrow_rows import TIMESTAMP

_ARROW = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "decimal": pa.float64(),
}
"""By Athena's name of a type: https://docs.aws.amazon.com/athena/latest/ug/data-types.html. All others are text."""


def write_parquet(names: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[Any]], out: BinaryIO) -> None:
    """``types``: Athena's, in lower case, without lengths. Moments are ISO 8601 in UTC."""
    columns = [_column(kind, [row[position] for row in rows]) for position, kind in enumerate(types)]
    pq.write_table(pa.Table.from_arrays(columns, names=list(names)), out, compression="zstd")


def _column(kind: str, values: list[Any]) -> pa.Array:
    if kind.startswith("timestamp"):
        return pa.array(values, pa.string()).cast(TIMESTAMP)
    if kind == "date":
        return pa.array(values, pa.string()).cast(pa.date32())
    if kind in _ARROW:
        return pa.array(values, _ARROW[kind])
    return pa.array([None if value is None else str(value) for value in values], pa.string())
