"""``call-lake doctor --canary``: does Athena read the lake as Call Lake writes it, while it is written?

The canary commits invented rows to a day before all calls, asks Athena about them while more commits replace the files,
and removes them again, whatever happens.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from call_lake.ports import Clock, ObjectStore
from call_lake.wiring.operator import catalog_of, compactor_settings
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.canary import questions as asked
from call_lake_cli.doctor.canary.day import FIRST_DAY, CanaryDay, CanaryLake, free_day
from call_lake_cli.doctor.canary.notes import NAME, leave_note, notes
from call_lake_cli.doctor.canary.questions import AthenaQuestions, Questions
from call_lake_cli.doctor.canary.report import Report
from call_lake_cli.doctor.canary.rows import CanaryRows
from call_lake_cli.doctor.canary.swaps import swap_and_ask, verdict
from call_lake_cli.doctor.checks import Check, fail, guarded, ok
from call_lake_cli.stack.athena import QueryCost, run_query
from call_lake_cli.stack.handle import Stack

FIRST_ROWS = 300
"""Of the first commit. Differences are packed in blocks of 128 values, so this is more than two blocks."""

type Part = Callable[[str], Iterator[Check]]
type Question = Callable[[str, Questions, CanaryRows, int], Iterator[Check]]


class Canary:
    """One canary on one day. ``tables``: those that show its rows, ``calls`` first. ``swaps``: how many there were."""

    def __init__(self, day: CanaryDay, questions: Questions, clock: Clock, tables: tuple[str, ...]) -> None:
        self.swaps = 0
        self._day = day
        self._questions = questions
        self._clock = clock
        self._tables = tables
        self._rows = CanaryRows(day.partition, uuid.uuid4().hex, clock.now())
        self._last = 0  # the number of the last committed row

    def run(self, seconds: float) -> list[Check]:
        """Write, ask, swap for so many ``seconds``, and remove. What it wrote is removed after any error and after
        Ctrl-C too."""
        found: list[Check] = []
        try:
            for name, part in self._parts(seconds):
                found += guarded(name, partial(part, name))
                if not self._last:
                    break  # nothing was committed, so nothing else could be right
        finally:
            name = f"{NAME}: removed"
            found += guarded(name, partial(self._remove, name))
        return found

    def _parts(self, seconds: float) -> Iterator[tuple[str, Part]]:
        """Every part by its name. The questions after the swaps read the files that merges have made."""
        yield f"{NAME}: first commit", self._first_commit
        yield f"{NAME}: swaps", partial(self._swap, seconds)
        for table in self._tables:
            yield f"{NAME}: times in {table}", partial(self._ask, partial(asked.check_times, table))
        yield f"{NAME}: searches", partial(self._ask, asked.check_searches)
        yield f"{NAME}: calls_daily", partial(self._ask, asked.check_daily)

    def _ask(self, question: Question, name: str) -> Iterator[Check]:
        return question(name, self._questions, self._rows, self._last)

    def _first_commit(self, name: str) -> Iterator[Check]:
        self._day.commit(self._rows.row(number) for number in range(1, FIRST_ROWS + 1))
        self._last = FIRST_ROWS
        return self._ask(asked.check_first_commit, name)

    def _swap(self, seconds: float, name: str) -> Iterator[Check]:
        count = partial(self._questions.count, "calls")
        seen = swap_and_ask(self._commit, count, self._last, self._clock, seconds)
        self.swaps = seen.swaps
        return verdict(name, seen)

    def _commit(self, number: int) -> None:
        self._day.commit([self._rows.row(number)])
        self._last = number

    def _remove(self, name: str) -> Iterator[Check]:
        self._day.remove()
        left = len(self._day.left())
        seen = {table: self._questions.count(table)[0] for table in self._tables}
        if left or any(seen.values()):
            rows = ", ".join(f"{number} rows in {table}" for table, number in seen.items())
            to_do = f"if no call is of that day, delete its objects below lake/: {self._day.partition}"
            yield fail(name, f"{left} objects of its day are left, {rows}", to_do)
        else:
            yield ok(name, "nothing of it is left")


def run_canary(stack: Stack, clock: Clock, seconds: float) -> Report:
    """Run a canary in a stack, after removing what killed ones have left. ``seconds``: how long it swaps."""
    costs: list[QueryCost] = []
    begun: list[Canary] = []

    def run() -> Iterator[Check]:
        settings = compactor_settings(stack)
        lake = CanaryLake(stack.store, stack.table, catalog_of(stack), clock, settings)
        yield from remove_leftovers(stack.store, lake, clock)
        day = begin(stack.store, lake, _some_source(stack), FIRST_DAY)
        ask = partial(run_query, stack, client=stack.client("athena"))
        tables = ("calls", "calls_open") if settings.open_table else ("calls",)
        begun.append(Canary(day, AthenaQuestions(ask, day.partition, costs), clock, tables))
        yield from begun[0].run(seconds)

    checks = tuple(guarded(NAME, run))
    region = stack.client("athena").meta.region_name
    names = (*_names(stack), *stack.sources)
    return Report(region, checks, names, tuple(costs), sum(canary.swaps for canary in begun), seconds)


def remove_leftovers(store: ObjectStore, lake: CanaryLake, clock: Clock) -> Iterator[Check]:
    """Remove what killed canaries have left. Raises UserError where a canary may still run."""
    for partition, may_run in list(notes(store, clock)):
        if may_run:
            raise UserError(f"a canary began on {partition} less than an hour ago: wait until it ends, or an hour")
        CanaryDay(store, lake, partition).remove()
        yield ok(f"{NAME}: leftovers", f"rows on {partition.call_date} of one that was killed are removed")


def begin(store: ObjectStore, lake: CanaryLake, source: str, first: date) -> CanaryDay:
    """A day for a canary, which its note says. Raises UserError."""
    partition = free_day(store, source, first)
    leave_note(store, partition)
    return CanaryDay(store, lake, partition)


def _some_source(stack: Stack) -> str:
    if not stack.sources:
        raise UserError("the stack has no source yet, and each row is of one")
    return min(stack.sources)


def _names(stack: Stack) -> tuple[str, ...]:
    return (stack.name, stack.bucket, stack.ledger_table, stack.bus, stack.database, stack.workgroup)
