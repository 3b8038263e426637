"""What the structure of a file tells: a part is never taken for the whole, and no fact is a wrong number (rule 12)."""

import io
import struct
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.audio.inspection import SHORTER_THAN_HEADER, inspect
from call_lake.audio.spool import Spooled
from call_lake.errors import NotReady, Reason, StepFailed, Terminal, Transient
from call_lake.model.recording import AudioFacts
from tests.support.audio_samples import (
    FTYP,
    MDAT,
    TAG,
    box,
    encoded,
    free_format,
    moov,
    opus_link,
    riff_wav,
    sample_tables,
    webm,
    wma,
)

FLAC = encoded("FLAC", "PCM_16", seconds=6.0)
MP3 = encoded("MP3", "MPEG_LAYER_III", 16_000, 1, 6.0)
OPEN_MDAT = box(b"mdat", b"\1" * 20_000, declared=0)
BEGINS = len(FTYP) + len(moov(tables=sample_tables(0, [500] * 40))) + 8
INDEXED = FTYP + moov(tables=sample_tables(BEGINS, [500] * 40)) + OPEN_MDAT


def facts(data: bytes, *, proven: bool = False) -> AudioFacts:
    body = Spooled(io.BytesIO(data), len(data), sha256(data).hexdigest())
    return inspect(body, None, overrules_header=proven)


def refusal(data: bytes) -> tuple[type[StepFailed], Reason]:
    with pytest.raises(StepFailed) as caught:
        facts(data)
    return type(caught.value), caught.value.reason


# A part is never the whole

WHOLE = {
    "wav": riff_wav(),
    "wav, indexed": riff_wav(more=b"JUNK" + struct.pack("<I", 3) + b"abc\0"),
    "rf64": encoded("RF64", "PCM_16"),
    "aiff": encoded("AIFF", "PCM_16"),
    "caf": encoded("CAF", "PCM_16"),
    "au": encoded("AU", "PCM_16"),
    "w64": encoded("W64", "PCM_16"),
    "flac": FLAC,
    "flac, stereo": encoded("FLAC", "PCM_24", 44_100, 2),
    "flac in ogg": encoded("OGG", "OPUS", 16_000),
    "vorbis": encoded("OGG", "VORBIS"),
    "opus": opus_link(6),
    "mp3": MP3,
    "m4a": FTYP + MDAT + moov(),
    "m4a, index first": FTYP + moov() + MDAT,
    "m4a, audio of no length": INDEXED,
    "webm": webm(lengths_known=True),
    "webm, streamed": webm(lengths_known=False),
    "wma": wma(),
}


@pytest.mark.parametrize("name", WHOLE)
def test_no_part_is_taken_for_the_whole(name):
    whole = WHOLE[name]
    assert facts(whole).note is None
    for twentieth in range(1, 20):
        kind, reason = refusal(whole[: len(whole) * twentieth // 20])
        assert kind in (Transient, NotReady)
        assert reason in (Reason.TRUNCATED, Reason.HEADER_ONLY, Reason.UNFINISHED)
    assert refusal(whole[:-1])[1] is Reason.TRUNCATED


@pytest.mark.parametrize("name", ["flac", "m4a, audio of no length", "webm", "webm, streamed", "wma"])
def test_what_is_shorter_than_its_structure_says_is_taken_once_that_is_overruled_without_a_wrong_length(name):
    found = facts(WHOLE[name][: len(WHOLE[name]) * 4 // 5], proven=True)
    assert (found.note, found.seconds) == (SHORTER_THAN_HEADER, None)


def test_the_seconds_of_an_mp4_whose_audio_is_cut_are_not_known():
    assert facts((FTYP + moov() + MDAT)[:-9000], proven=True).seconds is None


# FLAC: the number of the last frame


def promising(samples: int, data: bytes = FLAC) -> bytes:
    bits = int.from_bytes(data[18:26]) >> 36 << 36 | samples
    return data[:18] + bits.to_bytes(8) + data[26:]


@pytest.mark.parametrize("samples", [0, 1, 24_000, 48_000])
@pytest.mark.parametrize("behind", [b"", TAG, bytes(1), bytes(1000)])
def test_a_flac_is_as_long_as_its_frames(samples, behind):
    found = facts(promising(samples) + behind)
    assert (found.format, found.channels, found.sample_rate, found.seconds) == ("flac", 1, 8000, 6.0)


@pytest.mark.parametrize("samples", [48_001, 96_000, 2**36 - 1])
def test_a_flac_that_has_fewer_samples_than_it_promises_waits_and_is_then_as_long_as_its_frames(samples):
    assert refusal(promising(samples)) == (Transient, Reason.TRUNCATED)
    assert facts(promising(samples), proven=True).seconds == 6.0


@settings(max_examples=40, deadline=None)
@given(st.integers(FLAC.index(b"\xff\xf8") + 200, len(FLAC) - 1))
def test_a_flac_that_a_program_streamed_shows_a_cut_by_its_last_frame(cut):
    assert refusal(promising(0)[:cut]) == (Transient, Reason.TRUNCATED)


# MP4


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("too_far", "is_whole"), [(-200, True), (0, True), (1, False), (90_000, False)])
def test_the_index_of_an_mp4_says_how_long_it_is_at_least(wide, too_far, is_whole):
    before = len(FTYP + moov(tables=sample_tables(0, [500] * 40, wide))) + 8
    data = FTYP + moov(tables=sample_tables(before + too_far, [500] * 40, wide)) + OPEN_MDAT
    if is_whole:
        assert facts(data).seconds == 6.0
    else:
        assert refusal(data) == (Transient, Reason.TRUNCATED)


@pytest.mark.parametrize(
    ("shown", "edits", "seconds"),
    [
        (6000, b"", 6.0),
        (6500, b"", 6.5),
        (48_000, b"", None),
        (600, b"", None),
        (3000, box(b"edts", box(b"elst", bytes(20))), 3.0),
        (0, b"", pytest.approx(6.128)),
    ],
)
def test_a_length_as_shown_that_is_not_that_of_the_media_needs_a_reason(shown, edits, seconds):
    assert facts(FTYP + moov(shown=shown, edits=edits) + MDAT).seconds == seconds


@pytest.mark.parametrize("first", [b"moof", b"sidx", b"uuid", b"styp"])
def test_a_fragment_without_its_index_is_not_ready(first):
    assert refusal(box(first, bytes(24)) + MDAT) == (NotReady, Reason.UNFINISHED)


# WAV and AIFF


@pytest.mark.parametrize("name", [b"JUNK", b"LIST", b"bext", b"abcd"])
@pytest.mark.parametrize("padded", [True, False])
def test_an_odd_chunk_may_lack_its_padding(name, padded):
    more = name + struct.pack("<I", 7) + b"1234567" + (b"\0" if padded else b"")
    assert facts(riff_wav(more=more)).seconds == 1.0
    aiff = encoded("AIFF", "PCM_16")
    at = aiff.index(b"SSND")
    chunk = b"NAME" + struct.pack(">I", 3) + b"abc" + (b"\0" if padded else b"")
    assert facts(aiff[:at] + chunk + aiff[at:]).seconds == 2.0


@pytest.mark.parametrize("length", [4, 5, 1000])
def test_chunks_behind_a_data_chunk_of_no_length_are_no_audio(length):
    chunk = b"LIST" + struct.pack("<I", length) + bytes(length + length % 2)
    assert refusal(riff_wav(b"", promised=0) + chunk) == (NotReady, Reason.HEADER_ONLY)
    assert facts(riff_wav(b"\1\2" * 8000, promised=0) + chunk).seconds == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("promised", "is_whole"), [(16_000, True), (2**32 - 1, False)])
def test_a_ds64_counts_only_where_the_data_chunk_says_so(promised, is_whole):
    data = riff_wav(promised=promised, more=b"ds64" + struct.pack("<IQQQI", 28, 0, 99_000, 0, 0))
    if is_whole:
        assert facts(data).seconds == 1.0
    else:
        assert refusal(data) == (Transient, Reason.TRUNCATED)


def test_a_wave64_may_count_its_chunks_without_their_heads():
    data = encoded("W64", "PCM_16")
    at = data.index(b"fmt ") + 16
    assert data[at : at + 8] == (40).to_bytes(8, "little")
    assert facts(data[:at] + (16).to_bytes(8, "little") + data[at + 8 :]).seconds == 2.0


# MP3


@pytest.mark.parametrize("claimed", [1, 50, 339, 1000, 2**32 - 1])
def test_an_encoders_note_with_a_wrong_number_of_frames_is_not_believed(claimed):
    at = max(MP3.find(b"Xing"), MP3.find(b"Info")) + 8
    assert facts(MP3[:at] + struct.pack(">I", claimed) + MP3[at + 4 :]).seconds == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("length", [30, 104, 1000])
def test_an_mp3_of_a_free_format_is_an_mp3(length):
    found = facts(free_format(length))
    assert (found.format, found.channels, found.sample_rate, found.seconds) == ("mp3", 1, 8000, None)
    assert refusal(free_format(length, 1) + bytes(500))[1] is Reason.NOT_AUDIO


@pytest.mark.parametrize("beyond", [0, 3000, 20_000])
def test_behind_a_tag_whose_length_is_wrong_the_audio_is_searched_for(beyond):
    tag = b"ID3\3\0\0" + bytes((0, 0, 2, 0)) + b"\x55\xaa" * ((256 + beyond) // 2)
    assert facts(tag + MP3).seconds == pytest.approx(6.0, abs=0.1)


# Other formats


def test_gsm_without_a_header_is_recognised_by_its_frames():
    found = facts((b"\xd4" + bytes(32)) * 300)
    assert (found.format, found.channels, found.sample_rate, found.seconds) == ("gsm", 1, 8000, 6.0)
    assert refusal((b"\xd4" + bytes(32)) * 9)[1] is Reason.NOT_AUDIO


@pytest.mark.parametrize(("byte", "kind"), [(0x40, "ac3"), (0x80, "eac3")])
@pytest.mark.parametrize("lengths", [(200, 200, 200), (208, 210, 208), (210, 208, 210)])
def test_ac3_is_recognised_by_its_frames(byte, kind, lengths):
    frames = b"".join(b"\x0b\x77\1\2\3" + bytes([byte]) + bytes(length - 6) for length in lengths)
    assert facts(frames).format == kind
    assert refusal(frames[:300])[1] is Reason.NOT_AUDIO


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"PK\5\6" + bytes(18), "ZIP"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7-Zip"),
        (b"Rar!\x1a\7\0" + bytes(50), "RAR"),
        (b"\xfd7zXZ\0" + bytes(50), "xz"),
        (b"BZh91AY&SY" + bytes(50), "bzip2"),
        (b"\x28\xb5\x2f\xfd" + bytes(50), "Zstandard"),
        (b"x.wav" + bytes(252) + b"ustar\x0000" + bytes(200), "tar"),
        (b"%PDF-1.4\n" + bytes(50), "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(50), "JPEG"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"CWS\6" + bytes(50), "Flash"),
        (b"nut/multimedia container\0" + bytes(50), "NUT"),
        (b"\x56\xe0\x10" + bytes(16) + b"\x56\xe0\x10" + bytes(16), "LOAS"),
        (b"\x80\0\0\x24\3\x12\4\1" + bytes(26) + b"(c)CRI" + bytes(50), "ADX"),
        (b"\x12\x34\0\1" * 50, "no audio format that is known here"),
    ],
)
def test_what_is_refused_is_named_with_what_to_do(data, named):
    with pytest.raises(Terminal, match=named) as caught:
        facts(data)
    assert "have the provider give WAV" in caught.value.detail
    assert caught.value.reason is Reason.NOT_AUDIO


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN PGP MESSAGE-----\n\nhQ",
        b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n",
        b"age-encryption.org/v1\n-> X25519 abc\n",
        b"\n-----BEGIN PKCS7-----\nMIIB\n",
        b"Salted__" + bytes(range(60)),
        b"AES\2\0\0" + bytes(range(60)),
    ],
)
def test_what_is_encrypted_is_named_as_such(data):
    assert refusal(data) == (Terminal, Reason.ENCRYPTED)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_an_error_text_of_two_bytes_a_character_is_a_text(encoding):
    assert refusal("<html><body>gone</body></html>".encode(encoding)) == (NotReady, Reason.HTML)
    assert refusal('{"error": "gone"}'.encode(encoding)) == (NotReady, Reason.JSON)


def test_json_with_zeros_behind_it_is_json():
    assert refusal(b'{"error": 1}' + bytes(600)) == (NotReady, Reason.JSON)
