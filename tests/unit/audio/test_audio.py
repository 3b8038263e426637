import io
import struct
from hashlib import sha256

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.audio import reading
from call_lake.audio.inspection import SETTLED_S, inspect
from call_lake.audio.spool import Spooled
from call_lake.errors import NotReady, Reason, StepFailed, Terminal, Transient
from call_lake.model.recording import AudioFacts
from tests.support.ogg_pages import LAST, OPUS_HEADERS, ogg_page


def spooled(data: bytes) -> Spooled:
    return Spooled(io.BytesIO(data), len(data), sha256(data).hexdigest())


def facts(data: bytes, content_type: str | None = None) -> AudioFacts:
    return inspect(spooled(data), content_type)


def refusal(data: bytes, content_type: str | None = None) -> tuple[type[StepFailed], Reason]:
    with pytest.raises(StepFailed) as caught:
        facts(data, content_type)
    return type(caught.value), caught.value.reason


def encoded(container: str, codec: str, rate: int = 8000, channels: int = 1, seconds: float = 2.0) -> bytes:
    samples = np.random.default_rng(1).normal(0, 0.1, (int(seconds * rate), channels))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=codec)
    return file.getvalue()


def wav(
    data: bytes = b"\1\2" * 8000, promised: int | None = None, riff: int | None = None, extra: bytes = b""
) -> bytes:
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    body = form + extra + b"data" + struct.pack("<I", len(data) if promised is None else promised) + data
    return b"RIFF" + struct.pack("<I", 4 + len(body) if riff is None else riff) + b"WAVE" + body


# Facts of real files

REAL = [
    ("WAV", "PCM_16", "wav", 8000, 1),
    ("WAV", "ULAW", "wav", 8000, 2),
    ("WAV", "ALAW", "wav", 8000, 1),
    ("WAV", "GSM610", "wav", 8000, 1),
    ("WAV", "FLOAT", "wav", 16000, 2),
    ("WAVEX", "PCM_16", "wav", 8000, 2),
    ("RF64", "PCM_16", "wav", 8000, 1),
    ("OGG", "VORBIS", "ogg", 8000, 1),
    ("OGG", "OPUS", "ogg", 16000, 2),
    ("MP3", "MPEG_LAYER_III", "mp3", 8000, 1),
    ("MP3", "MPEG_LAYER_III", "mp3", 44100, 2),
    ("FLAC", "PCM_16", "flac", 8000, 1),
]


@pytest.mark.parametrize(("container", "codec", "kind", "rate", "channels"), REAL)
def test_the_header_of_a_real_file_is_read(container, codec, kind, rate, channels):
    data = encoded(container, codec, rate, channels)
    found = facts(data, "text/html")
    assert (found.format, found.channels, found.sample_rate) == (kind, channels, rate)
    assert found.seconds == pytest.approx(2.0, abs=0.2)
    assert (found.bytes, found.sha256) == (len(data), sha256(data).hexdigest())


@pytest.mark.parametrize(("container", "codec", "kind", "rate", "channels"), REAL[:-1])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_real_file_without_its_end_is_truncated(container, codec, kind, rate, channels, share):
    data = encoded(container, codec, rate, channels)
    assert refusal(data[: int(len(data) * share)]) == (Transient, Reason.TRUNCATED)
    assert refusal(data[:-1]) == (Transient, Reason.TRUNCATED)


# WAV


@pytest.mark.parametrize("promised", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFDB])
def test_a_wav_that_was_streamed_is_as_long_as_its_bytes(promised):
    found = facts(wav(promised=promised, riff=0xFFFFFFFF))
    assert found.seconds == 1.0


@pytest.mark.parametrize(
    "data", [wav(b""), wav(b"", promised=16000), wav(b"")[:30], wav(b"")[:36], b"RIFF", b"RIFF\0\0\0\0WAVE"]
)
def test_a_wav_header_without_audio_is_header_only(data):
    assert refusal(data) == (NotReady, Reason.HEADER_ONLY)


def test_a_wav_that_ends_within_the_chunks_before_its_audio_is_truncated():
    data = wav(extra=b"LIST" + struct.pack("<I", 4000) + bytes(4000))
    assert refusal(data[:1000]) == (Transient, Reason.TRUNCATED)


def test_chunks_before_and_after_the_audio_of_a_wav_do_not_matter():
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert facts(wav(extra=odd) + odd).seconds == 1.0


def test_a_wav_without_a_usable_form_has_no_facts():
    data = b"RIFF" + struct.pack("<I", 100) + b"WAVEdata" + struct.pack("<I", 4) + b"abcd"
    assert facts(data) == AudioFacts("wav", len(data), sha256(data).hexdigest())


def test_a_wav_of_endless_empty_chunks_ends():
    data = b"RIFF\0\0\0\0WAVE" + (b"JUNK" + bytes(4)) * 200_000
    assert refusal(data) == (NotReady, Reason.HEADER_ONLY)


# OGG, MP3, the others


def test_bytes_behind_the_last_ogg_page_do_not_matter():
    assert facts(encoded("OGG", "VORBIS") + b"ID3 appended").format == "ogg"


def test_a_page_mark_inside_the_last_ogg_page_is_no_page():
    data = bytearray(encoded("OGG", "VORBIS"))
    data[-100:-96] = b"OggS"
    assert facts(bytes(data)).format == "ogg"


@pytest.mark.parametrize("more", [b"O", b"Ogg", b"OggS", b"OggS\0\0" + bytes(15)])
def test_an_ogg_that_ends_within_the_head_of_a_page_is_truncated(more):
    assert refusal(encoded("OGG", "VORBIS") + more) == (Transient, Reason.TRUNCATED)


def id3(length: int, body: bytes = b"") -> bytes:
    size = bytes((length >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + size + (body or bytes(length))


def box(kind: bytes, content: bytes, declared: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if declared is None else declared) + kind + content


MOOV = box(b"moov", b"")
STREAMINFO = struct.pack(">HH", 4096, 4096) + bytes(6) + bytes.fromhex("01f400f000075300") + bytes(16)
CLUSTER = b"\x1f\x43\xb6\x75\x84\xe7\x81\0\xa3"


@pytest.mark.parametrize(
    "data",
    [
        OPUS_HEADERS,
        OPUS_HEADERS[:47],
        OPUS_HEADERS + ogg_page(0, b"", LAST),
        b"fLaC",
        b"fLaC\x80\0\0\x22" + STREAMINFO,
        b"fLaC\0\0\0\x22" + STREAMINFO,
        b"fLaC\0\0\0\x22" + STREAMINFO + b"\x84\0\0\x04" + bytes(4),
        b"fLaC\0\0\0\x22" + STREAMINFO[:20],
        id3(20, bytes(20) + b"fLaC\x80\0\0\x22" + STREAMINFO),
        b"#!AMR",
        b"#!AMR\n",
        b"#!AMR-WB\n",
        box(b"ftyp", b"M4A \0\0\0\0"),
        box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", box(b"mvhd", bytes(100))),
        box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", b"") + box(b"moov", bytes(8)),
        box(b"ftyp", b"M4A \0\0\0\0") + box(b"mdat", b"", declared=0),
        b"\x1aE\xdf\xa3",
        b"\x1aE\xdf\xa3" + bytes(2000),
        bytes.fromhex("fff1504002200c"),
        bytes.fromhex("fff1504002200c") + b"a" * 9,
    ],
)
def test_headers_without_audio_are_header_only_in_every_format(data):
    assert refusal(data) == (NotReady, Reason.HEADER_ONLY)


def test_an_ogg_without_a_last_page_is_truncated_until_it_has_ceased_to_grow():
    said: list[str] = []
    longer = OPUS_HEADERS + ogg_page(-1, b"a" * 510) + ogg_page(48_312, b"a" * 100)
    for data in (OPUS_HEADERS + ogg_page(24_312, b"a"), longer):
        with pytest.raises(Transient) as caught:
            inspect(spooled(data), None, said)
        assert (caught.value.reason, caught.value.retry_after_s) == (Reason.TRUNCATED, SETTLED_S)
        said.append(caught.value.detail)
    assert inspect(spooled(longer), None, said).bytes == len(longer)


@pytest.mark.parametrize("behind", [b"", b"ID3 appended"])
def test_an_ogg_whose_last_page_is_marked_is_taken_at_once(behind):
    assert facts(OPUS_HEADERS + ogg_page(24_312, b"a") + ogg_page(48_400, b"a", LAST) + behind).format == "ogg"


def test_the_metadata_of_a_flac_do_not_matter():
    data = encoded("FLAC", "PCM_16")
    assert facts(data[:4] + (b"\1\0\0\0" * 3) + data[4:]).format == "flac"


@pytest.mark.parametrize("length", [0, 300, 70_000])
def test_an_mp3_may_begin_with_a_tag(length):
    data = id3(length) + encoded("MP3", "MPEG_LAYER_III")
    assert (facts(data).format, facts(data).sample_rate) == ("mp3", 8000)
    assert refusal(data[:-200]) == (Transient, Reason.TRUNCATED)


def test_an_mp3_without_a_note_of_its_length_is_taken_as_it_is():
    data = encoded("MP3", "MPEG_LAYER_III").replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0")
    assert facts(data[:-7]).channels == 1


def test_a_tag_alone_is_header_only_and_a_cut_one_truncated():
    assert refusal(id3(300)) == (NotReady, Reason.HEADER_ONLY)
    assert refusal(id3(300)[:200]) == (Transient, Reason.TRUNCATED)


@pytest.mark.parametrize(
    ("data", "kind", "rate", "channels"),
    [
        (b"#!AMR\n" + bytes([0x3C]) * 64, "amr", 8000, 1),
        (b"#!AMR-WB\n" + bytes([0x3C]) * 64, "amr", 16000, 1),
        ((bytes.fromhex("fff1504002200c") + b"a" * 10) * 3, "aac", 44100, 1),
        (b"\x1aE\xdf\xa3" + bytes(60) + CLUSTER, "webm", None, None),
        (box(b"ftyp", b"M4A \0\0\0\0") + MOOV + box(b"mdat", b"a"), "m4a", None, None),
        (box(b"ftyp", b"M4A \0\0\0\0") + MOOV + box(b"mdat", b"a" * 9, declared=0), "m4a", None, None),
        (box(b"ftyp", b"M4A \0\0\0\0") + struct.pack(">I4sQ", 1, b"mdat", 17) + b"a" + MOOV, "m4a", None, None),
    ],
)
def test_the_other_formats_are_recognised(data, kind, rate, channels):
    found = facts(data)
    assert (found.format, found.sample_rate, found.channels) == (kind, rate, channels)


def test_an_m4a_whose_last_box_is_cut_is_truncated():
    data = struct.pack(">I", 16) + b"ftypM4A \0\0\0\0" + struct.pack(">I", 800) + b"mdat" + bytes(100)
    assert refusal(data) == (Transient, Reason.TRUNCATED)


@pytest.mark.parametrize(("limit", "value"), [("MAX_READS", 6), ("MAX_ALL_BYTES", 100_000)])
def test_a_header_that_takes_too_much_to_read_gives_no_facts(limit, value, monkeypatch):
    monkeypatch.setattr(reading, limit, value)
    found = facts(encoded("OGG", "VORBIS"))
    assert (found.format, found.seconds) == ("ogg", None)


# What comes in place of audio


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<!DOCTYPE html><title>Logowanie</title>", Reason.HTML),
        (b"\xef\xbb\xbf \r\n<html>", Reason.HTML),
        ("<p>Błąd".encode("iso-8859-2"), Reason.HTML),
        ("<p>Błąd".encode("utf-16"), Reason.HTML),
        (b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', Reason.HTML),
        (b"<br />\n<b>Warning</b>:  fopen(/x.wav): failed to open stream<br />\n", Reason.HTML),
        (b"<br />\n<b>Warning</b>:  in <b>/x.php</b> on line <b>7</b><br />\n" + wav(), Reason.HTML),
        (b"\xef\xbb\xbf\r\n\t <B>Notice</B>: x" + bytes(2000), Reason.HTML),
        (b"\n" * 3000 + b"<p>\0</p>", Reason.HTML),
        (b"<!-- cached -->\0", Reason.HTML),
        (b"</body>\0", Reason.HTML),
        (b'<?xml version="1.0"?><Error>\0</Error>', Reason.HTML),
        (b"<Error><Code>NoSuchKey</Code></Error>\0", Reason.HTML),
        (b"<s:Envelope xmlns:s='x'>\0", Reason.HTML),
        (b"error: file not found\n", Reason.HTML),
        (b"The free trial has ended\n", Reason.HTML),
        ("Trwają prace".encode(), Reason.HTML),
        (b"\n", Reason.HTML),
        (b'{"errors": []}', Reason.JSON),
        (b" [1]", Reason.JSON),
        (b"", Reason.EMPTY),
    ],
)
def test_error_texts_are_not_ready(data, reason):
    assert refusal(data, "audio/wav") == (NotReady, reason)


@pytest.mark.parametrize(
    "data",
    [
        b"-----BEGIN PGP MESSAGE-----\n\nhQEMA",
        b"\x85\x01\x0c\x03" + bytes(range(100)),
        b"\xc1\xc0\x4c\x03" + bytes(range(100)),
        b"\xc3\x04\x04\x09" + bytes(range(100)),
        b"\x8c\x0d\x04\x09" + bytes(range(100)),
        b"\xd2\xff\0\0\x10\0\x01" + bytes(range(100)),
    ],
)
def test_pgp_is_encrypted(data):
    assert refusal(data) == (Terminal, Reason.ENCRYPTED)


@pytest.mark.parametrize(
    "data",
    [
        bytes(1000),
        b"PK\3\4" + bytes(100),
        b"\x1f\x8b\x08" + bytes(50),
        b"%PDF-1.7\n\0\1\2",
        b"ID3\4\0\0\0\0\0\0\1\2\3",
        b"<\0\1\2" * 100,
        b"<b\0\1" * 100,
        b"x<br />\0",
    ],
)
def test_other_bytes_are_no_audio_whatever_the_type_says(data):
    assert refusal(data, "audio/mpeg") == (Terminal, Reason.NOT_AUDIO)


def test_the_type_is_named_only_if_it_is_one():
    with pytest.raises(Terminal, match="audio/x-wav"):
        facts(bytes(100), "audio/x-wav; number=48500000001")
    with pytest.raises(Terminal) as caught:
        facts(bytes(100), "call of 48500000001.wav")
    assert "48500000001" not in caught.value.detail


STARTS = [
    b"", b"RIFF\0\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0", wav()[:44], b"OggS\0\2",
    b"fLaC\0\0\0\x22", b"ID3\4\0\0\0\0\0\x20", b"\xff\xfb\x90\xc4", b"\xff\xf1P@", b"\0\0\0\x20ftypM4A ",
    b"\0\0\0\x01ftyp", b"<br>ftyp", b"#!AMR", b"\x1aE\xdf\xa3", b"\x85", b"\xff\xfe", b"<", b"{",
]  # fmt: skip


@settings(max_examples=400)
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_any_bytes_give_facts_or_a_typed_error(start, rest):
    try:
        found = facts(start + rest)
    except StepFailed:
        return
    assert found.bytes == len(start + rest)
    assert all(value is None or value > 0 for value in (found.channels, found.sample_rate, found.seconds))


@settings(max_examples=200)
@given(st.sampled_from([encoded(*real[:2], real[3], real[4], 0.2) for real in REAL]), st.data())
def test_any_damage_gives_facts_or_a_typed_error(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        damaged[draw.draw(st.integers(0, min(len(data) - 1, 400)))] = draw.draw(st.integers(0, 255))
    try:
        facts(bytes(damaged[: draw.draw(st.integers(1, len(data)))]))
    except StepFailed:
        return
