"""How many new recordings of a source are counted on a UTC day, and how many more an operator lets through."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from call_lake.errors import ConfigError
from call_lake.ledger.ceiling import Ceiling
from call_lake.ledger.source_state import SourceState
from call_lake.settings import SourceSettings
from tests.support.fakes import Call, World

URL = "https://example.thulium.com/api"


@pytest.fixture
def ceiling(world: World) -> Ceiling:
    return Ceiling(world.table, world.clock, "thulium", per_day=10)


def item(world: World) -> dict[str, object]:
    return world.table.items()["source#thulium"]


def writes(world: World) -> int:
    return sum(call.method == "update" for call in world.calls.log)


def meanwhile(world: World, act: Callable[[], object]) -> None:
    """Let ``act`` happen once, between the next reading of the table and the write that follows it."""
    times = count()

    def hook(call: Call, proceed: Callable[[], object]) -> object:
        if call.method == "update" and next(times) == 0:
            act()
        return proceed()

    world.calls.on_call(hook)


def setting(**given: object) -> int:
    return SourceSettings.from_json("thulium", json.dumps({"provider": "thulium", "base_url": URL} | given)).new_per_day


def test_the_setting_is_a_number_of_recordings() -> None:
    assert (setting(), setting(new_per_day=5), setting(more={"new_per_day": "6"})) == (250_000, 5, 6)


@pytest.mark.parametrize("value", [0, -1, "many", "2.5", [5], "1e6"])
def test_a_setting_that_is_no_number_of_recordings_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"source 'thulium': (setting )?new_per_day"):
        setting(new_per_day=value)


def test_so_many_are_admitted_as_are_left_of_the_day(ceiling: Ceiling) -> None:
    assert [ceiling.admit(number)[0] for number in (4, 4, 4, 4)] == [4, 4, 2, 0]
    assert (ceiling.today().count, ceiling.today().left) == (10, 0)
    assert ceiling.today().is_reached


def test_an_admission_is_one_write_and_a_refusal_none(ceiling: Ceiling, world: World) -> None:
    ceiling.admit(7)
    ceiling.admit(7)
    assert writes(world) == 2

    ceiling.admit(7)
    assert writes(world) == 2


def test_two_sources_have_a_ceiling_each(ceiling: Ceiling, world: World) -> None:
    ceiling.admit(10)

    assert Ceiling(world.table, world.clock, "conpeek", per_day=10).admit(10)[0] == 10


def test_midnight_in_utc_begins_a_new_count(ceiling: Ceiling, world: World) -> None:
    ceiling.admit(10)
    world.clock.advance_to(datetime(2026, 10, 20, 23, 59, 59, 999_000, tzinfo=UTC))
    assert ceiling.admit(1)[0] == 0

    world.clock.advance_to(datetime(2026, 10, 21, tzinfo=UTC))

    assert ceiling.today().count == 0
    assert ceiling.admit(6)[0] == 6
    assert ceiling.today().count == 6


def test_a_day_that_begins_between_reading_and_writing_begins_with_nothing_counted(
    ceiling: Ceiling, world: World
) -> None:
    ceiling.admit(9)
    meanwhile(world, lambda: world.clock.advance(timedelta(days=1)))

    ceiling.admit(1)

    assert ceiling.today().count == 0, "that one was counted on the day that was over"


def test_two_polls_at_once_count_what_both_admit(ceiling: Ceiling, world: World) -> None:
    other = Ceiling(world.table, world.clock, "thulium", per_day=10)
    meanwhile(world, lambda: other.admit(8))

    assert ceiling.admit(8)[0] == 2
    assert ceiling.today().count == 10


def test_what_is_allowed_comes_on_top_and_only_today(ceiling: Ceiling, world: World) -> None:
    ceiling.admit(10)

    assert ceiling.allow(5).left == 5
    assert ceiling.allow(2).left == 7
    assert ceiling.admit(100)[0] == 7

    world.clock.advance(timedelta(days=1))
    assert ceiling.admit(100)[0] == 10


def test_what_is_allowed_beforehand_counts_too(ceiling: Ceiling) -> None:
    ceiling.admit(3)
    assert ceiling.allow(5).limit == 15

    assert ceiling.admit(100)[0] == 12


def test_so_many_more_are_allowed_though_the_setting_was_lowered_below_what_came(
    ceiling: Ceiling, world: World
) -> None:
    ceiling.admit(10)
    lower = Ceiling(world.table, world.clock, "thulium", per_day=4)
    assert lower.today().left == 0

    assert lower.allow(3).left == 3
    assert lower.admit(100)[0] == 3


@pytest.mark.parametrize("first", ["poll", "operator"])
def test_a_poll_and_an_operator_at_once_both_count(ceiling: Ceiling, world: World, first: str) -> None:
    other = Ceiling(world.table, world.clock, "thulium", per_day=10)
    ceiling.admit(5)
    if first == "poll":
        meanwhile(world, lambda: other.admit(5))
        ceiling.allow(3)
    else:
        meanwhile(world, lambda: other.allow(3))
        ceiling.admit(5)

    assert (ceiling.today().count, ceiling.today().limit) == (10, 13)


def test_two_operators_at_once_both_count(ceiling: Ceiling, world: World) -> None:
    ceiling.admit(10)
    meanwhile(world, lambda: Ceiling(world.table, world.clock, "thulium", per_day=10).allow(5))

    assert ceiling.allow(3).left == 8


def test_what_it_says_names_the_count_and_the_command(world: World) -> None:
    ceiling = Ceiling(world.table, world.clock, "thulium", per_day=250_000)
    ceiling.admit(250_000)

    assert str(ceiling.today()) == (
        "ceiling reached: 250,000 new recordings today; the rest waits until 00:00 UTC; "
        "`call-lake allow thulium --more N` lets more through"
    )


def test_an_allowance_ends_the_trouble_of_the_ceiling_and_no_other(ceiling: Ceiling, world: World) -> None:
    state = SourceState(world.table, world.clock, "thulium")
    ceiling.admit(10)
    state.note(trouble=str(ceiling.today()))
    ceiling.allow(1)
    assert "trouble" not in state.facts()

    state.note(trouble="unauthorized: 401")
    ceiling.allow(1)
    assert state.facts()["trouble"] == "unauthorized: 401"


def test_what_else_the_item_has_stays(ceiling: Ceiling, world: World) -> None:
    SourceState(world.table, world.clock, "thulium").note(checkpoint="2026", swept_to="2025")

    ceiling.admit(3)
    ceiling.allow(4)

    assert item(world) == {
        "id": "source#thulium",
        "checkpoint": "2026",
        "swept_to": "2025",
        "new_day": "2026-10-20",
        "new_count": 3,
        "allowed_day": "2026-10-20",
        "allowed_more": 4,
    }
