"""What a copier does when time ends, S3 is busy, the ledger fails, an erasure comes late (rules 6, 11, 13 to 15)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from call_lake.copying.outcome import CopyCounts, Message
from call_lake.errors import ConfigError, Reason, Transient
from call_lake.ledger.entry import State
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.ports import AudioStream
from tests.support.fakes import Call, World
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.pipeline import FUNCTION_TIME_S, Pipeline


@dataclass
class Patient(FakeProvider):
    """Notes how long each download may take, and takes ``takes_s`` for it."""

    clock: Any = None
    takes_s: float = 0.0
    deadlines_s: list[float] = field(default_factory=list)

    @contextmanager
    def open_audio(self, recording: Recording, *, deadline_s: float) -> Iterator[AudioStream]:
        self.deadlines_s.append(deadline_s)
        self.clock.advance(timedelta(seconds=self.takes_s))
        with super().open_audio(recording, deadline_s=deadline_s) as stream:
            yield stream


@pytest.fixture
def provider(world: World) -> Patient:
    return Patient(world.calls, clock=world.clock)


def state(pipeline: Pipeline, recording: Recording) -> State:
    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    return entry.state


def at(world: World, port: str, method: str, act: Callable[[], object]) -> None:
    """Let ``act`` happen right before the first such call."""
    acts = [act]

    def hook(call: Call, proceed: Callable[[], Any]) -> Any:
        if (call.port, call.method) == (port, method) and acts:
            acts.pop()()
        return proceed()

    world.calls.on_call(hook)


def test_the_audio_lies_under_the_call_date_that_the_first_write_froze(pipeline, world, provider):
    recording = make_recording(1)
    provider.add(recording)
    pipeline.ledger.discovered(recording)
    world.queues["thulium"].send([message_of(replace(recording, call_date=date(2026, 10, 21)))])

    pipeline.copy_all()

    (key,) = world.store.bodies("audio/")
    assert f"call_date={recording.call_date}" in key


def test_a_download_may_take_no_longer_than_the_function_has_left(pipeline, provider, publish):
    publish(1), publish(2)
    provider.takes_s = 100.0

    pipeline.copy_all()

    assert provider.deadlines_s[1] < FUNCTION_TIME_S - 100


def test_no_download_begins_when_the_functions_time_is_over(pipeline, world, provider, publish):
    first, second = publish(1), publish(2)
    provider.takes_s = FUNCTION_TIME_S - 10

    pipeline.copy_once("thulium")

    assert len(provider.deadlines_s) == 1
    assert [state(pipeline, recording) for recording in (first, second)] == [State.STORED, State.PUBLISHED]
    assert len(world.queues["thulium"]) == 1


def test_each_batch_of_a_warm_function_has_its_own_time_and_counts(
    pipeline: Pipeline, provider: Patient, publish: Callable[[int], Recording]
) -> None:
    def batch(number: int) -> Message:
        return Message(str(number), message_of(publish(number)), "")

    provider.takes_s = FUNCTION_TIME_S - 10
    first = pipeline.copy_batch([batch(1)])
    provider.takes_s = 0.0
    second = pipeline.copy_batch([batch(2)])

    assert first.counts == second.counts == CopyCounts(stored=1, stored_bytes=first.counts.stored_bytes)
    assert [list(report.verdicts) for report in (first, second)] == [["1"], ["2"]]
    assert second.stored == {"thulium": 1}


def test_an_object_that_s3_was_too_busy_to_write_is_written_again_at_once(pipeline, world, provider, publish):
    recording = publish(1)
    world.store.conflicts = 2

    pipeline.copy_all()

    assert state(pipeline, recording) is State.STORED
    assert provider.downloads == 1


def test_a_message_is_not_done_before_the_ledger_says_stored(pipeline, world, publish):
    recording = publish(1)

    def throttled() -> None:
        raise Transient(Reason.AWS, "throttled")

    at(world, "table", "update", throttled)
    pipeline.copy_all()
    assert state(pipeline, recording) is State.PUBLISHED
    assert len(world.queues["thulium"]) == 1

    world.clock.advance(timedelta(hours=1))
    pipeline.copy_all()
    assert state(pipeline, recording) is State.STORED
    assert len(world.queues["thulium"]) == 0


@pytest.mark.parametrize(
    ("port", "method"), [("provider", "audio"), ("table", "created_at"), ("store", "put")], ids=lambda name: name
)
def test_an_error_of_our_own_is_a_counted_attempt_with_a_reason_and_is_tried_again(
    pipeline: Pipeline, world: World, publish: Callable[[int], Recording], port: str, method: str
) -> None:
    broken, sound = publish(1), publish(2)

    def break_once() -> None:
        raise ZeroDivisionError("48500000001")  # its text may hold anything, so the ledger gets its name alone

    at(world, port, method, break_once)
    pipeline.copy_once("thulium", 1)

    entry = pipeline.ledger.entry(broken.recording_id)
    assert entry is not None
    assert (entry.state, entry.reason, entry.attempts) == (State.RETRYING, Reason.UNEXPECTED, 1)
    assert entry.history[-1]["detail"] == "ZeroDivisionError"
    world.clock.advance(timedelta(days=1))
    pipeline.copy_all()
    assert state(pipeline, broken) == state(pipeline, sound) == State.STORED


def test_a_host_that_audio_came_from_is_told_after_the_audio_is_stored(
    pipeline: Pipeline, world: World, provider: Patient, publish: Callable[[int], Recording]
) -> None:
    recording = publish(1)
    told: list[str] = []
    plain = pipeline._copier_source
    provider.other_host = "storage.test"
    pipeline._copier_source = lambda name: replace(plain(name), note_host=told.append)  # type: ignore[method-assign]

    pipeline.copy_all()

    assert told == ["storage.test"]
    assert state(pipeline, recording) is State.STORED


def test_wrong_settings_count_no_attempt(pipeline: Pipeline, world: World, publish: Callable[[int], Recording]) -> None:
    recording = publish(1)

    def refuse() -> None:
        raise ConfigError("source 'thulium': its secret has no 'password'")

    at(world, "provider", "audio", refuse)
    pipeline.copy_once("thulium", 1)

    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    assert (entry.state, entry.attempts) == (State.PUBLISHED, 0)
    assert len(world.queues["thulium"]) == 1


def test_an_erasure_after_the_copiers_look_at_the_ledger_takes_the_object_too(pipeline, world, publish):
    recording = publish(1)
    tombstone = {"state": State.ERASED, "record": None, "due_list": None}
    at(world, "bus", "publish", lambda: world.table.update(recording.recording_id, tombstone))

    pipeline.copy_all()

    assert world.store.bodies("audio/") == {}
    assert len(world.queues["thulium"]) == 0
