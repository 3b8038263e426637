"""``call-lake query``: where the statement comes from, and what becomes of the rows."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from call_lake_cli.commands import query as command
from call_lake_cli.console.errors import ExitCode
from call_lake_cli.stack import saved_queries
from call_lake_cli.stack.athena import Answer
from call_lake_cli.stack.handle import Stack
from call_lake_local.named_queries import query_files
from tests.support.fakes import World
from tests.support.memory_stack import stack_of, typed, use

NUMBER = "+48800000003"
ANSWER = Answer(
    ("caller", "calls", "talk_s", "newest", "day", "ok"),
    ((NUMBER, 3, 1.5, "2026-10-20T08:00:00.000Z", "2026-10-20", True), (None, None, None, None, None, None)),
    types=("varchar", "bigint", "double", "timestamp with time zone", "date", "boolean"),
)


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The statements that Athena got."""
    asked: list[str] = []

    def run(stack: Stack, sql: str) -> Answer:
        asked.append(sql)
        return ANSWER

    monkeypatch.setattr(command, "run_query", run)
    monkeypatch.chdir(tmp_path)
    use(stack_of(World.make()), monkeypatch)
    return asked


def query(*words: str, stdin: str | None = None) -> Result:
    return typed("query", *words, stdin=stdin)


def test_a_statement_comes_from_the_line_a_file_or_stdin(asked: list[str]) -> None:
    Path("any.sql").write_text("SELECT 'żółć'")

    for done in (query("-- a comment\nSELECT 1"), query("-f", "any.sql"), query("-", stdin="SELECT 2")):
        assert done.exit_code == 0, done.output
    assert asked == ["-- a comment\nSELECT 1", "SELECT 'żółć'", "SELECT 2"]


@pytest.mark.parametrize("name", ["longest-calls", "04-longest-calls"])
def test_a_ready_made_query_is_asked_by_its_name(name: str, asked: list[str]) -> None:
    assert query(name).exit_code == 0
    assert asked[0].startswith("-- The longest calls, with their audio.")


def test_every_ready_made_query_has_a_name_and_keeps_its_text_without_parameters() -> None:
    found = saved_queries.saved_queries()

    assert list(found.values()) == [file.read_text() for file in query_files()]
    for name, sql in found.items():
        assert saved_queries.is_name(name)
        assert saved_queries.with_values(sql, {}) == sql


@pytest.mark.parametrize(
    ("name", "param", "line"),
    [
        ("longest-calls", "zone=Europe/Berlin", "    SELECT 'Europe/Berlin' AS zone"),
        ("longest-calls", "zone=' OR 1=1 --", "    SELECT ''' OR 1=1 --' AS zone"),
        ("calls-of-one-number", "number=800000003", "    SELECT '800000003' AS number, 'Europe/Warsaw' AS zone"),
        ("missed-follow-ups", "within_hours=48", "    SELECT 30 AS short_s, 48 AS within_hours"),
        ("audio-format-drift", "least_share=0.05", "    SELECT 0.05e0 AS least_share"),
        ("storage-by-month", "gigabyte=1000", "    SELECT 1000e0 AS gigabyte"),
    ],
)
def test_a_parameter_has_another_value_of_its_type(name: str, param: str, line: str, asked: list[str]) -> None:
    done = query(name, "--param", param)

    assert done.exit_code == 0, done.output
    assert asked[0].splitlines().count(line) == 1


def test_every_parameter_of_every_query_is_known() -> None:
    for sql in saved_queries.saved_queries().values():
        line = next(line for line in sql.splitlines() if line.startswith("    SELECT"))
        assert line.count(" AS ") == len(saved_queries.PARAMETER.findall(line))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which query?"),
        (["SELECT 1", "-f", "any.sql"], "which query?"),
        (["-f", "gone.sql"], "gone.sql cannot be read"),
        (["longest-cals"], "there is no ready-made query 'longest-cals'; there are: volumes-by-hour-and-weekday, "),
        (["longest-calls", "--param", "zone"], "must be NAME=VALUE"),
        (["longest-calls", "--param", "area=1"], "this query has no parameter 'area'; it has: zone"),
        (["SELECT 1", "--param", "a=1"], "it has: none"),
        (["repeat-callers", "--param", "at_least_calls=many"], "--param at_least_calls=many must be a whole number"),
        (["repeat-callers", "--param", "at_least_calls=1 UNION"], "must be a whole number"),
        (["audio-format-drift", "--param", "least_share=1e9"], "must be a number"),
        (["SELECT 1", "-o", "rows.xlsx"], "rows.xlsx says no format: end its name in .parquet, .csv or .json"),
    ],
)
def test_what_cannot_be_meant_asks_nothing(words: list[str], message: str, asked: list[str]) -> None:
    done = query(*words)

    assert (done.exit_code, asked) == (ExitCode.USAGE, [])
    assert message in done.stderr


def write(ending: str) -> Path:
    file = Path(f"rows{ending}")
    done = query("SELECT 1", "-o", str(file))
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{file}\n", "2 rows\n")
    return file


def test_parquet_keeps_athenas_types() -> None:
    table = pq.read_table(write(".parquet"))

    moment = pa.timestamp("ms", "UTC")
    assert table.schema.types == [pa.string(), pa.int64(), pa.float64(), moment, pa.date32(), pa.bool_()]
    assert table["caller"].to_pylist() == [NUMBER, None]
    assert str(table["newest"][0].as_py()) == "2026-10-20 08:00:00+00:00"


def test_json_is_a_list_of_objects() -> None:
    assert json.loads(write(".json").read_text()) == ANSWER.as_dicts()


def test_csv_keeps_a_numbers_plus_and_duckdb_reads_it_as_the_documentation_says() -> None:
    file = write(".csv")

    assert file.read_text().splitlines()[1] == f"{NUMBER},3,1.5,2026-10-20T08:00:00.000Z,2026-10-20,True"
    sql = f"SELECT caller FROM read_csv('{file}', types = {{'caller': 'VARCHAR'}})"
    assert duckdb.connect().execute(sql).fetchall()[0] == (NUMBER,)


def test_a_file_that_exists_is_never_written_over(asked: list[str]) -> None:
    Path("rows.csv").write_text("mine")

    done = query("SELECT 1", "-o", "rows.csv")

    assert (done.exit_code, Path("rows.csv").read_text(), asked) == (1, "mine", [])


def test_two_columns_of_one_name_are_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(stack: Stack, sql: str) -> Answer:
        return Answer(("n", "n"), ((1, 2),), types=("integer", "integer"))

    monkeypatch.setattr(command, "run_query", run)

    assert "two columns of the answer have one name" in query("SELECT 1", "-o", "rows.csv").stderr
    assert not Path("rows.csv").exists()


@pytest.mark.parametrize("types", [("tinyint", "smallint", "integer", "real", "decimal", "array")])
def test_every_other_type_has_a_column(types: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    row = (1, 2, 3, 1.5, 2.5, "[1, 2]")
    answer = Answer(tuple("abcdef"), (row, (None,) * 6), types=types)
    command.write_answer(answer, Path("rows.parquet"))

    assert pq.read_table("rows.parquet").to_pylist()[0] == dict(zip("abcdef", row, strict=True))
