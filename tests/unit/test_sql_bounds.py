"""Every query that we print or document bounds ``call_date``, so it lists no more days than it reads."""

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.support.sql_texts import READ, days_as_texts, sql_texts, unbounded

ROOT = Path(__file__).resolve().parents[2]
VIEW = ROOT / "docs/queries/calls_daily.sql"
ELSEWHERE = ROOT / "docs/reading/read_duckdb.py"
"""Its ``calls`` are the files of the days that were asked for; Athena is not."""
FOLDERS = ("bench", "cli", "docs", "functions", "local", "shared")
FILES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    if path.suffix in {".md", ".py", ".sql"} and path not in (VIEW, ELSEWHERE) and READ.search(path.read_text())
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_query_over_the_lake_bounds_its_days(path: Path) -> None:
    texts = sql_texts(path)

    assert texts
    assert [(sql, unbounded(sql)) for sql in texts if unbounded(sql)] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_query_over_the_lake_compares_days_with_dates(path: Path) -> None:
    assert [days_as_texts(sql) for sql in sql_texts(path) if days_as_texts(sql)] == []


@pytest.mark.parametrize(
    "bound",
    [
        "call_date >= '2026-10-01'",
        "'2026-10-01' <= call_date",
        "call_date IN ('2026-10-01')",
        "call_date BETWEEN '2026-10-01' AND '2026-10-02'",
        "calls.call_date > CAST(current_date AS varchar)",
        "call_date > date_format(current_date, '%Y-%m-%d')",
    ],
)
def test_a_day_that_is_compared_with_a_text_is_seen(bound: str) -> None:
    assert len(days_as_texts(f"SELECT 1 FROM calls WHERE {bound}")) == 1


def test_the_queries_are_found_where_they_are() -> None:
    names = set(map(name_of, FILES))

    assert {"README.md", "docs/runbook.md", "docs/sources.md", "docs/reading/read_pyathena.py"} < names
    assert {"cli/call_lake_cli/demo.py", "cli/call_lake_cli/stack/census.py"} < names
    assert len([name for name in names if name.startswith("docs/queries/")]) == 16


def test_a_bound_outside_of_the_view_reaches_the_table_within_it() -> None:
    """Trino pushes a condition below an aggregation where it is about grouping keys alone
    (https://github.com/trinodb/trino/blob/005ffb8ffbabeaa54f2b8e438174d93b2101c9c4/core/trino-main/src/main/java/io/trino/sql/planner/optimizations/PredicatePushDown.java,
    ``visitAggregation``)."""
    view = sqlglot.parse_one(VIEW.read_text(), read="athena")

    assert [key.sql() for key in view.args["group"].expressions] == ["source", "call_date"]
    assert [column.sql() for column in view.expressions if column.alias_or_name == "call_date"] == ["call_date"]
    assert not view.find(exp.Window)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM calls WHERE call_date >= DATE '2026-10-01'",
        "SELECT 1 FROM calls WHERE DATE '2026-10-01' <= call_date",
        "SELECT 1 FROM awsdatacatalog.lake.calls WHERE source = 'a' AND call_date IN (DATE '2026-10-01')",
        "SELECT 1 FROM calls AS c WHERE (c.call_date BETWEEN DATE '2026-10-01' AND DATE '2026-10-02' AND agent = 'x')",
        "SELECT 1 FROM calls WHERE call_date > current_date - interval '30' day",
        "SELECT 1 FROM calls_daily WHERE call_date = %(day)s",
        "SELECT 1 FROM calls a JOIN calls b ON a.agent = b.agent WHERE a.call_date > %(day)s AND b.call_date > %(day)s",
        "WITH calls AS (SELECT 1) SELECT * FROM calls",
        "SELECT 1",
    ],
)
def test_a_bounded_query_is_seen_as_one(sql: str) -> None:
    assert unbounded(sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM calls",
        'SELECT 1 FROM "lake"."calls_open"',
        "SELECT 1 FROM calls WHERE call_date <= DATE '2026-10-01'",
        "SELECT 1 FROM calls WHERE call_date >= DATE '2026-10-01' OR agent = 'x'",
        "SELECT 1 FROM transcripts CROSS JOIN UNNEST(segments) AS t (a, b) WHERE a > 1",
        "SELECT 1 FROM calls WHERE NOT call_date >= DATE '2026-10-01'",
        "SELECT 1 FROM calls WHERE started_at >= TIMESTAMP '2026-10-01 00:00:00'",
        "SELECT 1 FROM calls WHERE date_format(call_date, '%Y-%m') = '2026-10'",
        "SELECT 1 FROM calls CROSS JOIN params WHERE call_date >= params.first_day",
        "SELECT 1 FROM calls WHERE call_date >= (SELECT DATE '2026-10-01')",
        "SELECT 1 FROM calls a JOIN calls b ON a.agent = b.agent WHERE a.call_date > DATE '2026-10-01'",
        "WITH x AS (SELECT * FROM calls) SELECT * FROM x WHERE call_date > DATE '2026-10-01'",
        "SELECT 1 FROM calls HAVING max(call_date) > DATE '2026-10-01'",
        "SELECT 1 FROM calls WHERE call_date > DATE '2026-10-01'; SELECT 2 FROM calls_daily",
    ],
)
def test_a_query_without_a_bound_is_seen(sql: str) -> None:
    assert len(unbounded(sql)) == 1


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.md", "```sql\nSELECT 1 FROM calls\n```\n", ["SELECT 1 FROM calls\n"]),
        ("a.md", '```sh\ncall-lake query "SELECT 1\nFROM calls"\n```\n', ["SELECT 1\nFROM calls"]),
        ("a.md", "Type `SELECT 1 FROM calls`. Times come from calls.", ["SELECT 1 FROM calls"]),
        ("a.md", "nothing from calls", []),
        ("a.py", 'day = 1\nsql = f"""SELECT 1 FROM calls WHERE call_date = DATE \'{day}\'"""', None),
        ("a.py", "say('next: query \"SELECT 1 FROM calls\"')", ["SELECT 1 FROM calls"]),
    ],
)
def test_a_statement_is_found_in_any_text(tmp_path: Path, name: str, text: str, expected: list[str] | None) -> None:
    (tmp_path / name).write_text(text)

    assert sql_texts(tmp_path / name) == (
        expected or ["SELECT 1 FROM calls WHERE call_date = DATE '0'"] * (expected is None)
    )


@pytest.mark.parametrize("text", ["psql -c 'SELECT 1 FROM calls'", "cat <<EOF\nSELECT 1 FROM calls\nEOF"])
def test_a_statement_that_would_be_overlooked_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.md").write_text(text)

    with pytest.raises(ValueError, match="FROM calls"):
        sql_texts(tmp_path / "a.md")
