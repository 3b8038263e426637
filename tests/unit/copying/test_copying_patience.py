"""Whom the copier asks again, and when: audio that is still written, outages that end in a maintenance page, providers
that ask to be left alone, bodies too large for the time that is left (rules 9, 11, 12)."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from call_lake.copying.fetcher import LAST_MARGIN_S, PUT_BYTES_PER_S
from call_lake.copying.retry import RESTS_FROM_S, RETRY_AFTER_SPREAD_S, RetryPolicy
from call_lake.errors import NotReady, Reason, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.ports import AudioStream
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider, make_recording, raising
from tests.support.ogg_pages import OPUS_HEADERS, opus
from tests.support.pipeline import COPIER, FUNCTION_TIME_S, Pipeline

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Body:
    stream: AudioStream
    declared_length: int | None
    at_its_end: Callable[[], None]
    content_type: str | None = None
    other_host: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        yield from self.stream
        self.at_its_end()


@dataclass
class Slow(FakeProvider):
    """Notes when it was asked. A body is said to have ``declared`` bytes, begins after ``takes_s`` and ends ``late_s``
    after that."""

    clock: Any = None
    takes_s: float = 0.0
    late_s: float = 0.0
    declared: int | None = None
    asked: list[datetime] = field(default_factory=list)

    @contextmanager
    def open_audio(self, recording: Recording, *, deadline_s: float) -> Iterator[AudioStream]:
        self.asked.append(self.clock.now())
        with super().open_audio(recording, deadline_s=deadline_s) as stream:
            self.clock.advance(timedelta(seconds=self.takes_s))
            yield Body(stream, self.declared or stream.declared_length, self._late)

    def _late(self) -> None:
        self.clock.advance(timedelta(seconds=self.late_s))


@pytest.fixture
def provider(world: World) -> Slow:
    return Slow(world.calls, clock=world.clock)


def entry_of(pipeline: Pipeline, recording: Recording) -> Entry:
    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    return entry


# Audio that is still written


@pytest.mark.parametrize("begun", [OPUS_HEADERS, opus(20, marked=False)], ids=["headers", "a third"])
def test_an_ogg_that_is_still_written_is_stored_when_it_is_whole(pipeline, provider, publish, begun):
    recording = publish(audio=begun)
    pipeline.copy_all()
    assert entry_of(pipeline, recording).state is State.RETRYING

    provider.audio[recording.provider_key] = opus(60)
    pipeline.run_for(HOUR)

    audio = entry_of(pipeline, recording).audio
    assert audio is not None
    assert audio.facts.bytes == len(opus(60))


def test_an_ogg_that_grows_all_the_time_is_not_stored_before_it_stands_still(pipeline, provider, publish):
    recording = publish(audio=opus(1, marked=False))
    for seconds in range(2, 9):
        pipeline.run_for(timedelta(minutes=10))
        assert entry_of(pipeline, recording).audio is None
        provider.audio[recording.provider_key] = opus(seconds, marked=False)


def test_an_ogg_that_never_marks_its_end_costs_one_more_download_and_some_minutes(pipeline, world, provider, publish):
    recording = publish(audio=opus(60, marked=False))
    pipeline.run_for(timedelta(minutes=15), timedelta(minutes=1))

    entry = entry_of(pipeline, recording)
    assert entry.audio is not None
    assert provider.downloads == 2
    assert timedelta(minutes=5) <= entry.audio.stored_at - entry.first_published_at <= timedelta(minutes=8)


def test_a_message_delivered_twice_does_not_make_a_growing_ogg_look_finished(pipeline, world, publish):
    recording = publish(audio=opus(20, marked=False))
    world.queues["thulium"].duplicates = 1

    pipeline.copy_all()

    assert (entry_of(pipeline, recording).attempts, entry_of(pipeline, recording).audio) == (2, None)


# What is not ready, and since when


def test_a_maintenance_page_at_the_end_of_a_long_outage_fails_nothing(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(Transient(Reason.HTTP_ERROR, "503"))
    pipeline.run_for(3 * DAY, HOUR)
    provider.on_audio = raising(NotReady(Reason.HTML, "maintenance"))
    pipeline.run_for(DAY, HOUR)
    assert entry_of(pipeline, recording).reason == Reason.HTML

    provider.on_audio = lambda recording: None
    pipeline.run_for(DAY, HOUR)
    assert entry_of(pipeline, recording).state is State.STORED
    assert len(world.dlq) == 0


def test_audio_that_no_attempt_finds_has_failed_after_48_hours_of_them(pipeline, provider, publish):
    recording = publish()
    provider.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    pipeline.run_for(3 * DAY, HOUR)

    entry = entry_of(pipeline, recording)
    assert (entry.state, entry.reason) == (State.FAILED, Reason.NEVER_READY)
    assert entry.attempts > 10


def test_an_outage_after_the_48_hours_ends_nothing_and_they_begin_anew(pipeline, provider, publish):
    recording = publish()
    provider.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    pipeline.run_for(DAY, HOUR)
    provider.on_audio = raising(Transient(Reason.HTTP_ERROR, "503"))
    pipeline.world.clock.advance(2 * DAY)
    pipeline.run_for(DAY, HOUR)
    assert entry_of(pipeline, recording).reason == Reason.HTTP_ERROR

    provider.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    pipeline.run_for(DAY, HOUR)
    assert entry_of(pipeline, recording).state is not State.FAILED


def test_a_repaired_recording_waits_for_its_audio_anew(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    pipeline.copy_all()
    provider.on_audio = lambda recording: None
    pipeline.run_for(HOUR)
    entry = entry_of(pipeline, recording)
    assert entry.audio is not None
    world.store.delete([entry.audio.key])
    world.clock.advance(30 * DAY)
    pipeline.ledger.repaired(entry)

    provider.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    pipeline.run_for(DAY, HOUR)

    assert entry_of(pipeline, recording).state is not State.FAILED


# Providers that ask to be left alone


def test_what_one_recording_was_told_counts_for_all_of_its_source(pipeline, world, provider, publish):
    recordings = [publish(number) for number in range(30)]
    other = make_recording(1, "conpeek")
    pipeline.providers["conpeek"].add(other)
    world.queues["conpeek"].send([message_of(other)])
    provider.on_audio = raising(Transient(Reason.RATE_LIMITED, "429", retry_after_s=3600))
    pipeline.run_for(timedelta(minutes=55))

    assert len(provider.asked) == 1
    assert sum(entry_of(pipeline, recording).attempts for recording in recordings) == 1
    assert entry_of(pipeline, other).state is State.STORED

    provider.on_audio = lambda recording: None
    pipeline.run_for(HOUR)
    assert {entry_of(pipeline, recording).state for recording in recordings} == {State.STORED}
    assert provider.asked[1] - provider.asked[0] >= HOUR


def test_a_message_whose_source_asks_for_a_short_quiet_all_day_long_is_not_buried(world: World) -> None:
    pipeline = Pipeline(world, {"thulium": FakeProvider(world.calls)})
    world.queues["thulium"].send([message_of(make_recording(1))])
    told = Transient(Reason.RATE_LIMITED, "429", retry_after_s=RESTS_FROM_S)
    end = world.clock.now() + timedelta(hours=23)

    while (moment := world.queues["thulium"].next_visible_at()) is not None and moment < end:
        world.clock.advance_to(moment)
        pipeline.copier.rate_limited.note("thulium", told)  # by another recording's attempt, each time
        pipeline.copy_once("thulium")

    assert world.dlq.waiting() == []
    assert len(world.queues["thulium"]) == 1


def test_who_was_told_to_wait_a_moment_waits_alone(pipeline, provider, publish):
    recordings = [publish(number) for number in range(30)]
    told = iter([Transient(Reason.RATE_LIMITED, "429", retry_after_s=2)])

    def once(recording: Recording) -> None:
        for error in told:
            raise error

    provider.on_audio = once
    pipeline.copy_all()

    states = [entry_of(pipeline, recording).state for recording in recordings]
    assert states.count(State.STORED) == 29
    assert states.count(State.RETRYING) == 1


def test_audio_that_stands_needs_no_provider_and_does_not_wait_for_one(pipeline, world, provider, publish):
    standing = publish(1)
    world.bus.refuse_events(0, times=2)
    pipeline.copy_all()
    publish(2)
    provider.on_audio = raising(Transient(Reason.RATE_LIMITED, "429", retry_after_s=86_400))
    pipeline.copy_all()

    world.clock.advance(HOUR)
    pipeline.copy_all()

    assert entry_of(pipeline, standing).state is State.STORED


def test_who_was_told_the_same_moment_does_not_come_back_at_the_same_moment() -> None:
    policy, told = RetryPolicy(COPIER, random.Random(1)), Transient(Reason.RATE_LIMITED, "429", retry_after_s=3600)
    delays = [policy.delay_s(told, 0) for _ in range(1000)]

    assert min(delays) >= 3600
    assert max(delays) <= 3600 + RETRY_AFTER_SPREAD_S
    assert max(delays) - min(delays) > 0.9 * RETRY_AFTER_SPREAD_S


# The end of the batch, and of the function's time


def test_a_message_that_is_no_recording_stays_while_the_dlq_refuses_and_takes_no_other_with_it(
    pipeline, world, publish
):
    world.queues["thulium"].send(["{not a message"])
    recordings = [publish(number) for number in range(3)]
    world.dlq.refuse_sends(0)

    pipeline.copy_all()
    assert {entry_of(pipeline, recording).state for recording in recordings} == {State.STORED}
    assert world.queues["thulium"].waiting() == ["{not a message"]

    world.clock.advance(HOUR)
    pipeline.copy_all()
    assert world.dlq.waiting() == ["{not a message"]
    assert len(world.queues["thulium"]) == 0


def test_a_body_is_not_begun_whose_put_would_outlast_the_function(pipeline, provider, publish):
    recording = publish()
    provider.takes_s = FUNCTION_TIME_S - 100.0
    provider.declared = 100 * PUT_BYTES_PER_S
    pipeline.copy_once("thulium")

    entry = entry_of(pipeline, recording)
    assert (entry.state, entry.attempts) == (State.PUBLISHED, 0), "our own limit: no attempt is counted"


def test_a_body_longer_than_is_allowed_is_too_large_and_not_late(pipeline, provider, publish):
    recording = publish()
    provider.declared = 10**12
    pipeline.copy_once("thulium")

    assert entry_of(pipeline, recording).reason == Reason.TOO_LARGE


def test_a_body_that_came_too_late_for_its_put_is_not_stored(pipeline, world, provider, publish):
    recording = publish()
    provider.takes_s = FUNCTION_TIME_S - LAST_MARGIN_S - 0.1
    provider.late_s = 0.2
    pipeline.copy_once("thulium")

    assert entry_of(pipeline, recording).reason == Reason.TIMEOUT
    assert world.store.bodies("audio/") == {}
