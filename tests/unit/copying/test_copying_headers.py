"""A header that promises more than there is: when two downloads overrule it, and when they do not (ADR 0018)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from call_lake.bucket.audio_objects import AudioObjects
from call_lake.errors import Reason
from call_lake.ledger.entry import Entry, State
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from call_lake.ports import AudioStream
from tests.support.audio_samples import FTYP, MDAT, riff_wav
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider, make_recording
from tests.support.lake_samples import rows_in
from tests.support.pipeline import Pipeline

SHORT = riff_wav(promised=16_016)
OTHER = riff_wav(b"\3\4" * 8000, promised=16_016)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass
class Unmeasured:
    """A body whose length HTTP does not declare."""

    stream: AudioStream
    declared_length: int | None = None
    other_host: str | None = None
    content_type: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        yield from self.stream


@dataclass
class Recorder(FakeProvider):
    """Gives ``bodies`` one after the other, the last one again and again. ``asked``: when."""

    clock: Any = None
    bodies: list[bytes] = field(default_factory=list)
    declares: bool = True
    asked: list[datetime] = field(default_factory=list)

    @contextmanager
    def open_audio(self, recording: Recording, *, deadline_s: float) -> Iterator[AudioStream]:
        self.asked.append(self.clock.now())
        if self.bodies:
            body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
            self.audio[recording.provider_key] = body
        with super().open_audio(recording, deadline_s=deadline_s) as stream:
            yield stream if self.declares else Unmeasured(stream)


@pytest.fixture
def world() -> World:
    return World.make()


@pytest.fixture
def provider(world: World) -> Recorder:
    return Recorder(world.calls, clock=world.clock)


@pytest.fixture
def pipeline(world: World, provider: Recorder) -> Pipeline:
    return Pipeline(world, {"thulium": provider})


@pytest.fixture
def publish(pipeline: Pipeline, provider: Recorder) -> Callable[..., Recording]:
    def act(*bodies: bytes, ended: timedelta = DAY, **facts: Any) -> Recording:
        recording = replace(make_recording(1), ended_at=pipeline.world.clock.now() - ended)
        recording = replace(recording, **facts)
        provider.add(recording)
        provider.bodies = list(bodies)
        pipeline.ledger.discovered(recording)
        pipeline.world.queues["thulium"].send([message_of(recording)])
        return recording

    return act


def entry_of(pipeline: Pipeline, recording: Recording) -> Entry:
    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    return entry


def test_two_equal_downloads_five_minutes_apart_overrule_the_header(
    pipeline: Pipeline, world: World, provider: Recorder, publish: Callable[..., Recording]
) -> None:
    recording = publish(SHORT)
    pipeline.copy_all()
    assert entry_of(pipeline, recording).reason == Reason.TRUNCATED
    pipeline.run_for(15 * MINUTE, MINUTE)

    entry = entry_of(pipeline, recording)
    assert entry.state is State.STORED
    assert entry.audio is not None
    assert (entry.audio.facts.note, entry.audio.facts.seconds) == ("shorter_than_header", 1.0)
    assert [row["audio_note"] for row in rows_in(world)] == ["shorter_than_header"]
    assert provider.asked[-1] - provider.asked[0] >= 5 * MINUTE
    assert len(provider.asked) == 3


def test_the_stored_object_keeps_the_note_for_an_attempt_that_finds_it(
    pipeline: Pipeline, world: World, publish: Callable[..., Recording]
) -> None:
    recording = publish(SHORT)
    pipeline.run_for(15 * MINUTE, MINUTE)

    (found,) = AudioObjects(world.store).existing(recording)
    assert found.facts.note == "shorter_than_header"


def test_whole_audio_has_no_note(pipeline: Pipeline, world: World, publish: Callable[..., Recording]) -> None:
    recording = publish(riff_wav())
    pipeline.run_for(10 * MINUTE)

    audio = entry_of(pipeline, recording).audio
    assert audio is not None
    assert audio.facts.note is None
    assert [row["audio_note"] for row in rows_in(world)] == [None]


def test_equal_downloads_within_five_minutes_prove_nothing(
    pipeline: Pipeline, world: World, publish: Callable[..., Recording]
) -> None:
    recording = publish(SHORT)
    world.queues["thulium"].duplicates = 3
    pipeline.copy_all()

    assert entry_of(pipeline, recording).attempts > 1
    assert entry_of(pipeline, recording).audio is None


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"ended_at": None, "started_at": "now", "duration_s": 60.0, "talk_s": None},
        {"ended_at": None, "duration_s": None, "talk_s": None},
    ],
    ids=["its end is listed", "its start and length are", "neither is"],
)
def test_a_call_has_to_be_over_for_an_hour(
    pipeline: Pipeline, world: World, publish: Callable[..., Recording], facts: dict[str, Any]
) -> None:
    began = world.clock.now()
    facts = {name: began if value == "now" else value for name, value in facts.items()}
    recording = publish(SHORT, ended=timedelta(), **facts)
    pipeline.run_for(59 * MINUTE, MINUTE)
    assert entry_of(pipeline, recording).audio is None
    pipeline.run_for(30 * MINUTE, MINUTE)

    assert entry_of(pipeline, recording).audio is not None


def test_an_hour_has_to_pass_also_where_the_message_comes_sooner(
    pipeline: Pipeline, world: World, publish: Callable[..., Recording]
) -> None:
    recording = publish(SHORT, ended=timedelta())
    for _ in range(6):
        pipeline.copy_all()
        assert entry_of(pipeline, recording).audio is None
        world.clock.advance(9 * MINUTE)
        world.queues["thulium"].send([message_of(recording)])

    world.clock.advance(10 * MINUTE)
    pipeline.copy_all()
    assert entry_of(pipeline, recording).audio is not None


def test_a_growing_file_is_stored_when_it_is_whole(pipeline: Pipeline, publish: Callable[..., Recording]) -> None:
    whole = riff_wav(bytes(4000))
    recording = publish(whole[:1000], whole[:2000], whole[:3000], whole)
    pipeline.run_for(2 * HOUR, MINUTE)

    audio = entry_of(pipeline, recording).audio
    assert audio is not None
    assert (audio.facts.bytes, audio.facts.note) == (len(whole), None)


def test_a_download_with_other_bytes_in_between_proves_that_it_still_changes(
    pipeline: Pipeline, provider: Recorder, publish: Callable[..., Recording]
) -> None:
    recording = publish(*[SHORT, OTHER] * 50)
    pipeline.run_for(3 * DAY, HOUR)

    assert len(provider.asked) > 5
    assert entry_of(pipeline, recording).state in (State.RETRYING, State.PUBLISHED)


def test_without_the_length_that_http_declares_the_header_counts(
    pipeline: Pipeline, provider: Recorder, publish: Callable[..., Recording]
) -> None:
    provider.declares = False
    recording = publish(SHORT)
    pipeline.run_for(DAY, HOUR)
    assert entry_of(pipeline, recording).audio is None

    provider.declares = True
    pipeline.run_for(HOUR / 60, MINUTE)
    assert entry_of(pipeline, recording).audio is None, "the downloads without a length prove nothing"
    pipeline.run_for(DAY, HOUR)
    assert entry_of(pipeline, recording).audio is not None


def test_of_both_downloads_the_length_has_to_be_declared(
    pipeline: Pipeline, provider: Recorder, publish: Callable[..., Recording]
) -> None:
    recording = publish(SHORT)
    pipeline.copy_all()
    provider.declares = False
    pipeline.run_for(DAY, HOUR)

    assert entry_of(pipeline, recording).audio is None


def test_an_mp4_without_an_index_is_never_stored(pipeline: Pipeline, publish: Callable[..., Recording]) -> None:
    recording = publish(FTYP + MDAT)
    pipeline.run_for(HOUR)
    assert (entry_of(pipeline, recording).state, entry_of(pipeline, recording).reason) == (
        State.RETRYING,
        Reason.UNFINISHED,
    )
    pipeline.run_for(3 * DAY, HOUR)

    assert (entry_of(pipeline, recording).state, entry_of(pipeline, recording).reason) == (
        State.FAILED,
        Reason.NEVER_READY,
    )


def test_a_length_of_a_call_that_cannot_be_breaks_nothing(
    pipeline: Pipeline, publish: Callable[..., Recording]
) -> None:
    recording = publish(SHORT, ended_at=None, duration_s=1e300)
    pipeline.run_for(3 * DAY, HOUR)

    assert entry_of(pipeline, recording).state is State.STORED
