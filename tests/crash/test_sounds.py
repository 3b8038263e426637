"""The sound analyzer and the compactor break at every call: each recording has one row of sound (rule 32)."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import BinaryIO

from call_lake.lake.compactor import Compactor
from call_lake.model.lake_tables import SOUND
from call_lake.model.recording import Recording
from call_lake.model.sound import Sound, SoundNote
from call_lake.sound.analyzer import SoundAnalyzer
from tests.crash.harness import Course, Interleaved, Invocation, course_of, settle, settle_interleaved
from tests.crash.points import Points
from tests.support.erasing import eraser_of, recording_ids
from tests.support.fakes import Fault, FaultAt, MemoryQueue, Received, World
from tests.support.lake_samples import rows_in
from tests.support.pipeline import COMPACTOR, FUNCTION_TIME_S
from tests.support.transcribing import TranscribingBench

COMPACT_EVERY = timedelta(minutes=5)
MEASURED = Sound(10.0, 1, -21.0, -3.0, 0.0, 0.5, 3.0, 7.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of each row the recording and its note; ``aside``: what was set aside or waits."""

    rows: tuple[tuple[str, str | None], ...]
    dead: int
    aside: tuple[str, ...]


class Sounds:
    """Three recordings: one is measured, one kills its reader, one is of a format that is not read. Messages come
    twice."""

    def __init__(self) -> None:
        self.world = World.make(("thulium",))
        self.calls = self.world.calls
        self.queue = MemoryQueue("sound", self.world.clock, self.calls, dlq=self.world.dlq)
        self.bench = TranscribingBench(self.world)
        self.victim, self.bystander = self.add(1), self.add(2)
        self.add(3, format="aac")
        self.queue.duplicates = 2
        self.died()
        self.calls.log.clear()

    def add(self, number: int, **facts: str) -> Recording:
        recording = self.bench.stored(number, **facts)
        wanted = self.bench.wanted(recording)
        self.world.store.put(json.loads(wanted)["detail"]["key"], b"audio %d" % number)
        self.queue.appear(wanted)
        return recording

    def measure(self, audio: BinaryIO) -> Sound | SoundNote:
        audio.seek(0)
        return SoundNote.DIED if audio.read() == b"audio 2" else MEASURED

    def died(self) -> None:
        world = self.world
        self.analyzer = SoundAnalyzer(world.store, world.table, world.clock, self.measure)
        self.compactor = Compactor(world.store, world.table, world.catalog, world.clock, COMPACTOR, threads=1)

    def round(self) -> Iterator[Invocation]:
        while received := self.queue.receive():
            yield self._invocation("analyze", partial(self.analyze, received))
        if self.world.store.bodies(SOUND.inbox):
            yield self._invocation("compact", self.compact)

    def _invocation(self, name: str, run: Callable[[], object]) -> Invocation:
        return Invocation(name, run, run, self.compact)

    def analyze(self, received: Sequence[Received]) -> None:
        report = self.analyzer.analyze({one.message_id: one.body for one in received}, self.until_s)
        for one in received:
            if one.message_id not in report.again:
                self.queue.delete(one.receipt_handle)

    def compact(self) -> None:
        if failed := self.compactor.run(self.until_s).failed:
            raise RuntimeError(f"failed: {failed}")

    @property
    def until_s(self) -> float:
        return self.world.clock.monotonic() + FUNCTION_TIME_S

    def wait(self) -> None:
        now = self.world.clock.now()
        self.world.clock.advance_to(max(now + COMPACT_EVERY, self.queue.next_visible_at() or now))

    def is_settled(self) -> bool:
        return self.queue.next_visible_at() is None and not self.world.store.bodies(SOUND.inbox)

    def outcome(self) -> Measured:
        rows = sorted((row["recording_id"], row["sound_note"]) for row in rows_in(self.world, SOUND))
        return Measured(tuple(rows), len(self.world.dlq), tuple(self.world.store.bodies(SOUND.quarantine)))


class SoundsInVersions(Sounds):
    """On a bucket that keeps every version."""

    def __init__(self) -> None:
        super().__init__()
        self.world.store.versioned = True


@cache
def undisturbed() -> tuple[Measured, Course]:
    run = Sounds()
    course = course_of(run)
    return run.outcome(), course


def test_each_recording_has_one_row() -> None:
    found, _ = undisturbed()
    assert {note for _, note in found.rows} == {None, "decoder_died", "format_not_read"}
    assert (len({id for id, _ in found.rows}), found.dead, found.aside) == (3, 0, ())


def test_any_fault_at_any_call_changes_nothing_in_the_end(points: Points) -> None:
    expected, course = undisturbed()

    for number in range(1, len(course.log) + 1):
        for fault in Fault:
            if course.same_as(number, fault) == (number, fault):
                run, broken = Sounds(), FaultAt(number, fault)
                story = settle(run, [broken])
                assert broken.struck, f"call {number} never came"
                points.judge(broken, run.outcome(), expected, story)

    points.check()


def test_what_is_erased_at_any_call_has_no_row_and_the_proof_finds_none(points: Points) -> None:
    _, course = undisturbed()

    for number in [call.number for call in course.log] + [0]:
        run = SoundsInVersions()
        interleaved = Interleaved(number, lambda _, run=run: partial(erase, run), after=False)  # type: ignore[misc]
        story = settle_interleaved(run, interleaved)
        if not number:
            erase(run)
        settle(run)
        points.judge(f"erased at call {number}", what_is_left(run), ([], 2, 0, 0), story)

    points.check()


def erase(run: Sounds) -> int:
    return eraser_of(run.world).erase(recording_ids(run.victim.recording_id), None).hits


def what_is_left(run: Sounds) -> tuple[list[str], int, int, int]:
    """Objects with the erased recording's id and its rows, rows of others, dead letters, hits of a second proof. Old
    versions of rows that waited stay for a day, as those of calls do."""
    id, found = run.victim.recording_id, run.outcome()
    mine = [key for key, body in run.world.store.bodies(SOUND.inbox).items() if id.encode() in body]
    mine += [row for row, _ in found.rows if row == id]
    return mine, len(found.rows) - len(mine), found.dead, erase(run)
