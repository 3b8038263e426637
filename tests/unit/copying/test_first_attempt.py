"""Only a first attempt that the ledger proves to be the first asks S3 for no earlier audio (ADR 0048)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from call_lake.copying.first_attempt import CLOCKS_DIFFER, is_first
from call_lake.errors import Reason, Terminal, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import SINCE_KEPT_S
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording
from tests.support.fakes import World
from tests.support.fakes.provider import FakeProvider, make_recording, raising
from tests.support.pipeline import Pipeline

SECOND = timedelta(seconds=1)


def listings(world: World) -> int:
    return sum((call.port, call.method) == ("store", "list") for call in world.calls.log)


@pytest.fixture
def recording(publish: Callable[[int], Recording]) -> Recording:
    return publish(1)


@pytest.fixture
def entry(pipeline: Pipeline, recording: Recording) -> Entry:
    found = pipeline.ledger.entry(recording.recording_id)
    assert found is not None
    return found


@pytest.mark.usefixtures("recording")
def test_a_first_attempt_lists_nothing(pipeline: Pipeline, world: World) -> None:
    pipeline.copy_all()

    assert len(world.store.bodies("audio/")) == 1
    assert listings(world) == 0


def test_what_the_pollers_item_does_not_prove_is_no_first_attempt(world: World, entry: Entry) -> None:
    now, since = world.clock.now(), world.table.created_at()
    assert entry.recording is not None
    began = entry.recording.started_at

    assert is_first(entry, 1, since, now)
    assert is_first(entry, 1, began - CLOCKS_DIFFER, began)
    for other in (
        replace(entry, is_claimed=True),
        replace(entry, recording=None),
        replace(entry, state=State.RETRYING),
        replace(entry, history=({"at": "2026-10-20T12:00:00.000Z"},)),
        replace(entry, marks=1),
        replace(entry, published_at=now + SECOND),
        replace(entry, due_at="2026-10-20T12:00:00.000Z"),
        replace(entry, due_at=None),
    ):
        assert not is_first(other, 1, since, now)
    assert not is_first(entry, 2, since, now)  # an attempt may have died
    assert not is_first(entry, 1, began - CLOCKS_DIFFER + SECOND, now)  # an earlier ledger may have known it
    assert not is_first(entry, 1, since, began - SECOND)  # its start is wrong, so it proves nothing


def test_a_message_without_the_pollers_item_is_no_first_attempt(
    pipeline: Pipeline, world: World, provider: FakeProvider
) -> None:
    provider.add(recording := make_recording(1))
    world.queues["thulium"].send([message_of(recording)])

    pipeline.copy_all()

    assert listings(world) == 1


def test_a_warm_copier_notices_a_restored_ledger(
    pipeline: Pipeline, world: World, publish: Callable[[int], Recording]
) -> None:
    publish(1)
    pipeline.copy_all()
    world.table.restore(world.table.items("source"))
    world.clock.advance(timedelta(seconds=SINCE_KEPT_S))
    publish(2)

    pipeline.copy_all()

    assert listings(world) == 1


@pytest.mark.usefixtures("recording")
def test_where_aws_does_not_tell_the_tables_age_s3_is_asked(
    pipeline: Pipeline, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.table, "created_at", raising(Transient(Reason.AWS, "throttled")))

    pipeline.copy_all()

    assert listings(world) == 1


def test_what_another_attempt_has_stored_is_no_failure(
    pipeline: Pipeline, world: World, provider: FakeProvider, recording: Recording
) -> None:
    pipeline.copy_all()
    world.table.restore({})
    world.table._created_at -= timedelta(days=365)  # as if two messages had come of one item
    pipeline.ledger.discovered(recording)
    world.queues["thulium"].send([message_of(recording)])
    provider.on_audio = raising(Terminal(Reason.FORBIDDEN, "403"))

    pipeline.copy_all()

    found = pipeline.ledger.entry(recording.recording_id)
    assert found is not None
    assert found.state is State.STORED
    assert len(world.dlq) == 0
