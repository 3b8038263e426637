"""The process that reads a recording: what it reads, what it refuses, and how it ends."""

import io
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from call_lake.model.sound import Sound, SoundNote
from call_lake.sound import decoder
from call_lake.sound.decoder import sound_of
from call_lake.sound.reader import SoundReader
from tests.support.made_calls import Stretch, file_of, made_call

ODD = "tests.support.odd_decoder"
NOTHING_SEEN = SoundNote.NO_SAMPLES
"""What the odd decoder says in a process that has seen no file before."""
CALL = [Stretch(0, 1, 4), Stretch(1, 5, 9)]


def test_a_file_is_read_to_its_end_whatever_its_header_claims() -> None:
    whole = bytearray(file_of(made_call(CALL, 10)).getvalue())
    struct.pack_into("<I", whole, whole.index(b"data") + 4, 0xFFFF_FF00)
    found = sound_of(io.BytesIO(bytes(whole)))
    assert isinstance(found, Sound)
    assert found.audio_s == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize(
    ("file", "note"),
    [
        (io.BytesIO(b"RIFF" + bytes(400)), SoundNote.NOT_DECODED),
        (file_of(np.zeros((8000, 3))), SoundNote.CHANNELS),
        (file_of(np.zeros((8000, 1)), 300), SoundNote.NOT_DECODED),
        (file_of(np.zeros((20, 1))), SoundNote.NO_SAMPLES),
    ],
    ids=["damaged", "three channels", "a rate that is none", "too short"],
)
def test_what_says_nothing_has_its_reason(file: io.BytesIO, note: SoundNote) -> None:
    assert sound_of(file) is note


def test_a_recording_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "LONGEST_S", 20)
    assert sound_of(file_of(np.zeros((40 * 8000, 1)))) is SoundNote.TOO_LONG


def test_a_process_with_limits_measures_the_file() -> None:
    with closing(SoundReader()) as reader:
        assert said_of(reader, file_of(made_call(CALL, 10)).getvalue()) == sound_of(file_of(made_call(CALL, 10)))


def said_of(reader: SoundReader, content: bytes) -> Sound | SoundNote:
    with tempfile.TemporaryFile() as audio:
        audio.write(content)
        audio.flush()
        return reader.measured(audio)


@pytest.fixture(scope="module")
def odd() -> Iterator[SoundReader]:
    with closing(SoundReader(decoder=ODD)) as reader:
        yield reader


@pytest.mark.parametrize(
    ("wish", "note"),
    [
        ("dies", SoundNote.DIED),
        ("runs out of memory", SoundNote.DIED),
        ("takes all of its time", SoundNote.TOO_SLOW),
        ("kills its parent", SoundNote.DIED),
    ],
)
def test_what_the_file_does_to_the_process_is_its_note_and_the_next_file_feels_nothing(
    odd: SoundReader, wish: str, note: SoundNote
) -> None:
    assert [said_of(odd, said) for said in (wish.encode(), b"", b"")] == [note, NOTHING_SEEN, NOTHING_SEEN]


def test_a_process_that_hangs_is_ended_and_the_next_file_gets_another_one() -> None:
    with closing(SoundReader(decoder=ODD)) as reader:
        assert said_of(reader, b"") is NOTHING_SEEN
        reader.time_s = 0.2
        assert said_of(reader, b"hangs") is SoundNote.TOO_SLOW
        reader.time_s = 60.0
        assert said_of(reader, b"") is NOTHING_SEEN


def test_a_process_that_does_not_begin_is_no_fault_of_the_file() -> None:
    with closing(SoundReader(decoder="call_lake.no_such_module")) as reader:
        for _ in "ab":
            with pytest.raises(RuntimeError, match="did not begin"):
                said_of(reader, b"")


def test_the_decoder_ends_with_the_function() -> None:
    reader = SoundReader(decoder=ODD)
    said_of(reader, b"")
    assert reader._running is not None
    process, asked = reader._running
    asked.close()
    assert process.wait(timeout=30) == 0


def test_the_process_may_neither_write_much_nor_take_all_memory() -> None:
    code = (
        "import resource as r; from call_lake.sound.decoder import limit; limit();"
        "print(*(r.getrlimit(what)[1] for what in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_CORE)))"
    )
    environment = {"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["60", str(1024**3), str(1024**2), "0"]
