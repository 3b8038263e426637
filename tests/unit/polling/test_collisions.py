"""Two recordings under one key, in whatever order the world hears of them (design rule 6)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from call_lake.ledger.entry import State, state_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from tests.support.fakes import World
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import Pipeline

FIRST = make_recording(1, connection_id="100.1")
SECOND = IDS.identified(replace(FIRST, connection_id="200.2"))


@pytest.fixture
def pipeline(world: World) -> Pipeline:
    provider = FakeProvider(world.calls)
    listed_at = world.clock.now() - timedelta(minutes=30)
    provider.add(*(replace(recording, listed_at=listed_at) for recording in (FIRST, SECOND)))
    return Pipeline(world, {"thulium": provider})


def states(world: World) -> dict[str, str]:
    return {id: state_of(item) for id, item in world.table.items("thulium-").items()}


BOTH_STORED = dict.fromkeys((FIRST.recording_id, SECOND.as_collision().recording_id), State.STORED)


@pytest.mark.parametrize("order", [(FIRST, SECOND.as_collision()), (SECOND.as_collision(), FIRST)])
def test_messages_that_overtake_the_ledger_are_found_where_the_poller_will_write(
    world: World, order: tuple[Recording, Recording]
) -> None:
    ledger = Ledger(world.table, world.clock, 86_400)

    claimed = [ledger.claim(recording).recording_id for recording in order]

    assert claimed == [recording.recording_id for recording in order]
    assert not any(ledger.discovered(recording) for recording in order)


@pytest.mark.parametrize("refused", [0, 1])
def test_a_refused_message_leaves_no_second_item_of_the_other(world: World, pipeline: Pipeline, refused: int) -> None:
    world.queues["thulium"].refuse_sends(refused)

    for _ in range(2):
        pipeline.poll("thulium")
        pipeline.copy_all()
        pipeline.restart()

    assert states(world) == BOTH_STORED


def test_a_collision_stays_what_it_is_when_it_is_listed_without_the_keys_owner(
    world: World, pipeline: Pipeline
) -> None:
    pipeline.ledger.discovered(SECOND.as_collision())
    world.queues["thulium"].send([message_of(SECOND), message_of(SECOND.as_collision())])

    pipeline.copy_all()

    assert states(world) == {SECOND.as_collision().recording_id: State.STORED}
