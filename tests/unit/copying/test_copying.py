"""Verify, then store; audio, row, event, ledger, and only then is a message done (design rules 9 to 15)."""

import hashlib
import io
from datetime import timedelta

import pytest

from call_lake.bucket.audio_objects import AudioObjects
from call_lake.errors import NotReady, Reason, SecretEmpty, Terminal, Transient
from call_lake.lake.search import read_partition
from call_lake.ledger.entry import State
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.messages import message_of
from call_lake.model.recording import AudioFacts, Recording
from tests.support.fakes import World
from tests.support.fakes.provider import make_recording, make_wav, raising
from tests.support.pipeline import Pipeline


def state(pipeline: Pipeline, recording: Recording) -> tuple[State, str | None]:
    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    return entry.state, entry.reason


def keys(world: World, prefix: str) -> list[str]:
    return [info.key for info in world.store.list(prefix)]


def test_a_recording_becomes_audio_a_row_an_event_and_stored(pipeline, world, publish):
    recording = publish()

    pipeline.copy_all()

    key = f"audio/source=thulium/call_date=2026-10-20/{recording.recording_id}.wav"
    assert keys(world, "audio/") == [key]
    head = world.store.head(key)
    assert head is not None
    assert head.metadata is not None
    assert head.sha256 == head.metadata["sha256"]
    assert len(keys(world, "inbox/")) == 1
    assert [event.detail["recording_id"] for event in world.bus.events] == [recording.recording_id]
    assert state(pipeline, recording) == (State.STORED, None)
    assert len(world.queues["thulium"]) == 0


def test_the_order_is_audio_row_event_ledger(pipeline, world, publish):
    publish()
    before = len(world.calls.log)

    pipeline.copy_all()

    writes = [
        f"{call.port}.{call.method}" for call in world.calls.log[before:] if call.method in ("put", "publish", "update")
    ]
    assert writes == ["store.put", "store.put", "bus.publish", "table.update"]


def test_a_batch_of_ten_shares_one_row_object_and_one_event_request(pipeline, world, publish):
    for number in range(10):
        publish(number)

    pipeline.copy_all()

    assert len(keys(world, "audio/")) == 10
    assert len(keys(world, "inbox/")) == 1
    assert sum(call.port == "bus" for call in world.calls.log) == 1


def test_a_message_delivered_twice_is_copied_once(pipeline, world, provider, publish):
    publish()
    world.queues["thulium"].duplicates = 1

    pipeline.copy_all()

    assert provider.downloads == 1
    assert len(keys(world, "audio/")) == 1


def test_audio_that_stands_is_taken_as_it_is_and_not_downloaded_again(pipeline, world, provider, publish):
    recording = publish()
    world.bus.refuse_events(0, times=2)  # the first attempt comes as far as the event
    pipeline.copy_all()
    assert state(pipeline, recording)[0] is State.PUBLISHED
    provider.audio[recording.provider_key] = make_wav(99)

    world.clock.advance(timedelta(hours=1))
    pipeline.copy_all()

    assert provider.downloads == 1
    assert state(pipeline, recording)[0] is State.STORED
    assert len(keys(world, "inbox/")) == 1, "the same row has the same name"


def test_the_put_that_another_attempt_won_is_described_by_its_own_head(world: World) -> None:
    archive = AudioObjects(world.store)
    recording = make_recording(1)
    body = make_wav(1)
    winner = AudioFacts("wav", len(body), _sha(body), 1, 8000, 1.0)
    first = archive.put(recording, io.BytesIO(body), winner, world.clock.now())
    world.clock.advance(timedelta(minutes=1))
    other = make_wav(2)
    second = archive.put(recording, io.BytesIO(other), AudioFacts("wav", len(other), _sha(other)), world.clock.now())

    assert second == first


def test_of_two_formats_the_ledgers_stays_and_its_row_is_written_last(pipeline, world, provider, publish):
    recording = publish()
    archive = AudioObjects(world.store)

    def race(raced: Recording) -> None:
        """While our download runs, another attempt stores the recording in another format."""
        provider.on_audio = lambda recording: None
        body = b"ID3" + bytes(100)
        facts = AudioFacts("mp3", len(body), _sha(body))
        audio = archive.put(raced, io.BytesIO(body), facts, world.clock.now())
        pipeline.ledger.stored(raced, audio)

    provider.on_audio = race
    world.clock.advance(timedelta(seconds=1))
    pipeline.copy_all()
    pipeline.compact()

    assert keys(world, "audio/") == [f"audio/source=thulium/call_date=2026-10-20/{recording.recording_id}.mp3"]
    rows = read_partition(world.store, CALLS.at(Partition.of_recording(recording)))
    assert [row["audio_format"] for row in rows] == ["mp3"]


def test_a_recording_erased_while_it_was_copied_leaves_nothing(pipeline, world, provider, publish):
    recording = publish()

    def erase(raced: Recording) -> None:
        world.table.update(raced.recording_id, {"state": State.ERASED, "record": None, "due_list": None})

    provider.on_audio = erase
    pipeline.copy_all()

    assert keys(world, "audio/") == []
    assert keys(world, "inbox/") == []
    assert state(pipeline, recording)[0] is State.ERASED
    assert len(world.queues["thulium"]) == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Transient(Reason.HTTP_ERROR, "503"), Reason.HTTP_ERROR),
        (NotReady(Reason.NOT_FOUND, "404"), Reason.NOT_FOUND),
    ],
)
def test_a_short_delay_stays_in_the_queue(pipeline, world, provider, publish, error, reason):
    recording = publish()
    provider.on_audio = raising(error)
    pipeline.copy_all()

    assert state(pipeline, recording) == (State.RETRYING, reason)
    visible_at = world.queues["thulium"].next_visible_at()
    assert visible_at is not None
    assert timedelta(seconds=20) < visible_at - world.clock.now() <= timedelta(seconds=30)

    provider.on_audio = lambda recording: None
    world.clock.advance(timedelta(seconds=31))
    pipeline.copy_all()
    assert state(pipeline, recording) == (State.STORED, None)


def test_a_long_delay_waits_in_the_ledger_and_the_message_is_done(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(Transient(Reason.RATE_LIMITED, "429", retry_after_s=3600))
    pipeline.copy_all()

    assert len(world.queues["thulium"]) == 0
    world.clock.advance(timedelta(minutes=59))
    assert pipeline.ledger.due("thulium", 10) == []
    world.clock.advance(timedelta(minutes=7))
    assert [entry.recording for entry in pipeline.ledger.due("thulium", 10)] == [recording]


def test_what_is_terminal_goes_to_the_dlq_at_once_with_its_reason(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(Terminal(Reason.FORBIDDEN, "403"))
    pipeline.copy_all()

    assert state(pipeline, recording) == (State.FAILED, Reason.FORBIDDEN)
    (dead,) = world.dlq.receive()
    assert dead.attributes["reason"] == Reason.FORBIDDEN
    assert dead.attributes["recording_id"] == recording.recording_id
    assert len(world.queues["thulium"]) == 0


def test_what_failed_is_not_tried_again_by_a_stray_message(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(Terminal(Reason.FORBIDDEN, "403"))
    pipeline.copy_all()
    provider.on_audio = lambda recording: None
    world.queues["thulium"].send([message_of(recording)])
    pipeline.copy_all()

    assert provider.downloads == 0
    assert len(world.dlq) == 1


def test_not_ready_for_longer_than_its_deadline_has_failed(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(NotReady(Reason.NOT_FOUND, "404"))
    pipeline.copy_all()
    assert state(pipeline, recording)[0] is State.RETRYING

    world.clock.advance(timedelta(hours=48, seconds=1))
    world.queues["thulium"].send([message_of(recording)])
    pipeline.copy_all()

    assert state(pipeline, recording) == (State.FAILED, Reason.NEVER_READY)


def test_an_empty_secret_counts_no_attempt(pipeline, world, provider, publish):
    recording = publish()
    provider.on_audio = raising(SecretEmpty("fill it"))
    pipeline.copy_all()

    entry = pipeline.ledger.entry(recording.recording_id)
    assert entry is not None
    assert (entry.state, entry.attempts) == (State.PUBLISHED, 0)
    assert len(world.queues["thulium"]) == 1


def test_one_bad_recording_of_a_batch_takes_no_other_with_it(pipeline, world, provider, publish):
    recordings = [publish(number) for number in range(5)]
    provider.audio[recordings[2].provider_key] = bytes([7]) * 1000
    world.queues["thulium"].send(["{not a message"])

    pipeline.copy_all()

    states = [state(pipeline, recording)[0] for recording in recordings]
    assert states == [State.STORED, State.STORED, State.FAILED, State.STORED, State.STORED]
    assert len(world.dlq) == 2


def test_a_refused_event_keeps_its_message_and_no_other(pipeline, world, publish):
    recordings = [publish(number) for number in range(3)]
    world.bus.refuse_events(1, times=2)

    pipeline.copy_all()

    assert [state(pipeline, recording)[0] for recording in recordings] == [
        State.STORED,
        State.PUBLISHED,
        State.STORED,
    ]
    assert len(world.queues["thulium"]) == 1


def _sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
