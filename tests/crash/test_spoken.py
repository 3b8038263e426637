"""Transcriber, reader, engine and compactor break at every call: all words are there, once (rules 30, 31)."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest

from call_lake.ledger.transcripts import TranscriptState
from call_lake.model.layout import AUDIO, DOCUMENTS, LAKE
from tests.crash.harness import Course, Interleaved, Invocation, course_of, settle, settle_interleaved
from tests.crash.points import Points
from tests.crash.spoken_world import ENGINE, Spoken, SpokenWorld
from tests.support.erasing import eraser_of, recording_ids
from tests.support.fakes import Fault, FaultAt

READY, SKIPPED, FAILED = TranscriptState.READY, TranscriptState.SKIPPED, TranscriptState.FAILED


class Heard(SpokenWorld):
    """Two recordings that two engines hear, one of them in stereo."""

    def furnish(self) -> None:
        self.victim, self.bystander = self.add(1), self.add(2, channels=1)


class HeardInVersions(Heard):
    """On a bucket that keeps every version."""

    def furnish(self) -> None:
        self.world.store.versioned = True
        super().furnish()


class Troubled(SpokenWorld):
    """Amazon Transcribe alone, and everything that goes wrong there: a job fails, one ends unheard, one without a
    document, requests are throttled, messages come twice, one format is not read, and one recording has to wait for
    the next day."""

    engines = ()
    hours = 0.5  # each recording has ten minutes

    def furnish(self) -> None:
        self.world.clock.advance_to(self.start.replace(hour=22, minute=40))
        self.jobs.throttled = 2
        self.jobs.lost_events = 1
        self.jobs.mute = 1
        failing, *_ = (self.add(number) for number in range(1, 5))
        self.add(5, format="aac")
        self.jobs.failing[failing.recording_id] = ["Invalid number of channels."]
        self.bench.queue.duplicates = 3


type Scene = Callable[[], SpokenWorld]


@cache
def undisturbed(scene: Scene) -> tuple[Spoken, Course]:
    run = scene()
    course = course_of(run)
    return run.outcome(), course


def states(found: Spoken) -> list[str]:
    return sorted(state for state, _ in found.states.values())


def test_two_engines_at_once_leave_two_rows_of_each_recording() -> None:
    found, _ = undisturbed(Heard)

    assert (states(found), found.oddities, found.dead) == ([READY] * 4, (), 0)
    assert found.announced == found.rows.keys() == found.states.keys()
    assert {engine for _, engine in found.rows} == {"aws", ENGINE}


def test_whatever_goes_wrong_at_amazon_each_recording_ends_and_says_why() -> None:
    run = Troubled()
    settle(run)
    found = run.outcome()

    assert (states(found), found.oddities, found.dead) == ([FAILED, *[READY] * 3, SKIPPED], (), 0)
    assert {reason for _, reason in found.states.values()} == {
        None,
        "Invalid number of channels.",
        "Amazon Transcribe does not read aac",
    }
    assert len(run.jobs.seconds_by_day()) == 2, "one waited for the next day"


@pytest.mark.parametrize(
    ("scene", "faults"),
    [(Heard, tuple(Fault)), (Troubled, (Fault.DIE_BEFORE, Fault.ANSWER_LOST))],  # the long one costs its time
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_any_fault_at_any_call_changes_nothing_in_the_end(
    points: Points, scene: Scene, faults: tuple[Fault, ...]
) -> None:
    expected, course = undisturbed(scene)

    for number in range(1, len(course.log) + 1):
        for fault in faults:
            if course.same_as(number, fault) == (number, fault):
                run, broken = scene(), FaultAt(number, fault)
                story = settle(run, [broken])
                assert broken.struck, f"call {number} never came"
                points.judge(broken, run.outcome(), expected, story)

    points.check()


def test_what_is_erased_at_any_call_leaves_no_word_and_the_proof_finds_none(points: Points) -> None:
    _, course = undisturbed(Heard)

    for number in [call.number for call in course.log] + [0]:
        run = HeardInVersions()
        interleaved = Interleaved(number, erasing(run), after=False)
        story = settle_interleaved(run, interleaved)
        if not number:
            erase(run)
        settle(run)
        points.judge(f"erased at call {number}", what_is_left(run), NOTHING_LEFT, story)

    points.check()


def erasing(run: Heard) -> Callable[[Invocation], Callable[[], None]]:
    return lambda invocation: partial(erase, run)


def erase(run: Heard) -> None:
    """Without waiting, so that nothing helps the functions."""
    eraser_of(run.world, run.jobs).erase(recording_ids(run.victim.recording_id), None)


NOTHING_LEFT: Any = ([], [], [READY] * 2, 0, ())


def what_is_left(run: Heard) -> Any:
    """Of the erased recording objects and rows; of the other one the states; hits of a second erasure's proof. Old
    versions of rows that waited stay for a day, as those of calls do."""
    id, found, store = run.victim.recording_id, run.outcome(), run.world.store
    objects = [key for key, _ in store.every_version() if key.startswith((AUDIO, DOCUMENTS)) and id in key]
    objects += [key for key, body in store.bodies().items() if not key.startswith(LAKE) and id.encode() in body]
    rows = [named for named in found.rows if named[0] == id]
    others = sorted(state for named, (state, _) in found.states.items() if named[0] != id)
    again = eraser_of(run.world, run.jobs).erase(recording_ids(id), None)
    return objects, rows, others, again.hits, found.oddities
