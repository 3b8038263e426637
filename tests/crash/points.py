"""What a test tried, and what ended differently."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest

from tests.crash.harness import Course, course_of
from tests.crash.outcome import Outcome
from tests.crash.small_world import SmallWorld

COVERED = "crash points"
DIFFERENCES = "crash points with a difference"

type Scene = Callable[[], SmallWorld]


@cache
def undisturbed(scene: Scene) -> tuple[Outcome, Course]:
    """How a scene ends when nothing breaks, and on what course."""
    run = scene()
    course = course_of(run)
    return run.outcome(), course


class Points:
    """The crash points of one test. ``judge`` collects, ``check`` fails."""

    def __init__(self, test: pytest.Item) -> None:
        self._test = test
        self._covered = 0
        self._differences: list[str] = []

    def judge(self, where: object, found: Any, expected: Any, story: Sequence[str] = ()) -> None:
        self._covered += 1
        if found != expected:
            self._differences.append(f"{where}: {_unlike(found, expected)}; on the way: {list(story)}")

    def check(self) -> None:
        self._test.user_properties += [(COVERED, self._covered), (DIFFERENCES, len(self._differences))]
        assert self._covered, "no crash point was tried"
        assert not self._differences, (
            f"{len(self._differences)} of {self._covered} crash points end differently; the first: "
            f"{self._differences[0]}"
        )


def _unlike(found: Any, expected: Any) -> str:
    if not isinstance(found, Outcome) or not isinstance(expected, Outcome):
        return f"{found} instead of {expected}"
    names = [name for name in Outcome.__slots__ if getattr(found, name) != getattr(expected, name)]
    return "; ".join(f"{name} {getattr(found, name)} instead of {getattr(expected, name)}" for name in names)
