"""The sound analyzer as Lambda runs it: a batch, and the time that it has."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from call_lake.model.lake_tables import SOUND
from call_lake.model.sound import SoundNote
from call_lake.sound.analyzer import ROOM_S, SoundAnalyzer
from tests.support.fakes import MemoryQueue, World
from tests.support.functions_in_memory import ENVIRONMENT
from tests.support.transcribing import TranscribingBench


class Lambda:
    """``left_s``: what an invocation has left when it begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        from functions.sound_analyzer import handler

        self.world = World.make(("thulium",))
        self.bench = TranscribingBench(self.world)
        self.left_s = 300.0
        analyzer = SoundAnalyzer(self.world.store, self.world.table, self.world.clock, lambda audio: SoundNote.DIED)
        monkeypatch.setattr(handler, "analyzer", analyzer)
        monkeypatch.setattr(handler, "CLOCK", self.world.clock)
        self._handler = handler

    def message(self, number: int) -> str:
        """Of a recording that is stored."""
        recording = self.bench.stored(number)
        wanted = self.bench.wanted(recording)
        self.world.store.put(json.loads(wanted)["detail"]["key"], b"audio")
        return wanted

    def take(self, *bodies: str) -> Any:
        queue = MemoryQueue("sound", self.world.clock, self.world.calls)
        queue.send(bodies)
        records = [{"messageId": one.message_id, "body": one.body} for one in queue.receive(10)]
        context: Any = SimpleNamespace(
            function_name="sound-analyzer",
            memory_limit_in_mb=1769,
            invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:sound-analyzer",
            aws_request_id="00000000-0000-0000-0000-000000000000",
            get_remaining_time_in_millis=lambda: round(self.left_s * 1000),
        )
        return self._handler.handler({"Records": records}, context)["batchItemFailures"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    return Lambda(monkeypatch)


def test_the_event_of_a_stored_recording_leaves_a_row_and_only_what_is_no_event_comes_again(here: Lambda) -> None:
    assert here.take(here.message(1), "no event") == [{"itemIdentifier": "sound-2"}]
    assert len(here.world.store.bodies(SOUND.inbox)) == 1


def test_an_invocation_with_little_time_left_begins_nothing(here: Lambda) -> None:
    here.left_s = ROOM_S
    assert here.take(here.message(1)) == [{"itemIdentifier": "sound-1"}]
    assert here.world.store.bodies(SOUND.inbox) == {}
