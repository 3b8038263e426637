"""Find the SQL that documents and code hold, and what of it reads the lake without a bound on its days.

Athena reads every day of the lake for a query that does not bound ``call_date``, and each listing is a
request.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import sqlglot
from sqlglot import exp

TABLES = {"calls", "calls_open", "calls_daily", "transcripts", "sound"}
READ = re.compile(rf"\b(?:FROM|JOIN)\s+(?:\"?\w+\"?\.)?\"?(?:{'|'.join(sorted(TABLES))})\b")
"""Where a text reads one of them. In capitals, as all SQL here is: "from calls" is English."""
STATEMENT = r"(?:--[^\n]*\n|\s)*(?:SELECT|WITH)\b"
QUOTED = re.compile(rf"(?P<quote>[\"`])(?P<sql>{STATEMENT}(?:(?!(?P=quote)).)*)(?P=quote)", re.DOTALL)
FENCED = re.compile(r"^```sql\n(?P<sql>.*?)^```", re.DOTALL | re.MULTILINE)


def sql_texts(path: Path) -> list[str]:
    """The statements over the lake in a file. Raises ValueError where the file reads the lake outside of them."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".py":
            return [sql for constant in _constants(text) for sql in _in_text(constant, path)]
        case ".sql":
            return [text]
        case _:
            return _in_text(text, path)


def _in_text(text: str, path: Path) -> list[str]:
    if not READ.search(text):
        return []
    if re.match(STATEMENT, text):
        return [text]
    found = [*FENCED.finditer(text), *QUOTED.finditer(text)]
    spans = [one.span() for one in found]
    for read in READ.finditer(text):
        if not any(start <= read.start() < end for start, end in spans):
            raise ValueError(f"{path}: {read[0]!r} is in no statement: quote it, or put it in a block ```sql")
    return [one["sql"] for one in found if READ.search(one["sql"])]


def _constants(code: str) -> Iterator[str]:
    """Every text of a module. What is put into one at run time is 0 here."""
    tree = ast.parse(code)
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within:
            yield node.value


def unbounded(sql: str) -> list[str]:
    """The tables of the lake that the statements read without a lower bound on ``call_date``."""
    plain = re.sub(r"%\(\w+\)s", "'0'", sql)  # a parameter of Python's DB-API
    return [
        table.name
        for statement in sqlglot.parse(plain, read="athena")
        if statement is not None
        for select in statement.find_all(exp.Select)
        for table in _lake_tables(select)
        if not any(_bounds(term, table) for term in _terms(select))
    ]


def days_as_texts(sql: str) -> list[str]:
    """The comparisons of ``call_date`` with a text. Athena refuses them: ``call_date`` is a date."""
    plain = re.sub(r"%\(\w+\)s", "DATE '2026-10-01'", sql)
    return [
        found.sql()
        for statement in sqlglot.parse(plain, read="athena")
        if statement is not None
        for found in statement.find_all(exp.Predicate)
        if any(isinstance(side, exp.Column) and side.name == "call_date" for side in _sides(found))
        and any(_is_text(side) for side in _sides(found))
    ]


def _sides(predicate: exp.Expression) -> list[exp.Expression]:
    return [side for side in predicate.iter_expressions() if isinstance(side, exp.Expression)]


def _is_text(side: exp.Expression) -> bool:
    if isinstance(side, exp.Cast):
        return bool(side.to.is_type(exp.DType.VARCHAR, exp.DType.TEXT))
    return isinstance(side, exp.TimeToStr) or (isinstance(side, exp.Literal) and bool(side.is_string))


def _lake_tables(select: exp.Select) -> list[exp.Table]:
    """Those that this SELECT itself reads, not one within it."""
    ctes = {cte.alias for cte in select.root().find_all(exp.CTE)}
    tables = [table for table in select.find_all(exp.Table) if table.parent_select is select]
    return [table for table in tables if table.name in TABLES - ctes]


def _terms(select: exp.Select) -> list[exp.Expression]:
    """What WHERE joins by AND."""
    where = select.args.get("where")
    if where is None:
        return []
    condition = where.this.unnest()
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _bounds(term: exp.Expression, table: exp.Table) -> bool:
    """Whether a term bounds the table's days from below by what is known before the query runs."""
    match term:
        case (
            exp.GTE(this=day, expression=bound)
            | exp.GT(this=day, expression=bound)
            | exp.EQ(this=day, expression=bound)
        ):
            known = [bound]
        case exp.LTE(this=bound, expression=day) | exp.LT(this=bound, expression=day):
            known = [bound]
        case exp.Between():
            day, known = term.this, [term.args["low"], term.args["high"]]
        case exp.In():
            day, known = term.this, [*term.expressions, *([term.args["query"]] if term.args.get("query") else [])]
        case _:
            return False
    if not (isinstance(day, exp.Column) and day.name == "call_date" and day.table in ("", table.alias_or_name)):
        return False
    return not any(found.find(exp.Column, exp.Subquery) for found in known)
