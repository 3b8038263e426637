"""The simulated audio: real files, every one with other bytes, the same in every process."""

import hashlib
import io
import os
import subprocess
import sys

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from call_lake_local.simulators import ogg
from call_lake_local.simulators.audio import MENU, AudioSpec, LargeAudio, SpeechAudio
from call_lake_local.simulators.world import World

SHORT = [spec for spec, _ in MENU if spec.seconds <= 20] + [AudioSpec("wav", "pcm", 2, 8000, 7.25, skip=123)]


@pytest.mark.parametrize("spec", SHORT, ids=str)
def test_a_decoder_reads_what_the_facts_say(spec):
    audio = SpeechAudio(spec, "one")
    facts = audio.facts()
    with soundfile.SoundFile(io.BytesIO(audio.data())) as file:
        assert (file.channels, file.samplerate) == (facts.channels, facts.sample_rate)
        samples = file.read(dtype="int16")
    assert len(samples) == round(spec.seconds * spec.sample_rate)
    assert facts.seconds == spec.seconds
    assert samples.std() > 200, "silence is no speech"


@pytest.mark.parametrize("spec", SHORT, ids=str)
def test_two_recordings_of_one_form_differ_in_their_bytes(spec):
    one, other = SpeechAudio(spec, "one").facts(), SpeechAudio(spec, "other").facts()
    assert one.sha256 != other.sha256


@given(body=st.binary(min_size=1, max_size=255), data=st.data())
def test_overwriting_bytes_of_a_page_gives_the_checksum_of_the_new_page(body, data):
    page = bytearray(b"OggS" + bytes(22) + bytes([1, len(body)]) + body)
    page[22:26] = ogg.checksum(bytes(page)).to_bytes(4, "little")
    at = data.draw(st.integers(28, len(page) - 1))
    new = data.draw(st.binary(min_size=1, max_size=len(page) - at))
    ogg.overwrite(page, (0, len(page)), at, new)
    written = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert page[at : at + len(new)] == new
    assert ogg.checksum(bytes(page)) == written


def test_the_ogg_checksum_is_that_of_a_real_encoder():
    sink = io.BytesIO()
    soundfile.write(sink, [0.0] * 800, 8000, format="OGG", subtype="VORBIS")
    start, end = next(ogg.pages(sink.getvalue()))
    page = bytearray(sink.getvalue()[start:end])
    written = int.from_bytes(page[22:26], "little")
    page[22:26] = bytes(4)
    assert ogg.checksum(bytes(page)) == written


def test_another_process_makes_the_same_bytes():
    program = (
        "from call_lake_local.simulators.audio import MENU, SpeechAudio\n"
        "print(*[SpeechAudio(spec, 'x').facts().sha256 for spec, _ in MENU if spec.seconds <= 5])"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    there = subprocess.check_output([sys.executable, "-c", program], text=True, env=environment).split()
    assert there == [SpeechAudio(spec, "x").facts().sha256 for spec, _ in MENU if spec.seconds <= 5]


def test_a_world_has_every_format_mono_and_stereo_and_lengths_from_two_seconds_to_ten_minutes():
    recordings = World.generate(count=1000, kinds=["thulium"]).recordings["thulium"]
    specs = [r.audio.spec for r in recordings if isinstance(r.audio, SpeechAudio)]
    assert {spec.codec for spec in specs} == {"pcm", "vorbis", "opus", "mp3"}
    assert {(spec.format, spec.channels) for spec in specs} == {(f, c) for f in ("wav", "ogg", "mp3") for c in (1, 2)}
    assert min(spec.seconds for spec in specs) < 2.5
    assert max(spec.seconds for spec in specs) == 600
    assert sum(5 <= spec.seconds <= 60 for spec in specs) > 700


@pytest.mark.parametrize("size", [44, 45, 1000, 200_001])
def test_a_large_file_has_exactly_its_bytes_and_the_hash_that_its_facts_say(size):
    audio = LargeAudio(size, "big")
    length, body = audio.open()
    data = b"".join(body())
    assert length == len(data) == size == audio.facts().bytes
    assert hashlib.sha256(data).hexdigest() == audio.facts().sha256


def test_the_blocks_of_a_large_file_differ_so_that_a_swap_is_noticed():
    _, body = LargeAudio(500_000, "big").open()
    blocks = list(body())[1:-1]
    assert len(set(blocks)) == len(blocks) > 3
