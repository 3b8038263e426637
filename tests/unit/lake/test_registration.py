"""A query sees what is committed: each partition is registered, once, whatever became of the table meanwhile."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_lake.bucket.inbox import put_rows
from call_lake.errors import Reason, Transient
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.lake.registration import unregistered
from call_lake.model.lake_tables import CALLS, CALLS_OPEN
from call_lake.model.layout import INBOX, Partition
from tests.support.fakes import World
from tests.support.fakes.calls import Call, Proceed
from tests.support.lake_samples import IN_TIME_S, SETTINGS, TODAY, lake_of, row_of, table_from

TODAYS = Partition("thulium", TODAY)
RUN = timedelta(minutes=5)


class Runs:
    """One warm compactor that keeps both tables."""

    def __init__(self, world: World, *, open_table: bool = True) -> None:
        self.world = world
        settings = replace(SETTINGS, open_table=open_table)
        self._compactor = Compactor(world.store, world.table, world.catalog, world.clock, settings, threads=1)

    def run(self, *rows: Any) -> CompactionResult:
        put_rows(self.world.store, list(rows), CALLS)
        return self._compactor.run(IN_TIME_S)

    def asked(self) -> list[str]:
        return [call.method for call in self.world.calls.log if call.port == "catalog"]


@pytest.fixture
def runs(world: World) -> Runs:
    return Runs(world)


def commit(world: World, partition: Partition) -> None:
    place = CALLS.at(partition)
    lake_of(world).commit(place, table_from([row_of(1, day=partition.call_date)], place))


def refuse(world: World, method: str) -> Any:
    """AWS refuses these calls of the catalogue until the answer is called."""

    def hook(call: Call, proceed: Proceed) -> Any:
        if (call.port, call.method) == ("catalog", method):
            raise Transient(Reason.AWS, "refused")
        return proceed()

    return world.calls.on_call(hook)


def test_a_partition_is_registered_in_each_table_before_its_rows_leave_the_inbox(runs: Runs) -> None:
    seen = []

    def look(call: Call, proceed: Proceed) -> Any:
        before = runs.world.store.bodies(INBOX)
        answer = proceed()
        if before and not runs.world.store.bodies(INBOX):
            seen.append((runs.world.catalog.seen("calls"), runs.world.catalog.seen("calls_open")))
        return answer

    runs.world.calls.on_call(look)
    runs.run(row_of(1))

    assert seen == [({TODAYS}, {TODAYS})]


def test_without_analysts_only_the_table_calls_has_partitions(world: World) -> None:
    Runs(world, open_table=False).run(row_of(1))

    assert world.catalog.seen("calls") == {TODAYS}
    assert world.catalog.seen("calls_open") == set()


def test_an_empty_lake_asks_the_catalogue_nothing(runs: Runs) -> None:
    """A stack's first run may come before its tables exist."""
    runs.run()

    assert runs.asked() == []


def test_a_registered_partition_costs_no_request_until_the_hour_is_over(runs: Runs) -> None:
    runs.run(row_of(1))
    runs.world.clock.advance(RUN)
    before = len(runs.asked())
    runs.run(row_of(2))
    assert len(runs.asked()) == before

    runs.world.clock.advance(timedelta(hours=1))
    runs.run(row_of(3))
    assert runs.asked()[before:] == ["registered"] * 2


def test_a_new_compactor_registers_what_the_catalogue_lacks(world: World) -> None:
    commit(world, TODAYS)

    Runs(world).run()

    assert world.catalog.seen("calls") == {TODAYS}


@pytest.mark.parametrize("table", ["calls", "calls_open"])
def test_a_table_that_was_dropped_has_its_partitions_again_within_the_hour(runs: Runs, table: str) -> None:
    runs.run(row_of(1))
    runs.world.catalog.drop(table)

    runs.world.clock.advance(timedelta(hours=1))
    runs.run()

    assert runs.world.catalog.seen(table) == {TODAYS}


def test_partitions_of_a_table_with_a_new_column_are_registered_again(world: World) -> None:
    Runs(world).run(row_of(1))
    world.catalog.add_column("calls")
    assert world.catalog.registered("calls") == set()

    Runs(world).run()

    assert world.catalog.registered("calls") == {TODAYS}


def test_rows_whose_partition_cannot_be_registered_stay_in_the_inbox_and_are_reported(runs: Runs) -> None:
    grant = refuse(runs.world, "register")
    result = runs.run(row_of(1))
    assert result.failed == [f"calls {TODAYS}: Transient"]
    assert runs.world.store.bodies(INBOX)

    grant()
    result = runs.run()

    assert (result.failed, runs.world.catalog.seen("calls")) == ([], {TODAYS})
    assert not runs.world.store.bodies(INBOX)


def test_a_catalogue_that_cannot_be_read_is_reported_and_stops_no_commit(runs: Runs) -> None:
    commit(runs.world, Partition("thulium", TODAY - RUN * 288))
    refuse(runs.world, "registered")

    result = runs.run(row_of(1))

    assert result.failed == ["table calls: Transient"]
    assert (result.rows, TODAYS in runs.world.catalog.seen("calls")) == (1, True)


def test_a_partition_of_the_open_table_that_was_not_registered_is_so_in_the_next_run(runs: Runs) -> None:
    """No row of it waits in the inbox: only a comparison finds it."""
    runs.run(row_of(1))
    yesterday = Partition("thulium", TODAY - timedelta(days=1))
    commit(runs.world, yesterday)
    grant = refuse(runs.world, "register")
    assert runs.run().failed == [f"calls {yesterday}: Transient"]

    grant()
    runs.run()

    assert runs.world.catalog.seen("calls_open") == {TODAYS, yesterday}


@pytest.mark.parametrize(
    ("source", "day"), [("thulium", date(1926, 1, 1)), ("thulium", date(2926, 1, 1)), ("removed", TODAY)]
)
def test_a_row_of_any_day_and_source_is_seen_and_costs_one_partition(runs: Runs, source: str, day: date) -> None:
    runs.run(row_of(1), row_of(2, source=source, day=day))

    assert runs.world.catalog.seen("calls") == {TODAYS, Partition(source, day)}


def test_what_no_query_sees_is_found_in_each_table(world: World) -> None:
    Runs(world).run(row_of(1))
    assert unregistered(world.store, world.catalog, CALLS) == unregistered(world.store, world.catalog, CALLS_OPEN) == []

    world.catalog.unregister("calls_open", TODAYS)

    assert unregistered(world.store, world.catalog, CALLS) == []
    assert unregistered(world.store, world.catalog, CALLS_OPEN) == [TODAYS]


@given(days=st.lists(st.dates(date(2000, 1, 1), date(2040, 1, 1)), min_size=1, max_size=5))
def test_a_query_looks_for_the_partitions_that_have_rows_and_for_no_other(days: list[date]) -> None:
    world = World.make()
    Runs(world, open_table=False).run(*(row_of(number, day=day) for number, day in enumerate(days)))

    assert world.catalog.seen("calls") == {Partition("thulium", day) for day in days}
