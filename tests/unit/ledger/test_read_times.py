"""What the ledger knows of the time before a source's first poll: which of it backfills and sweeps have read."""

from datetime import timedelta

import pytest

from call_lake.ledger.source_state import READ_MOST, SourceState
from call_lake.model.times import iso
from call_lake.model.windows import Window
from tests.support.fakes import World

HOUR = timedelta(hours=1)


@pytest.fixture
def state() -> SourceState:
    world = World.make()
    found = SourceState(world.table, world.clock, "thulium")
    found.begin(world.clock.now(), world.clock.now() - 2 * HOUR)
    return found


def test_of_two_first_polls_the_first_one_says_when_polls_began(state: SourceState) -> None:
    began = state.checkpoint()
    assert began
    state.begin(began + HOUR, began)

    assert state.checkpoint() == began
    assert state.read_times().polled_from == iso(began - 2 * HOUR)


def test_stretches_that_touch_are_one_and_others_stay_apart(state: SourceState) -> None:
    now = state.checkpoint()
    assert now
    for start, end in ((-50, -40), (-20, -10), (-40, -30), (-12, -1), (-1, 0)):
        state.note_read(Window(now + start * HOUR, now + end * HOUR))

    times = state.read_times()
    hours = ((-50, -30), (-20, -2))
    assert times.before == tuple((iso(now + a * HOUR), iso(now + b * HOUR)) for a, b in hours)
    assert [times.has(now + hour * HOUR) for hour in (-51, -50, -30, -25, -20, -2, 5)] == [
        *(False, True, True, False, True, True, True)
    ]


def test_a_ledger_that_does_not_know_when_polls_began_calls_nothing_unread() -> None:
    world = World.make()
    state = SourceState(world.table, world.clock, "thulium")
    state.note_read(Window(world.clock.now(), world.clock.now()))

    assert state.read_times().has(world.clock.now() - 1000 * HOUR)
    assert "read_before" not in state.facts()


def test_the_item_does_not_grow_without_bound(state: SourceState) -> None:
    now = state.checkpoint()
    assert now
    for number in range(READ_MOST + 5):
        start = now - (10 + 2 * number) * HOUR
        state.note_read(Window(start, start + HOUR))

    assert len(state.read_times().before) == READ_MOST
