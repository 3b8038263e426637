"""An erasure that breaks anywhere is finished by the next one, and what had been under way is deleted by its second
look (design rules 7, 15, 18)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from call_lake.bucket.inbox import put_rows
from call_lake.bucket.quarantine import RejectedRow, quarantine
from call_lake.errors import Reason, Terminal
from call_lake.ledger.entry import State, state_of
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX, Partition, transcript_key
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.operations.erase.eraser import ErasureReport
from call_lake.operations.erase.targets import ErasureRequest, UnknownRecording
from tests.crash.duos import Works, meetings
from tests.crash.harness import Interleaved, settle, settle_interleaved
from tests.crash.outcome import rows
from tests.crash.points import Points, undisturbed
from tests.crash.scenes import Kept, Pair
from tests.crash.turns import take_turns
from tests.support.erasing import eraser_of, recording_ids, traces
from tests.support.fakes import Call, Died, Fault, FaultAt
from tests.support.fakes.calls import says_more
from tests.support.fakes.transcriptions import MemoryTranscriptions
from tests.support.lake_samples import row_of


class Refused(Pair):
    """The provider refuses the victim's audio for ever."""

    def furnish(self) -> None:
        super().furnish()

        def on_audio(recording: Recording) -> None:
            if recording.recording_id == self.victim.recording_id:
                raise Terminal(Reason.FORBIDDEN, "403")

        self.providers["thulium"].on_audio = on_audio


class Scattered:
    """Both recordings of a settled world have left something in every place there is."""

    def __init__(self) -> None:
        self.run = Kept()
        settle(self.run)
        self.world, self.victim, self.bystander = self.run.world, self.run.victim, self.run.bystander
        both = (self.victim, self.bystander)
        self.jobs = MemoryTranscriptions(self.world.calls, {one.recording_id for one in both})
        put_rows(self.world.store, [self._row(one) for one in both], CALLS)
        for one in both:
            text = f'{{"recording_id": "{one.recording_id}", cut'
            quarantine(self.world.store, RejectedRow(f"{INBOX}{one.recording_id}.json", text, "no JSON"))
            self.world.store.put(transcript_key(Partition.of_recording(one), "aws", one.recording_id), b"{}")
            self.world.dlq.send([message_of(one)], attributes={"recording_id": one.recording_id})
        self.world.store.put("athena-results/1.csv", (self.victim.caller or "").encode())

    def _row(self, one: Recording) -> dict[str, Any]:
        """A newer version than the one in the lake."""
        changes = {"recording_id": one.recording_id, "raw": one.raw, "stored_at": "2026-10-20T13:00:00.000Z"}
        return row_of(1, day=one.call_date, **changes)

    def erase(self) -> ErasureReport:
        """By number: of a tombstone nothing is left that this would find."""
        request = ErasureRequest(numbers=frozenset({self.victim.caller or ""}))
        return eraser_of(self.world, self.jobs).erase(request, self.world.clock.advance_to)

    def bystanders_places(self) -> tuple[object, ...]:
        """Where the other one still is, and how often."""
        other, store = self.bystander.recording_id, self.world.store
        waiting = sum(body.decode().count(f'"recording_id":"{other}"') for body in store.bodies(INBOX).values())
        named = sorted(key.partition("/")[0] for key in store.bodies() if other in key)
        in_lake = [row["recording_id"] for row in rows(self.world)]
        return waiting, named, in_lake, self.world.dlq.waiting() == [message_of(self.bystander)], self.jobs.names


def left_of(run: Pair | Scattered, victim: Recording) -> dict[str, list[str]]:
    found = traces(run.world, victim.recording_id, victim.provider_key, victim.caller or "", victim.connection_id or "")
    items = [id for id in found.pop("items", []) if id != victim.recording_id]
    return found | ({"items": items} if items else {})


def calls_of_an_erasure() -> list[Call]:
    scattered = Scattered()
    before = len(scattered.world.calls.log)
    assert scattered.erase().hits == 0
    return scattered.world.calls.log[before:]


# Dying behind a call is dying before the next one, and behind the last one nothing is left to do.
@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.DIE_AFTER], ids=str)
def test_an_erasure_that_breaks_at_any_call_is_finished_by_the_next(points: Points, fault: Fault) -> None:
    whole = Scattered()
    whole.erase()
    expected: tuple[object, ...] = ({}, 0, whole.bystanders_places())

    for number in (n for n, call in enumerate(calls_of_an_erasure(), 1) if says_more(fault, call)):
        scattered, broken = Scattered(), FaultAt(number, fault)
        remove = scattered.world.calls.on_call(broken)
        story = []
        try:
            scattered.erase()
        except (Died, Exception) as error:
            story.append(repr(error))
        remove()
        hits = scattered.erase().hits
        points.judge(
            f"{broken}", (left_of(scattered, scattered.victim), hits, scattered.bystanders_places()), expected, story
        )

    points.check()


# -- what was under way


def break_off(until: datetime) -> None:
    raise KeyboardInterrupt


def first_look(run: Pair) -> bool:
    """Everything up to the waiting; False where the ledger knows nothing yet."""
    try:
        eraser_of(run.world).erase(recording_ids(run.victim.recording_id), break_off)
    except UnknownRecording:
        return False
    except KeyboardInterrupt:
        return True
    raise AssertionError("it did not wait")


def finished(run: Pair) -> tuple[dict[str, list[str]], int, State]:
    """The functions had their time; then the erasure goes on."""
    report = eraser_of(run.world).erase(recording_ids(run.victim.recording_id), run.world.clock.advance_to)
    return left_of(run, run.victim), report.hits, state_of(run.world.table.items()[run.bystander.recording_id])


@pytest.mark.parametrize("scene", [Kept, Refused], ids=lambda scene: scene.__name__)
def test_an_erasure_at_any_call_leaves_nothing_once_the_functions_had_their_time(
    points: Points, scene: Callable[[], Pair]
) -> None:
    _, course = undisturbed(scene)

    for number, after in [(call.number, False) for call in course.log] + [(number, True) for number in course.ends]:
        run, told = scene(), list[bool]()

        def meanwhile(_: object, run: Pair = run, told: list[bool] = told) -> Callable[[], None]:
            return lambda: told.append(first_look(run))

        story = settle_interleaved(run, Interleaved(number, meanwhile, after=after))
        if told == [True]:
            points.judge(f"erased at call {number}", finished(run), ({}, 0, State.STORED), story)

    points.check()


def refused_copier_and_operator(run: Pair) -> Works:
    run.poll("thulium")
    return partial(run.copy, "thulium", run.receive("thulium")), partial(first_look, run)


def test_no_dead_letter_outlives_an_erasure_wherever_copier_and_operator_stop_for_each_other(points: Points) -> None:
    for stop, found in meetings(Refused, refused_copier_and_operator, finished):
        points.judge(f"copier and operator {stop}", found, ({}, 0, State.STORED))

    points.check()


@pytest.mark.parametrize("turns", [[True] * 7, [True, False] * 60, [True] * 20 + [False] * 30, [True] * 40], ids=len)
def test_two_erasures_of_the_same_person_at_once_leave_nothing(turns: Sequence[bool]) -> None:
    scattered = Scattered()
    expected = Scattered()
    expected.erase()

    take_turns(scattered.world.calls, scattered.erase, scattered.erase, turns)

    assert scattered.erase().hits == 0
    assert left_of(scattered, scattered.victim) == {}
    assert scattered.bystanders_places() == expected.bystanders_places()
