"""Two pollers, two compactors, a copier and a poller: wherever one stops while the other goes on, it ends the same."""

import pytest

from tests.crash.duos import (
    Duo,
    copier_and_a_poll_that_sends_again,
    copier_and_poller,
    meetings,
    two_compactors,
    two_copiers,
    two_copiers_of_what_expired,
    two_pollers,
)
from tests.crash.points import Points, Scene, undisturbed
from tests.crash.scenes import Namesakes, Pair, Passing
from tests.crash.small_world import SmallWorld


@pytest.mark.parametrize(
    ("scene", "duo"),
    [
        (Pair, two_pollers),
        (Pair, two_copiers),
        (Pair, two_compactors),
        (Namesakes, copier_and_poller),
        (Pair, copier_and_a_poll_that_sends_again),
        (Passing, two_copiers_of_what_expired),
    ],
    ids=lambda value: value.__name__,
)
def test_two_that_stop_for_each_other_at_any_call_end_as_one(
    points: Points, scene: Scene, duo: Duo[SmallWorld]
) -> None:
    expected, _ = undisturbed(scene)

    for stop, found in meetings(scene, duo, SmallWorld.outcome):
        points.judge(f"{duo.__name__} {stop}", found, expected)

    points.check()
