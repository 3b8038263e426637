"""Recordings without a row of sound."""

from typing import Any

from call_lake.bucket.inbox import put_rows
from call_lake.model.lake_tables import CALLS, SOUND
from call_lake.model.layout import Partition
from call_lake.model.sound import SoundNote, sound_row
from call_lake.operations.unmeasured import unmeasured
from tests.support.fakes.world import World
from tests.support.lake_samples import TODAY, compacted, row_of, sound_of


def test_calls_with_audio_and_without_a_row_of_sound_are_found_with_their_lengths() -> None:
    world = World.make()
    audio = {number: f"audio/source=thulium/call_date={TODAY}/thulium-{number:032x}.wav" for number in (1, 2)}
    more: dict[str, Any] = {"audio_format": "wav", "audio_sha256": "0" * 64, "direction": "inbound"}
    rows = [row_of(number, audio_uri=f"s3://call-lake-test/{key}", **more) for number, key in audio.items()]
    put_rows(world.store, [*rows, row_of(3, audio_uri=None, **more)], CALLS)
    partition = Partition("thulium", TODAY)
    put_rows(world.store, [sound_row(f"thulium-{1:032x}", partition, "0", SoundNote.FORMAT, world.clock.now())], SOUND)
    compacted(world)
    assert unmeasured(world.store, TODAY, TODAY, ["thulium"]) == {f"thulium-{2:032x}": rows[1]["audio_s"]}
    assert unmeasured(world.store, TODAY, TODAY, ["conpeek"]) == {}
    put_rows(world.store, [sound_of(2)], SOUND)
    assert unmeasured(world.store, TODAY, TODAY, ["thulium"]) == {}, "its row waits in the inbox"
