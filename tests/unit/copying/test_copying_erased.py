"""A recording that was erased leaves nothing, whatever its copier had done (design rule 15)."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from call_lake.errors import Reason, Terminal
from call_lake.ledger.entry import State
from call_lake.model.recording import Recording
from tests.support.fakes import Call, Died, Fault, FaultAt, World


@pytest.fixture(params=[False, True], ids=["no versions", "versions"])
def world(request: pytest.FixtureRequest) -> World:
    """A deletion by key leaves the voice as an old version, where the bucket keeps those."""
    world = World.make()
    world.store.versioned = request.param
    return world


def tombstone(world: World, recording: Recording) -> None:
    world.table.update(recording.recording_id, {"state": State.ERASED, "record": None, "due_list": None})


def audio_ever(world: World) -> list[str]:
    return [key for key, _ in world.store.every_version() if key.startswith("audio/")]


def test_the_object_of_an_attempt_that_died_before_it_looked_goes_with_the_next_delivery(
    world, provider, pipeline, publish
):
    recording = publish()

    death = FaultAt(2, Fault.DIE_BEFORE)  # the PUT, and the look at the ledger behind it

    def erase(_: object) -> None:
        tombstone(world, recording)
        world.calls.on_call(death)

    provider.on_audio = erase
    with pytest.raises(Died):
        pipeline.copy_all()
    death.start_again()
    assert world.store.bodies("audio/")

    world.clock.advance(timedelta(hours=1))
    pipeline.copy_all()

    assert audio_ever(world) == []
    assert len(world.queues["thulium"]) == 0


@pytest.mark.parametrize("step", ["the download", "the event"])
def test_an_erasure_during_the_copy_takes_the_voice_for_good(world, provider, pipeline, publish, step):
    recording = publish()

    def before_the_event(call: Call, proceed: Callable[[], Any]) -> Any:
        if call.method == "publish":
            tombstone(world, recording)
        return proceed()

    if step == "the download":
        provider.on_audio = partial(tombstone, world)
    else:
        world.calls.on_call(before_the_event)
    pipeline.copy_all()

    assert audio_ever(world) == []


def test_a_terminal_failure_after_an_erasure_puts_nothing_into_the_dead_letters(world, provider, pipeline, publish):
    recording = publish()

    def erase_and_refuse(_: object) -> None:
        tombstone(world, recording)
        raise Terminal(Reason.FORBIDDEN, "403")

    provider.on_audio = erase_and_refuse
    pipeline.copy_all()

    assert len(world.dlq) == 0
    assert len(world.queues["thulium"]) == 0
