"""The dead-letter queue is gone through once, and its next reader sees all that was left in it."""

import pytest

from call_lake.operations.dead_letters import drain
from call_lake.ports import DeadLetter
from tests.support.fakes import World
from tests.support.fakes.dead_letters import MemoryDeadLetters


@pytest.fixture
def dead() -> MemoryDeadLetters:
    world = World.make()
    world.dlq.send([str(number) for number in range(25)])  # more than one answer holds
    return MemoryDeadLetters(world.dlq, world.calls)


def test_what_is_settled_is_deleted_and_the_rest_can_be_received_at_once(dead: MemoryDeadLetters) -> None:
    kept = drain(dead, lambda letter: int(letter.body) < 20)

    assert sorted(letter.body for letter in kept) == ["20", "21", "22", "23", "24"]
    assert sorted(letter.body for letter in dead.receive()) == ["20", "21", "22", "23", "24"]


def test_an_error_deletes_no_more_and_hides_nothing(dead: MemoryDeadLetters) -> None:
    looked_at: list[DeadLetter] = []

    def fail_at_the_third(letter: DeadLetter) -> bool:
        looked_at.append(letter)
        if len(looked_at) == 3:
            raise RuntimeError
        return True

    with pytest.raises(RuntimeError):
        drain(dead, fail_at_the_third)

    assert len(dead) == 23
    assert sum(len(dead.receive()) for _ in range(3)) == 23


def test_it_ends_although_the_first_letters_are_visible_again_before_the_last_is_read(dead: MemoryDeadLetters) -> None:
    dead.queue.duplicates = 100  # every receive finds them again

    assert len(drain(dead, lambda letter: False)) == 10
