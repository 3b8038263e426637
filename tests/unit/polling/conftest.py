"""A pipeline of one source. Nothing is logged: weeks of simulated polls would log for minutes."""

import logging
from collections.abc import Iterator

import pytest

from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider
from tests.support.pipeline import Pipeline


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def provider(world: World) -> FakeProvider:
    return FakeProvider(world.calls)


@pytest.fixture
def pipeline(world: World, provider: FakeProvider) -> Pipeline:
    return Pipeline(world, {"thulium": provider})
