"""A recording that was erased leaves nothing, whatever its copier had done (design rule 15)."""

from datetime import timedelta

import pytest

from call_lake.errors import Reason, Terminal
from call_lake.ledger import State
from call_lake.recording import message_of
from tests.fakes import Died, Fault, FaultAt, World
from tests.fakes.provider import FakeProvider, make_recording
from tests.pipeline import Pipeline


def test_the_object_of_an_attempt_that_died_before_it_looked_goes_with_the_next_delivery() -> None:
    world = World.make()
    provider, recording = FakeProvider(), make_recording(1)
    provider.add(recording)
    pipeline = Pipeline(world, {"thulium": provider})
    pipeline.ledger.discovered(recording)
    world.queues["thulium"].send([message_of(recording)])

    death = FaultAt(2, Fault.DIE_BEFORE)  # the PUT, and the look at the ledger behind it

    def erase(_: object) -> None:
        world.table.update(recording.recording_id, {"state": State.ERASED, "record": None, "open_in": None})
        world.calls.on_call(death)

    provider.on_audio = erase
    with pytest.raises(Died):
        pipeline.copy_all()
    death.start_again()
    assert world.store.bodies("audio/")

    world.clock.advance(timedelta(hours=1))
    pipeline.copy_all()

    assert world.store.bodies("audio/") == {}
    assert len(world.queues["thulium"]) == 0


def test_a_terminal_failure_after_an_erasure_puts_nothing_into_the_dead_letters() -> None:
    world = World.make()
    provider, recording = FakeProvider(), make_recording(1)
    provider.add(recording)
    pipeline = Pipeline(world, {"thulium": provider})
    pipeline.ledger.discovered(recording)
    world.queues["thulium"].send([message_of(recording)])

    def erase_and_refuse(_: object) -> None:
        world.table.update(recording.recording_id, {"state": State.ERASED, "record": None, "open_in": None})
        raise Terminal(Reason.FORBIDDEN, "403")

    provider.on_audio = erase_and_refuse
    pipeline.copy_all()

    assert len(world.dlq) == 0
    assert len(world.queues["thulium"]) == 0
