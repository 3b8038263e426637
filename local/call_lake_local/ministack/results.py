"""Values, types and result files as Athena gives them."""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

# DuckDB's type: Athena's, as ColumnInfo.Type says it.
_TYPES = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint",
    "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "bigint", "HUGEINT": "bigint",
    "FLOAT": "float", "DOUBLE": "double", "DECIMAL": "decimal", "VARCHAR": "varchar", "BLOB": "varbinary",
    "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
    "INTERVAL": "interval day to second", "JSON": "json", "MAP": "map", "STRUCT": "row", "UUID": "varchar",
}  # fmt: skip


class ColumnType(str):
    """Athena's name of a column's type, which carries its precision and scale where it has some."""

    __slots__ = ("precision_scale",)
    precision_scale: tuple[int, int] | None

    def __new__(cls, name: str, precision_scale: tuple[int, int] | None = None) -> "ColumnType":
        made = super().__new__(cls, name)
        made.precision_scale = precision_scale
        return made


def has_zone(duckdb_type: str) -> bool:
    return duckdb_type == "TIMESTAMP WITH TIME ZONE" or duckdb_type.startswith("TIMESTAMPTZ")


def column_type(duckdb_type: str) -> ColumnType:
    if duckdb_type.endswith("]"):
        return ColumnType("array")
    if has_zone(duckdb_type):
        return ColumnType("timestamp with time zone")
    base, _, parameters = duckdb_type.partition("(")
    if base == "DECIMAL":
        precision, scale = parameters.rstrip(")").split(",")
        return ColumnType("decimal", (int(precision), int(scale)))
    if base == "VARCHAR":
        return ColumnType("varchar", (2_147_483_647, 0))
    return ColumnType(_TYPES.get(base, "unknown"))


def text_of(value: Any) -> str | None:
    """A value as GetQueryResults and the result file print it; None is NULL."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return _double(value)
        case Decimal():
            return f"{value:f}"
        case dt.datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
        case dt.time():
            return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"
        case dt.timedelta():
            return _interval(value)
        case bytes():
            return value.hex(" ")
        case list() | tuple():
            return "[" + ", ".join(_inner(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{_field(key)}={_inner(item)}" for key, item in value.items()) + "}"
    return str(value)


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> bytes:
    """The result file of a query: every value in quotes, NULL as nothing at all, which distinguishes '' from NULL."""
    lines = [",".join(_quoted(column) for column in columns)]
    lines += [",".join("" if value is None else _quoted(value) for value in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _inner(value: Any) -> str:
    text = text_of(value)
    return "null" if text is None else text


def _field(name: str) -> str:
    """A field without a name is ``field0``, ``field1``, … by its place
    (https://docs.aws.amazon.com/athena/latest/ug/creating-row.html); to DuckDB it is ``_0``, ``_1``, …"""
    return re.sub(r"^_(?=\d+$)", "field", str(name))


def _double(value: float) -> str:
    """As Java prints a double: with a point, and with an exponent from ten million on and below a thousandth."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        digits = f"{Decimal(repr(value)):f}"
        return digits if "." in digits else digits + ".0"
    sign, digits_of, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, digits_of))
    return f"{'-' if sign else ''}{digits[0]}.{digits[1:] or '0'}E{int(exponent) + len(digits) - 1}"


def _interval(value: dt.timedelta) -> str:
    sign, length = ("-", -value) if value < dt.timedelta() else ("", value)
    hours, rest = divmod(length.seconds, 3600)
    return f"{sign}{length.days} {hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{length.microseconds // 1000:03d}"
