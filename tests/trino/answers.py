"""The documented queries, the view, both tables and the adapter's list of Trino's functions: Trino's answer has to be
the Athena adapter's."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

from call_lake_local.named_queries import query_files
from tests.integration import test_athena_sql
from tests.integration.athena_lake import Lake
from tests.trino.client import Trino, TrinoError
from tests.trino.report import Check, compared
from tests.trino.world import World

EDITS = {"3 AS at_least_calls": "1 AS at_least_calls", "2 AS usual_at_least": "0 AS usual_at_least"}
"""Parameters of docs/queries with which a simulated month has an answer, as an analyst may edit them."""
NUMBER = "+48 000 000 000"  # the one in docs/queries, which has no calls
BOUND = "call_date >= current_date - interval '40' day"
BUSIEST = (
    f"SELECT caller FROM calls WHERE {BOUND} AND caller <> '' GROUP BY caller ORDER BY count(*) DESC, caller LIMIT 1"
)
AS_THEY_ARE = {
    "all of `calls`": f"SELECT * FROM calls WHERE {BOUND} ORDER BY recording_id",
    "all of `calls_open`": f"SELECT * FROM calls_open WHERE {BOUND} ORDER BY recording_id",
    "the view `calls_daily`, as deployed": f"SELECT * FROM calls_daily WHERE {BOUND} ORDER BY source, call_date",
}
READS_SAID = re.compile(r"\bFROM (transcripts|sound)\b")
"""Queries that ``transcripts.py`` asks, over invented rows."""
DAY = "2026-10-25"


def check(world: World) -> Iterator[Check]:
    [[number]] = world.athena.rows(BUSIEST)
    texts = {f"`{file.name}`": file.read_text() for file in query_files()}
    queries = {name: edited(sql, {NUMBER: str(number)}) for name, sql in texts.items() if not READS_SAID.search(sql)}
    for what, sql in (AS_THEY_ARE | queries).items():
        yield same(what, sql, world)
    yield from _functions(world)


def edited(sql: str, more: Mapping[str, str]) -> str:
    for old, new in {**EDITS, **more}.items():
        sql = sql.replace(old, new)
    return sql


def same(what: str, sql: str, world: World) -> Check:
    """Whether both give the same columns, types and rows."""
    ours = world.athena.ask(sql)
    try:
        theirs = world.trino.ask(sql)
    except TrinoError as error:
        return Check(what, str(error), ok=False)
    if ours.state != "SUCCEEDED":
        return Check(what, f"the adapter refuses it: {ours.reason}", ok=False)
    columns = list(zip(theirs.columns, theirs.types, strict=True))
    if list(ours.columns.items()) != columns:
        return compared(f"{what}, its columns", list(ours.columns.items()), columns)
    found = compared(what, ours.rows, theirs.rows)
    return found if theirs.rows else replace(found, ok=False)  # no row proves nothing


def _functions(world: World) -> Iterator[Check]:
    """What tests/integration/test_athena_sql.py expects of the adapter, held against Trino itself."""
    lake = Lake(world.session, world.emulator)
    lake.create_calls()
    lake.commit("thulium", DAY, lake.write(test_athena_sql.ROWS))
    trino = world.trino.of(lake.name)
    found = [_against(trino, sql, expected) for sql, expected in _expectations(lake.name).items()]
    wrong = [text for text in found if text]
    same = f"{len(found) - len(wrong)} of {len(found)} the same"
    yield Check("expressions and queries of the adapter's tests", same, not wrong)
    yield from (Check("of these", text[:300], ok=False) for text in wrong)


def _expectations(database: str) -> dict[str, Any]:
    """Rows by query; None for one that is refused, and ANY for one whose rows do not matter."""
    found: dict[str, Any] = {}
    for expressions, where in (
        (test_athena_sql.VALUES, "recording_id = 'thulium-1'"),
        (test_athena_sql.AGGREGATES, "true"),
    ):
        found |= {f"SELECT {one} FROM calls WHERE {where}": [(value,)] for one, value in expressions}
    found |= {query.format(db=database): rows for query, rows in test_athena_sql.QUERIES}
    return found | dict.fromkeys(test_athena_sql.REFUSED) | dict.fromkeys(test_athena_sql.ACCEPTED, ANY)


def _against(trino: Trino, sql: str, expected: Any) -> str:
    """What is wrong, or nothing."""
    try:
        found: Any = trino.rows(sql)
    except TrinoError as error:
        return "" if expected is None else f"{sql}: {error}"
    if isinstance(expected, list) and "order by" not in sql:
        found, expected = sorted(found), sorted(expected)
    return "" if found == expected else f"{sql}: {found}, not {expected or 'refused'}"
