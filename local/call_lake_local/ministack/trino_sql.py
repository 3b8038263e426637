"""Translate Trino's SQL, as Athena speaks it, to DuckDB's.

sqlglot translates most of it. This module adds what sqlglot leaves, or gives another meaning. Each rule has a case in
tests/integration/test_athena_adapter.py. Source of Trino's side: https://trino.io/docs/current/functions.html
"""

import re
from collections.abc import Callable

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

# Joda patterns of format_datetime and parse_datetime, longest first, as strftime's.
_JODA = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "ss": "%S", "SSS": "%g", "a": "%p",
    "EEEE": "%A", "EEE": "%a", "E": "%a", "e": "%u", "xxxx": "%G", "ww": "%V", "DDD": "%j",
}  # fmt: skip
_JODA_TOKEN = re.compile(r"'[^']*'|" + "|".join(sorted(_JODA, key=len, reverse=True)) + r"|[A-Za-z]+|[^A-Za-z']+")

# Functions of Trino that DuckDB knows by another name, or not at all.
MACROS = (
    "every(x) AS bool_and(x)",
    "map_agg(k, v) AS map(list(k), list(v))",
    "codepoint(s) AS unicode(s)",
    "nan() AS 'NaN'::DOUBLE",
    "infinity() AS 'Infinity'::DOUBLE",
    "yow(x) AS isoyear(x)",
    # A DATE stays one in Trino; DuckDB makes a TIMESTAMP of it.
    "__date_trunc(part, x DATE) AS CAST(date_trunc(part, x) AS DATE), (part, x TIMESTAMP) AS date_trunc(part, x),"
    " (part, x TIMESTAMPTZ) AS date_trunc(part, x)",
    "width_bucket(x, low, high, n) AS CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1"
    " ELSE CAST(floor((x - low)::DOUBLE / (high - low)::DOUBLE * n) AS BIGINT) + 1 END",
    "url_extract_host(u) AS nullif(regexp_extract(u, '^[a-z]+://(?:[^@/]*@)?([^:/?#]+)', 1), '')",
    "human_readable_seconds(s) AS array_to_string(list_filter(["
    + ", ".join(
        f"CASE WHEN {amount} > 0 THEN {amount} || ' {unit}' || CASE WHEN {amount} = 1 THEN '' ELSE 's' END END"
        for unit, amount in (
            ("week", "(round(s)::BIGINT // 604800)"),
            ("day", "(round(s)::BIGINT % 604800 // 86400)"),
            ("hour", "(round(s)::BIGINT % 86400 // 3600)"),
            ("minute", "(round(s)::BIGINT % 3600 // 60)"),
            ("second", "(round(s)::BIGINT % 60)"),
        )
    )
    + "], LAMBDA part : part IS NOT NULL), ', ')",
    # Trino writes a timestamp as text with milliseconds; everything else as DuckDB does.
    "__text(x) AS CASE WHEN typeof(x) LIKE 'TIMESTAMP%' AND typeof(x) NOT LIKE '%ZONE'"
    " THEN strftime(CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g') ELSE CAST(x AS VARCHAR) END",
    "to_iso8601(x) AS CASE typeof(x) WHEN 'DATE' THEN CAST(x AS VARCHAR) WHEN 'TIMESTAMP WITH TIME ZONE'"
    " THEN strftime(CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ')"
    " ELSE strftime(CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g') END",
)
# "/" of two integers is an integer in Trino; times without a zone are UTC in Athena. Nothing is fetched from the net.
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET integer_division = true",
    "SET autoinstall_known_extensions = false",
    "SET disabled_optimizers = 'type_pushdown'",
)

_EXTRACT = {
    "DAYOFWEEK": "ISODOW",  # Trino counts Monday 1 to Sunday 7
    "DOW": "ISODOW",
    "DAY_OF_WEEK": "ISODOW",
    "DAY_OF_MONTH": "DAY",
    "DAY_OF_YEAR": "DOY",
    "YEAR_OF_WEEK": "ISOYEAR",
    "YOW": "ISOYEAR",
}


class UnsupportedSql(Exception):
    """The statement is valid for Athena, but this adapter cannot translate it."""


def to_duckdb(statement: exp.Expression) -> exp.Expression:
    """Rewrite a parsed statement in place, so that its DuckDB text means what Trino's does. Raises UnsupportedSql."""
    annotate_types(statement, dialect="athena")
    for select in statement.find_all(exp.Select):
        _name_columns(select)
    for node in reversed(list(statement.find_all(*_RULES, exp.Anonymous))):  # the innermost first
        rule = _FUNCTIONS.get(node.name.lower()) if isinstance(node, exp.Anonymous) else _RULES.get(type(node))
        if rule is not None and (replacement := rule(node)) is not node:
            replacement.type = node.type
            node.replace(replacement)
    return statement


def zone_of(projection: exp.Expression) -> str | None:
    """The time zone or the offset (``+02:00``) that an output column carries in Trino and not in DuckDB. Raises
    UnsupportedSql for one that is not written out: it may differ from row to row."""
    node = projection.unalias()
    if isinstance(node, exp.AtTimeZone):
        zone = node.args["zone"]
    elif isinstance(node, exp.Anonymous) and node.name.lower() in ("at_timezone", "with_timezone"):
        zone = node.expressions[1] if len(node.expressions) == 2 else None
    elif isinstance(node, exp.FromISO8601Timestamp):
        zone = node.this
    else:
        return None
    if not isinstance(zone, exp.Literal) or not zone.is_string:
        raise UnsupportedSql("an output column's time zone has to be written out here, like 'Europe/Warsaw'")
    if not isinstance(node, exp.FromISO8601Timestamp):
        return str(zone.this)
    offset = re.search(r"T.*([+-]\d\d:\d\d)$", zone.this)
    return offset[1] if offset else None


def _name_columns(select: exp.Select) -> None:
    """A column without a name is _col0, _col1, … by its place."""
    for place, column in enumerate(select.expressions):
        if not isinstance(column, exp.Alias | exp.Aliases | exp.Column | exp.Dot | exp.Star):
            column.replace(exp.alias_(column.copy(), f"_col{place}"))


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _is_date(node: exp.Expression) -> bool:
    return bool(node.type and node.type.is_type(exp.DType.DATE))


def _keep_date(node: exp.Expression) -> exp.Expression:
    """DATE plus an interval is a DATE in Trino, a TIMESTAMP in DuckDB."""
    operand = node.this
    adds = isinstance(node, exp.Add | exp.Sub)
    if not _is_date(operand) or (adds and not isinstance(node.expression, exp.Interval)):
        return node
    return exp.cast(node.copy(), exp.DType.DATE)


def _date_trunc(node: exp.Expression) -> exp.Expression:
    return _call("__date_trunc", exp.Literal.string(node.text("unit").lower()), node.this)


def _date_diff(node: exp.Expression) -> exp.Expression:
    """Trino counts whole units that passed; DuckDB's date_diff counts the boundaries crossed."""
    return _call("DATE_SUB", exp.Literal.string(node.text("unit").lower()), node.expression, node.this)


def _at_time_zone(node: exp.Expression) -> exp.Expression:
    """A time without a zone is UTC in Athena; DuckDB would take it for local time of the zone."""
    return _local_time(node.this, node.args["zone"])


def _at_timezone(node: exp.Expression) -> exp.Expression:
    return _local_time(*node.expressions)


def _local_time(time: exp.Expression, zone: exp.Expression) -> exp.Expression:
    return exp.AtTimeZone(this=exp.cast(time.copy(), exp.DType.TIMESTAMPTZ), zone=zone.copy())


def _with_timezone(node: exp.Expression) -> exp.Expression:
    time, zone = node.expressions
    return exp.AtTimeZone(this=exp.cast(time.copy(), exp.DType.TIMESTAMP), zone=zone.copy())


def _millisecond(node: exp.Expression) -> exp.Expression:
    """Trino leaves the seconds out."""
    return exp.Mod(this=node.copy(), expression=exp.Literal.number(1000))


def _week_formats(node: exp.Expression) -> exp.Expression:
    pattern = node.args["format"]
    if isinstance(pattern, exp.Literal):
        pattern.replace(exp.Literal.string(pattern.name.replace("%v", "%V").replace("%x", "%G")))
    return node


def _slice(node: exp.Expression) -> exp.Expression:
    """Trino's third argument is a length, DuckDB's the last place."""
    start, length = node.args["start"], node.args["end"]
    last = exp.Sub(this=exp.Add(this=exp.paren(start), expression=exp.paren(length)), expression=exp.Literal.number(1))
    return _call("LIST_SLICE", node.this, start, last)


def _percentile(node: exp.Expression) -> exp.Expression:
    """Exact, and of the argument's own type, as Trino's is; DuckDB's approximation is always a double."""
    return _call("QUANTILE_DISC", node.this, node.args["quantile"])


def _extract(node: exp.Expression) -> exp.Expression:
    part = _EXTRACT.get(node.this.name.upper())
    return exp.Extract(this=exp.var(part), expression=node.expression.copy()) if part else node


def _regexp_extract(node: exp.Expression) -> exp.Expression:
    """No match is NULL in Trino, the empty string in DuckDB."""
    matches = exp.RegexpLike(this=node.this.copy(), expression=node.expression.copy())
    return exp.Case(ifs=[exp.If(this=matches, true=node.copy())])


def _series(node: exp.Expression) -> exp.Expression:
    if not _is_date(node.args["start"]):
        return node
    series = node.copy()
    if series.args.get("step") is None:
        series.set("step", exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY")))
    return exp.cast(series, exp.DataType.build("DATE[]", dialect="duckdb"))


def _unnest(node: exp.Expression) -> exp.Expression:
    """Rows of an array become a column for each field in Trino, one column in DuckDB. Which it is shows in the names
    that the query gives (``trino_rules`` has counted them)."""
    alias = node.args.get("alias")
    if len(node.expressions) != 1 or alias is None or len(alias.columns) < 2:
        return node
    [rows], place = node.expressions, node.args.get("offset")
    depth = exp.PropertyEQ(this=exp.var("max_depth"), expression=exp.Literal.number(2))
    columns = [_call("UNNEST", rows, depth)]
    names = alias.copy()
    if isinstance(place, exp.Identifier):  # WITH ORDINALITY
        columns.append(_call("GENERATE_SUBSCRIPTS", rows, exp.Literal.number(1)))
        names.append("columns", place.copy())
    return exp.Lateral(this=exp.select(*columns).subquery(), alias=names)


def _cast(node: exp.Expression) -> exp.Expression:
    if not node.to.is_type(exp.DType.VARCHAR, exp.DType.TEXT) or node.to.expressions:
        return node
    return _call("__text", node.this)


def _format(node: exp.Expression) -> exp.Expression:
    template, *values = (part.copy() for part in (node.this, *node.expressions))
    kinds = re.findall(r"%[^a-zA-Z%]*([a-zA-Z])", template.name)
    texts = [exp.cast(v, exp.DType.VARCHAR) if k == "s" else v for k, v in zip(kinds, values, strict=False)]
    return _call("PRINTF", template, *texts)


def _strftime(pattern: exp.Expression) -> exp.Expression:
    if not isinstance(pattern, exp.Literal):
        raise UnsupportedSql("format_datetime and parse_datetime need a literal pattern here")
    translated = []
    for token in _JODA_TOKEN.findall(pattern.name):
        if token.isalpha() and token not in _JODA:
            raise UnsupportedSql(f"{token!r} in a date pattern is not translated here")
        translated.append(_JODA.get(token, token.strip("'").replace("%", "%%")))
    return exp.Literal.string("".join(translated))


def _format_datetime(node: exp.Expression) -> exp.Expression:
    time, pattern = node.expressions
    return _call("STRFTIME", time, _strftime(pattern))


def _parse_datetime(node: exp.Expression) -> exp.Expression:
    parsed = _call("STRPTIME", node.this, _strftime(node.args["format"]))
    return exp.cast(parsed, exp.DType.TIMESTAMPTZ)


_RULES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.Add: _keep_date,
    exp.Sub: _keep_date,
    exp.DateAdd: _keep_date,
    exp.DateSub: _keep_date,
    exp.TimestampTrunc: _date_trunc,
    exp.DateTrunc: _date_trunc,
    exp.DateDiff: _date_diff,
    exp.AtTimeZone: _at_time_zone,
    exp.TimeToStr: _week_formats,
    exp.StrToTime: _week_formats,
    exp.ArraySlice: _slice,
    exp.ApproxQuantile: _percentile,
    exp.Extract: _extract,
    exp.RegexpExtract: _regexp_extract,
    exp.GenerateSeries: _series,
    exp.Unnest: _unnest,
    exp.Cast: _cast,
    exp.Format: _format,
    exp.ParseDatetime: _parse_datetime,
}
_FUNCTIONS: dict[str, Callable[[exp.Expression], exp.Expression]] = {
    "at_timezone": _at_timezone,
    "millisecond": _millisecond,
    "with_timezone": _with_timezone,
    "format_datetime": _format_datetime,
}
