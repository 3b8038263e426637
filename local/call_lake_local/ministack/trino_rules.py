"""Refuse what Athena refuses and DuckDB accepts, so that a query that runs here also runs in Athena.

Only certain errors are refused: a column of unknown type or origin passes.
"""

from collections.abc import Mapping
from datetime import date

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from call_lake_local.ministack.trino_sql import UnsupportedSql

type Columns = Mapping[str, str]  # Glue's type by column

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_CERTAIN = (exp.Column, exp.Literal, exp.Cast, exp.CurrentDate, exp.CurrentTimestamp, exp.Date, exp.Add, exp.Sub)
_KINDS = {
    "text": (exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.CHAR),
    "number": (
        *(exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT),
        *(exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL),
    ),
    "time": (exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ),
    "truth": (exp.DType.BOOLEAN,),
}


class Refused(Exception):
    """Athena would not run this query."""


def check(query: exp.Expression, database: str, tables: Mapping[tuple[str, str], Columns]) -> None:
    """``tables``: the columns of the Glue tables that the query may name. Raises Refused, UnsupportedSql."""
    schema = MappingSchema(dialect="athena")
    for (schema_name, name), columns in tables.items():
        schema.add_table(exp.table_(name, db=schema_name), dict(columns), dialect="athena")
    try:
        qualified = qualify(
            query.copy(),
            schema=schema,
            db=database,
            dialect="athena",
            expand_alias_refs=False,
            validate_qualify_columns=False,
            quote_identifiers=False,
        )
        annotate_types(qualified, schema=schema, dialect="athena")
    except SqlglotError:  # the query itself will report better what sqlglot cannot read
        return
    for select in qualified.find_all(exp.Select):
        _refuse_aliases(select)
    for comparison in qualified.find_all(*_COMPARISONS):
        _refuse_mixed_types(comparison)
    for literal in qualified.find_all(exp.Cast):
        _refuse_wrong_day(literal)
    for unnest in qualified.find_all(exp.Unnest):
        _refuse_other_fields(unnest)


def _refuse_aliases(select: exp.Select) -> None:
    """A name given in SELECT is not known yet in WHERE, GROUP BY and HAVING."""
    given = {column.alias.lower() for column in select.expressions if isinstance(column, exp.Alias)}
    for clause in ("where", "group", "having"):
        part = select.args.get(clause)
        for column in part.find_all(exp.Column) if part is not None else ():
            if not column.table and column.name.lower() in given and column.find_ancestor(exp.Select) is select:
                raise Refused(f"COLUMN_NOT_FOUND: Column '{column.name}' cannot be resolved")


def _refuse_mixed_types(comparison: exp.Expression) -> None:
    if isinstance(comparison, exp.Between):
        others = [comparison.args["low"], comparison.args["high"]]
    elif isinstance(comparison, exp.In):
        others = comparison.expressions
    else:
        others = [comparison.expression]
    for other in others:
        left, right = _kind(comparison.this), _kind(other)
        if left and right and left != right:
            types = f"{_type_name(comparison.this)}, {_type_name(other)}"
            raise Refused(f"TYPE_MISMATCH: Cannot apply operator to {types}: {comparison.sql('athena')}")


def _refuse_wrong_day(cast: exp.Expression) -> None:
    """``DATE '1.11.2026'``: a day has the form 2026-11-01."""
    text = cast.this
    if cast.to.is_type(exp.DType.DATE) and isinstance(text, exp.Literal) and text.is_string:
        try:
            date(*map(int, text.name.strip().split("-")))
        except (ValueError, TypeError):
            raise Refused(f"INVALID_LITERAL: '{text.name}' is not a valid DATE literal") from None


def _refuse_other_fields(unnest: exp.Expression) -> None:
    """UNNEST of rows gives a column for each field, so a list of names has to name them all."""
    kind = unnest.expressions[0].type
    row = kind.expressions[0] if kind is not None and kind.is_type(exp.DType.ARRAY) and kind.expressions else None
    if len(unnest.expressions) != 1 or row is None or not row.is_type(exp.DType.STRUCT):
        return
    alias, place = unnest.args.get("alias"), isinstance(unnest.args.get("offset"), exp.Identifier)
    given, fields = len(alias.columns if alias else ()) + place, len(row.expressions) + place
    if given == place:
        raise UnsupportedSql(f"UNNEST of rows needs names for their {fields} columns here, like AS t (a, b)")
    if given != fields:
        raise Refused(
            f"MISMATCHED_COLUMN_ALIASES: Column alias list has {given} entries but '{unnest.alias}' has {fields}"
            " columns available"
        )


def _kind(node: exp.Expression) -> str | None:
    node = node.unnest()
    if not isinstance(node, _CERTAIN) or node.type is None:
        return None
    if isinstance(node, exp.Add | exp.Sub) and _kind(node.this) is None:
        return None
    return next((kind for kind, types in _KINDS.items() if node.type.is_type(*types)), None)


def _type_name(node: exp.Expression) -> str:
    return str(node.unnest().type.sql("athena")).lower()
