"""A pipeline of two sources, and recordings that wait in Thulium's queue."""

from collections.abc import Callable

import pytest

from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import Pipeline


@pytest.fixture
def provider(world: World) -> FakeProvider:
    return FakeProvider(world.calls)


@pytest.fixture
def pipeline(world: World, provider: FakeProvider) -> Pipeline:
    return Pipeline(world, {"thulium": provider, "conpeek": FakeProvider(world.calls)})


@pytest.fixture
def publish(pipeline: Pipeline, provider: FakeProvider) -> Callable[..., Recording]:
    """Lists a recording, and sends its message as the poller does. ``audio``: in place of a valid WAV."""

    def act(number: int = 1, *, audio: bytes | None = None) -> Recording:
        recording = make_recording(number)
        provider.add(recording)
        if audio is not None:
            provider.audio[recording.provider_key] = audio
        pipeline.ledger.discovered(recording)
        pipeline.world.queues["thulium"].send([message_of(recording)])
        return recording

    return act
