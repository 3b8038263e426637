import pytest

from tests.support.fakes import World


@pytest.fixture
def world() -> World:
    """AWS in memory: one account, empty."""
    return World.make()
