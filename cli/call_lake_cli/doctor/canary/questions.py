"""What a canary asks of Athena, and what it has to answer."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from call_lake.model.layout import Partition
from call_lake_cli.doctor.canary.rows import TIMES, CanaryRows
from call_lake_cli.doctor.checks import Check, fail, ok
from call_lake_cli.stack.athena import Answer, QueryCost

REPORT = "see docs/limits.md, and report it"


class Questions(Protocol):
    """Questions about the canary's day. ``table``: ``calls`` or ``calls_open``."""

    def count(self, table: str) -> tuple[int, int, float]:
        """The day's rows, different recordings, and the highest number among them."""

    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        """The times (``TIMES``) by recording id."""

    def number_with(self, column: str, value: str) -> int:
        """How many rows of ``calls`` have this value."""

    def daily(self) -> list[Mapping[str, Any]]:
        """The lines of the view ``calls_daily``."""


class AthenaQuestions:
    """Asks Athena, and notes in ``costs`` what each answer cost. Several threads may ask."""

    def __init__(self, ask: Callable[[str], Answer], partition: Partition, costs: list[QueryCost]) -> None:
        self._ask = ask
        self._costs = costs
        # All texts in the SQL are ours: a source's name is [a-z0-9-], a day has digits, ids and numbers are invented.
        self._source, self._day = partition.source, partition.call_date

    def count(self, table: str) -> tuple[int, int, float]:
        columns = "count(*) AS n, count(DISTINCT recording_id) AS ids, coalesce(max(talk_s), 0) AS highest"
        (row,) = self._rows(columns, table)
        return row["n"], row["ids"], row["highest"]

    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        rows = self._rows(f"recording_id, {', '.join(TIMES)}", table)
        return {row["recording_id"]: tuple(row[name] for name in TIMES) for row in rows}

    def number_with(self, column: str, value: str) -> int:
        (row,) = self._rows("count(*) AS n", "calls", f"{column} = '{value}'")
        return int(row["n"])

    def daily(self) -> list[Mapping[str, Any]]:
        return list(self._rows("*", "calls_daily"))

    def _rows(self, columns: str, table: str, condition: str = "true") -> list[dict[str, Any]]:
        sql = f"""SELECT {columns} FROM {table}
                  WHERE source = '{self._source}' AND call_date = DATE '{self._day}' AND {condition}"""  # noqa: S608
        answer = self._ask(sql)
        self._costs.append(answer.cost)
        return answer.as_dicts()


def check_first_commit(name: str, questions: Questions, rows: CanaryRows, last: int) -> Iterator[Check]:
    """Does Athena see what was committed? Symlink manifests below partitions are what AWS does not document."""
    found = questions.count("calls")[0]
    if found == last:
        yield ok(name, f"{found} of {last} rows are seen")
    else:
        yield fail(name, f"{found} of {last} committed rows are seen", REPORT)


def check_times(table: str, name: str, questions: Questions, rows: CanaryRows, last: int) -> Iterator[Check]:
    """Are the times read as they were written? They are stored as differences (DELTA_BINARY_PACKED)."""
    written, read = rows.times(range(1, last + 1)), questions.times(table)
    wrong = [id for id in written if read.get(id) != written[id]]
    if not wrong and len(read) == last:
        yield ok(name, f"{', '.join(TIMES)} of {last} rows are as written")
        return
    id = wrong[0] if wrong else next(iter(read.keys() - written.keys()))
    yield fail(
        name,
        f"{len(wrong)} of {last} rows have other times than were written, {len(read)} rows were read; of one row "
        f"{list(read.get(id, ()))} was read and {list(written.get(id, ()))} written",
        REPORT,
    )


def check_searches(name: str, questions: Questions, rows: CanaryRows, last: int) -> Iterator[Check]:
    """Are rows found by an id and by a number, and is nothing found by one that is not there? Both have Bloom filters.
    The absent ones lie between two that exist, so a column's least and largest values do not exclude them."""
    ids = sorted(rows.id_of(number) for number in range(1, last + 1))
    asked = {
        "recording_id": (ids[len(ids) // 2], just_behind(ids[len(ids) // 2])),
        "caller": (rows.caller_of(last // 2), just_behind(rows.caller_of(last // 2))),
    }
    for column, (present, absent) in asked.items():
        found = questions.number_with(column, present), questions.number_with(column, absent)
        if found == (1, 0):
            yield ok(name, f"{column}: one that is there is found, one that is not there is not")
        else:
            yield fail(name, f"{column}: {found[0]} rows for one that is there, {found[1]} for none", REPORT)


def just_behind(value: str) -> str:
    """A text that sorts right behind ``value``, before anything else that is as long."""
    return f"{value}0"


def check_daily(name: str, questions: Questions, rows: CanaryRows, last: int) -> Iterator[Check]:
    """Does the view ``calls_daily`` answer, and count right?"""
    wanted = rows.daily(last)
    lines = questions.daily()
    read = [{column: line.get(column) for column in wanted} for line in lines]
    if read == [wanted]:
        yield ok(name, f"one line, {last} calls")
    else:
        yield fail(name, f"{read} was read, and {[wanted]} is right", "docs/reading.md, Ready-made queries")
