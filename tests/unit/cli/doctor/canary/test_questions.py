"""What a canary asks and what it makes of the answers."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import BufferReader

from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.times import parse_iso
from call_lake_cli.doctor.canary import questions as asked
from call_lake_cli.doctor.canary.questions import AthenaQuestions
from call_lake_cli.doctor.canary.rows import DAY_MS, STEP_MS, TIMES, CanaryRows
from call_lake_cli.doctor.canary.run import FIRST_ROWS
from call_lake_cli.doctor.checks import Check, Level
from call_lake_cli.stack.athena import Answer, QueryCost
from tests.support.fakes import World
from tests.support.lake_samples import lake_of, table_from

DAY = Partition("thulium", date(2015, 1, 1))
ROWS = CanaryRows(DAY, "run", datetime(2026, 10, 20, 12, tzinfo=UTC))
LAST = 7


class Right:
    """Answers as a lake with the rows 1 to ``LAST`` does."""

    def count(self, table: str) -> tuple[int, int, float]:
        return LAST, LAST, LAST

    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        return ROWS.times(range(1, LAST + 1))

    def number_with(self, column: str, value: str) -> int:
        return sum(ROWS.row(number)[column] == value for number in range(1, LAST + 1))

    def daily(self) -> list[Mapping[str, Any]]:
        return [{"source": "thulium", "call_date": "2015-01-01", **ROWS.daily(LAST)}]


def answered(questions: Right) -> list[Check]:
    return [
        *asked.check_first_commit("first commit", questions, ROWS, LAST),
        *asked.check_times("calls", "times", questions, ROWS, LAST),
        *asked.check_searches("searches", questions, ROWS, LAST),
        *asked.check_daily("daily", questions, ROWS, LAST),
    ]


def test_right_answers_are_right() -> None:
    assert {check.level for check in answered(Right())} == {Level.OK}


class SeesNothing(Right):
    def count(self, table: str) -> tuple[int, int, float]:
        return 0, 0, 0


class ReadsOneTimeWrong(Right):
    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        id = ROWS.id_of(LAST)
        return super().times(table) | {id: ("2015-01-01T12:00:00.001Z", *ROWS.times([LAST])[id][1:])}


class ReadsANullAsATime(Right):
    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        return {
            id: tuple(time or "1970-01-01T00:00:00.000Z" for time in row) for id, row in super().times(table).items()
        }


class LosesARow(Right):
    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        return ROWS.times(range(1, LAST))


class HasARowTooMany(Right):
    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        return ROWS.times(range(1, LAST + 2))


class SkipsAFileWithTheId(Right):
    def number_with(self, column: str, value: str) -> int:
        return 0 if column == "recording_id" else super().number_with(column, value)


class DoesNotFilter(Right):
    def number_with(self, column: str, value: str) -> int:
        return 1


class HasNoView(Right):
    def daily(self) -> list[Mapping[str, Any]]:
        return []


class CountsTwice(Right):
    def daily(self) -> list[Mapping[str, Any]]:
        return [dict(super().daily()[0]) | {"inbound": 2}]


@pytest.mark.parametrize(
    ("questions", "name"),
    [
        (SeesNothing(), "first commit"),
        (ReadsOneTimeWrong(), "times"),
        (ReadsANullAsATime(), "times"),
        (LosesARow(), "times"),
        (HasARowTooMany(), "times"),
        (SkipsAFileWithTheId(), "searches"),
        (DoesNotFilter(), "searches"),
        (HasNoView(), "daily"),
        (CountsTwice(), "daily"),
    ],
)
def test_each_wrong_answer_is_told(questions: Right, name: str) -> None:
    assert {check.name for check in answered(questions) if check.level is Level.FAIL} == {name}


@given(st.integers(1, 5000))
def test_a_search_for_nothing_is_not_excluded_by_least_and_largest_values(last: int) -> None:
    ids = sorted(ROWS.id_of(number) for number in range(1, min(last, 300) + 1))
    absent = asked.just_behind(ids[(len(ids) - 1) // 2])

    assert absent not in ids
    assert len(ids) == 1 or ids[0] < absent < ids[-1]


@given(st.integers(1, 100_000))
def test_a_row_is_of_its_day_and_no_other_begins_with_it(number: int) -> None:
    row = ROWS.row(number)

    assert parse_iso(row["started_at"]).date() == DAY.call_date
    assert (number * STEP_MS % DAY_MS) != ((number + 1) * STEP_MS % DAY_MS)
    assert row["caller"].startswith("+48000")


def test_two_canaries_have_no_id_in_common() -> None:
    other = CanaryRows(DAY, "another", ROWS.stored_at)
    assert not {ROWS.id_of(n) for n in range(99)} & {other.id_of(n) for n in range(99)}


def test_the_first_commit_has_times_as_differences_over_several_blocks_and_filters(world: World) -> None:
    """What the questions are about is in the file: nulls among the differences, more than one block of 128 values."""
    lake_of(world).commit(
        CALLS.at(DAY), table_from([ROWS.row(number) for number in range(1, FIRST_ROWS + 1)], CALLS.at(DAY))
    )
    (body,) = world.store.bodies(CALLS.data).values()
    group = pq.ParquetFile(BufferReader(body)).metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}

    assert group.num_rows > 2 * 128
    assert all("DELTA_BINARY_PACKED" in columns[name].encodings for name in TIMES)
    assert 0 < columns["listed_at"].statistics.null_count < group.num_rows
    assert all(columns[name].bloom_filter_offset for name in ("recording_id", "caller"))


def test_each_question_is_bound_to_the_day_and_its_cost_is_kept() -> None:
    sql: list[str] = []
    answers = {
        "count(DISTINCT": Answer(("n", "ids", "highest"), ((3, 3, 3.0),), QueryCost(1.5, 10, "v3")),
        "started_at": Answer(("recording_id", *TIMES), (("a", "b", "c", None, "d"),), QueryCost(0.5, 20, "v3")),
        "AS n FROM calls\n": Answer(("n",), ((1,),)),
        "calls_daily": Answer(("calls",), ((3,),)),
    }

    def ask(text: str) -> Answer:
        sql.append(text)
        return next(answer for part, answer in answers.items() if part in text)

    costs: list[QueryCost] = []
    questions = AthenaQuestions(ask, DAY, costs)

    assert questions.count("calls_open") == (3, 3, 3.0)
    assert questions.times("calls") == {"a": ("b", "c", None, "d")}
    assert questions.number_with("caller", "+48000000001") == 1
    assert questions.daily() == [{"calls": 3}]
    assert all("WHERE source = 'thulium' AND call_date = DATE '2015-01-01'" in text for text in sql)
    assert "FROM calls_open" in sql[0]
    assert [cost.seconds for cost in costs] == [1.5, 0.5, 0.0, 0.0]
