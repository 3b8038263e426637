"""Peaks are made once, by a process that hostile audio can neither hold nor grow."""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from call_lake_cli.listening import decode
from call_lake_cli.listening.waveform import DECODER, Waveforms
from tests.support.audio_samples import encoded, riff_wav
from tests.support.fakes import World
from tests.support.fakes.calls import Call, Proceed


@pytest.fixture
def world() -> World:
    return World.make()


def peaks(world: World, audio: bytes, **more: Any) -> Any:
    world.store.put("audio/a", audio)
    return Waveforms(world.store, **more).of("audio/a", len(audio))


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "ULAW"),
        ("WAV", "GSM610"),
        ("OGG", "VORBIS"),
        ("MP3", "MPEG_LAYER_III"),
        ("FLAC", "PCM_16"),
    ],
)
def test_each_side_has_its_peaks(world: World, container: str, codec: str) -> None:
    channels = 1 if codec == "GSM610" else 2
    found = peaks(world, encoded(container, codec, channels=channels))
    assert len(found["peaks"]) == channels
    assert all(0 <= peak <= 100 for side in found["peaks"] for peak in side)
    assert max(found["peaks"][0]) > 0


def test_sides_are_told_apart(world: World) -> None:
    left_only = struct.pack("<hh", 30_000, 0) * 8000
    found = peaks(world, riff_wav(left_only, form=struct.pack("<HHIIHH", 1, 2, 8000, 32000, 4, 16)))
    assert set(found["peaks"][0]) == {92}
    assert set(found["peaks"][1]) == {0}


def test_a_waveform_is_made_once(world: World) -> None:
    audio = encoded("WAV", "PCM_16")
    world.store.put("audio/a", audio)
    waveforms = Waveforms(world.store)
    first = waveforms.of("audio/a", len(audio))

    def refuse(call: Call, proceed: Proceed) -> Any:
        raise AssertionError(call)

    world.calls.on_call(refuse)
    assert waveforms.of("audio/a", len(audio)) is first


@pytest.mark.parametrize(
    "audio",
    [b"", b"no audio at all", b"#!AMR\n" + bytes(1000), encoded("WAV", "PCM_16")[:20], b"fLaC" + b"\xff" * 5000],
)
def test_what_cannot_be_read_has_no_waveform(world: World, audio: bytes) -> None:
    assert "not one that is read here" in peaks(world, audio)["why"]


def test_a_header_that_lies_about_its_length_costs_nothing(world: World) -> None:
    audio = bytearray(encoded("WAV", "PCM_16"))
    at = audio.index(b"data") + 4
    audio[at : at + 4] = struct.pack("<I", 2**32 - 100)
    found = peaks(world, bytes(audio))
    assert len(json.dumps(found)) < 10_000


def test_a_decoder_that_takes_too_long_is_ended(world: World) -> None:
    assert "too long" in peaks(world, encoded("WAV", "PCM_16"), time_s=0.0)["why"]


def test_there_are_at_most_so_many_peaks(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(encoded("WAV", "PCM_16", seconds=90.0))
    assert len(decode.peaks_of(str(file))[0]) <= decode.PEAKS


GREEDY = """
import runpy, sys
limit = runpy.run_path(sys.argv[1])["limit"]
limit()
if sys.argv[2] == "memory":
    bytes(2 * 1024**3)
else:
    sys.stdout.write("a" * 2 * 1024**2)
    sys.stdout.flush()
"""


@pytest.mark.parametrize("what", ["memory", "output"])
def test_a_decoder_that_is_taken_over_gets_little(what: str, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run([sys.executable, "-Ic", GREEDY, DECODER, what], stdout=out, stderr=subprocess.DEVNULL)
    assert done.returncode != 0
    assert (tmp_path / "out").stat().st_size <= decode.OUTPUT_BYTES
