"""A whole canary on a lake in memory: every check, and nothing left whatever ends it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from pyarrow import BufferReader

from call_lake.errors import Reason, Transient
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS, CALLS_OPEN
from call_lake.model.layout import Partition
from call_lake.model.times import iso
from call_lake_cli.doctor.canary.day import CanaryDay, CanaryLake
from call_lake_cli.doctor.canary.notes import LONGEST, leave_note
from call_lake_cli.doctor.canary.rows import TIMES, CanaryRows
from call_lake_cli.doctor.canary.run import Canary, run_canary
from call_lake_cli.doctor.checks import Check, Level
from call_lake_cli.stack.athena import QueryFailed
from call_lake_cli.stack.handle import Stack
from tests.support.fakes import World
from tests.support.fakes.calls import Call, Proceed
from tests.support.lake_samples import SETTINGS

DAY = Partition("thulium", date(2015, 1, 1))
TABLES = ("calls", "calls_open")
SECONDS = 5


@dataclass
class LakeQuestions:
    """Reads the lake itself. ``view``: whether there is calls_daily."""

    world: World
    view: bool = True

    def rows(self, table: str) -> list[dict[str, Any]]:
        if table == "calls":
            return read_partition(self.world.store, CALLS.at(Partition(DAY.source, DAY.call_date)))
        manifest = self.world.store.get(CALLS_OPEN.at(DAY).manifest)
        keys = [uri.removeprefix("s3://call-lake-test/") for uri in manifest[0].decode().split()] if manifest else []
        found: list[dict[str, Any]] = []
        for key in keys:
            body = self.world.store.get(key)
            assert body is not None
            found += pq.read_table(BufferReader(body[0]), use_threads=False).to_pylist()
        return found

    def count(self, table: str) -> tuple[int, int, float]:
        rows = self.rows(table)
        return len(rows), len({row["recording_id"] for row in rows}), max((row["talk_s"] for row in rows), default=0)

    def times(self, table: str) -> dict[str, tuple[str | None, ...]]:
        return {row["recording_id"]: tuple(map(_text, (row[name] for name in TIMES))) for row in self.rows(table)}

    def number_with(self, column: str, value: str) -> int:
        return sum(row[column] == value for row in self.rows("calls"))

    def daily(self) -> list[Mapping[str, Any]]:
        if not self.view:
            raise QueryFailed("TABLE_NOT_FOUND: Table 'awsdatacatalog.lake.calls_daily' does not exist")
        rows = self.rows("calls")
        both = {name: sum(row["direction"] == name for row in rows) for name in ("inbound", "outbound")}
        sums = {name: sum(row[name] for row in rows) for name in ("talk_s", "audio_bytes")}
        return [{"calls": len(rows), "agents": len({row["agent"] for row in rows})} | both | sums]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else iso(value.replace(tzinfo=UTC))


def canary_of(world: World, questions: LakeQuestions | None = None) -> Canary:
    lake = CanaryLake(world.store, world.table, world.catalog, world.clock, replace(SETTINGS, open_table=True))
    leave_note(world.store, DAY)
    return Canary(CanaryDay(world.store, lake, DAY), questions or LakeQuestions(world), world.clock, TABLES)


def levels(checks: list[Check]) -> dict[str, Level]:
    return {check.name.removeprefix("canary: "): check.level for check in checks}


def test_the_real_lake_answers_right_at_every_question_and_nothing_is_left(world: World) -> None:
    canary = canary_of(world)

    found = canary.run(SECONDS)

    assert [check for check in found if check.level is not Level.OK] == []
    assert set(levels(found)) == {
        *("first commit", "swaps", "times in calls", "times in calls_open", "searches", "calls_daily", "removed")
    }
    assert canary.swaps == SECONDS
    assert world.store.bodies() == {}


def test_a_question_that_fails_stops_no_other(world: World) -> None:
    found = canary_of(world, LakeQuestions(world, view=False)).run(0)

    assert {name for name, level in levels(found).items() if level is Level.FAIL} == {"calls_daily"}
    assert world.store.bodies() == {}


def test_a_first_commit_that_is_refused_is_the_only_failure(world: World) -> None:
    def refuse(call: Call, proceed: Proceed) -> Any:
        if call.method == "put":
            stop()
            raise Transient(Reason.AWS, "PutObject: AccessDenied")
        return proceed()

    canary = canary_of(world)
    stop = world.calls.on_call(refuse)

    assert levels(canary.run(0)) == {"first commit": Level.FAIL, "removed": Level.OK}
    assert world.store.bodies() == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a fault of ours"), SystemExit(1)])
@pytest.mark.parametrize("question", ["count", "times", "number_with", "daily"])
def test_nothing_is_left_whatever_ends_it_at_any_question(world: World, error: BaseException, question: str) -> None:
    questions = LakeQuestions(world)
    answer = getattr(questions, question)
    left = [1]

    def end(*arguments: Any) -> Any:
        if left:
            left.pop()
            raise error
        return answer(*arguments)

    setattr(questions, question, end)

    with pytest.raises(type(error)):
        canary_of(world, questions).run(0)
    assert world.store.bodies() == {}


def test_a_removal_that_fails_is_told_and_its_note_stays_for_the_next_one(world: World) -> None:
    canary = canary_of(world)

    def refuse(call: Call, proceed: Proceed) -> Any:
        if (call.port, call.method) == ("store", "delete"):
            raise Transient(Reason.AWS, "DeleteObjects: AccessDenied")
        return proceed()

    world.calls.on_call(refuse)
    found = canary.run(0)

    assert levels(found)["removed"] is Level.FAIL
    assert list(world.store.bodies(CALLS.canary))


class Here(Stack):
    """A stack over a world, without an Athena that answers."""

    world: World

    def client(self, service: str) -> Any:
        variables = {"LEDGER_TABLE": "ledger", "BUCKET": "b", "DATABASE": "calls"}
        configuration = {"Environment": {"Variables": variables}}
        return SimpleNamespace(
            meta=SimpleNamespace(region_name="eu-central-1"),
            get_function_configuration=lambda **_: configuration,
            start_query_execution=self.refuse,
            get_table=lambda **_: {"Table": {"StorageDescriptor": {"Location": "s3://b/manifests", "Columns": []}}},
            batch_create_partition=self.register,
            delete_partition=self.unregister,
            exceptions=SimpleNamespace(EntityNotFoundException=KeyError),
        )

    def register(self, **request: Any) -> dict[str, Any]:
        days = [Partition.of_values(*one["Values"]) for one in request["PartitionInputList"]]
        self.world.catalog.register(request["TableName"], [day for day in days if day])
        return {}

    def unregister(self, **request: Any) -> None:
        day = Partition.of_values(*request["PartitionValues"])
        assert day
        self.world.catalog.unregister(request["TableName"], day)

    def refuse(self, **_: Any) -> Any:
        message = "Insufficient Lake Formation permission(s): Required Describe on acme-calls"
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, "StartQueryExecution")

    @property
    def table(self) -> Any:
        return self.world.table

    @property
    def store(self) -> Any:
        return self.world.store

    @property
    def sources(self) -> dict[str, Any]:
        return {"thulium": None}


def stack_of(world: World, kind: type[Here] = Here) -> Here:
    found = kind(*("acme-calls", "b", "ledger", "/sources", "dlq", "bus", "lake", "lake"), {"compactor": "c"})
    object.__setattr__(found, "world", world)
    return found


def test_where_athena_refuses_the_report_names_the_cause_and_nothing_is_left(world: World) -> None:
    report = run_canary(stack_of(world), world.clock, 0)

    assert levels(list(report.checks))["first commit"] is Level.FAIL
    assert "Lake Formation" in report.checks[0].to_do
    assert "acme-calls" in report.checks[0].found
    assert "acme-calls" not in "".join(report.lines())
    assert report.lines()[1].startswith("region eu-central-1")
    assert world.store.bodies() == {}
    assert world.catalog.seen("calls") == set()


def test_a_stack_without_a_source_gets_no_canary(world: World) -> None:
    class Empty(Here):
        @property
        def sources(self) -> dict[str, Any]:
            return {}

    (check,) = run_canary(stack_of(world, Empty), world.clock, 0).checks

    assert (check.level, "no source yet" in check.found) == (Level.FAIL, True)
    assert world.store.bodies() == {}


def test_what_a_killed_canary_has_left_is_removed_before_the_next_one_begins(world: World) -> None:
    lake = CanaryLake(world.store, world.table, world.catalog, world.clock, SETTINGS)
    leave_note(world.store, DAY)
    CanaryDay(world.store, lake, DAY).commit([CanaryRows(DAY, "run", world.clock.now()).row(1)])

    (waits,) = run_canary(stack_of(world), world.clock, 0).checks
    world.clock.advance(LONGEST)
    removed, *_ = run_canary(stack_of(world), world.clock, 0).checks

    assert "wait until it ends" in waits.found
    assert removed.name == "canary: leftovers"
    assert world.store.bodies() == {}
