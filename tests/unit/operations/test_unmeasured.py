"""Recordings without a row of sound, as the events that their storing sent."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from call_lake.bucket.inbox import put_rows
from call_lake.model.lake_tables import CALLS, SOUND
from call_lake.model.layout import Partition
from call_lake.model.sound import SoundNote, sound_row
from call_lake.operations.unmeasured import unmeasured
from call_lake.sound.analyzer import StoredSound
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, compacted, row_of, sound_of
from tests.support.template import ROOT

SCHEMA = json.loads((ROOT / "events/recording-stored.schema.json").read_text())


def test_calls_with_audio_and_without_a_row_of_sound_are_sent_as_their_events_were() -> None:
    world = World.make()
    audio = {number: f"audio/source=thulium/call_date={TODAY}/thulium-{number:032x}.wav" for number in (1, 2)}
    more: dict[str, Any] = {"audio_format": "wav", "audio_sha256": "0" * 64, "direction": "inbound"}
    rows = [row_of(number, audio_uri=f"s3://call-lake-test/{key}", **more) for number, key in audio.items()]
    put_rows(world.store, [*rows, row_of(3, audio_uri=None, **more)], CALLS)
    partition = Partition("thulium", TODAY)
    put_rows(world.store, [sound_row(f"thulium-{1:032x}", partition, "0", SoundNote.FORMAT, world.clock.now())], SOUND)
    compacted(world)
    (detail,) = unmeasured(world.store, TODAY, TODAY, ["thulium"])
    Draft202012Validator(SCHEMA).validate(detail)
    assert StoredSound.of_detail(detail).key == detail["key"] == audio[2]
    assert unmeasured(world.store, TODAY, TODAY, ["conpeek"]) == []
    put_rows(world.store, [sound_of(2)], SOUND)
    assert unmeasured(world.store, TODAY, TODAY, ["thulium"]) == [], "its row waits in the inbox"
