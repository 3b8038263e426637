"""Audio that recorders and converters really make: every kind with its family (rule 12, ADR 0018)."""

import io
import json
import random
import struct
import time
import tracemalloc
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call_lake.audio.inspection import SHORTER_THAN_HEADER, inspect
from call_lake.audio.spool import Spooled
from call_lake.errors import NotReady, Reason, StepFailed, Terminal, Transient
from call_lake.lake.arrow_rows import table_of
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.recording import AudioFacts
from tests.support.audio_samples import (
    FTYP,
    MDAT,
    OPUS_PAGE,
    TAG,
    aac_config,
    box,
    encoded,
    esds,
    fact,
    moov,
    moved,
    opus_link,
    packets_page,
    riff_wav,
    sample_tables,
    webm,
)
from tests.support.lake_samples import TODAY, row_of

MP3 = encoded("MP3", "MPEG_LAYER_III", 16_000, 1, 6.0)


def facts(data: bytes, *, proven: bool = False) -> AudioFacts:
    body = Spooled(io.BytesIO(data), len(data), sha256(data).hexdigest())
    return inspect(body, None, overrules_header=proven)


def known(data: bytes) -> tuple[str, int | None, int | None, float | None]:
    found = facts(data)
    return found.format, found.channels, found.sample_rate, found.seconds


def refusal(data: bytes, *, proven: bool = False) -> tuple[type[StepFailed], Reason]:
    with pytest.raises(StepFailed) as caught:
        facts(data, proven=proven)
    return type(caught.value), caught.value.reason


# Lengths that mean "not known yet"


@given(st.one_of(st.integers(2**31 - 2**16, 2**31 + 2**16), st.integers(2**32 - 2**16, 2**32 - 1), st.just(0)))
def test_a_placeholder_in_place_of_the_length_promises_nothing(length):
    assert known(riff_wav(promised=length)) == ("wav", 1, 8000, 1.0)


# Headers that promise more than there is


def shortened(kind: str, by: int) -> bytes:
    """Audio whose header counts ``by`` bytes too many."""
    data = b"\1\2" * 8000
    match kind:
        case "wav":
            return riff_wav(data, promised=len(data) + by)
        case "rifx":
            return riff_wav(data, promised=len(data) + by, order=">")
        case "mp4":
            return FTYP + moov() + box(b"mdat", data, declared=8 + len(data) + by)
        case "mp3":
            return MP3[:-by]
        case "ogg":
            return opus_link(6)[:-by]
    whole = encoded(kind.upper(), "PCM_16")
    return whole[: len(whole) - by]


SHORT = [(kind, by) for kind in ("wav", "rifx", "mp4", "mp3", "ogg", "w64", "aiff", "au", "caf") for by in (2, 36, 900)]


@pytest.mark.parametrize(("kind", "by"), SHORT)
def test_audio_shorter_than_its_header_waits_until_the_header_is_overruled(kind, by):
    data = shortened(kind, by)
    with pytest.raises(Transient) as caught:
        facts(data)
    assert (caught.value.reason, caught.value.sha256) == (Reason.TRUNCATED, sha256(data).hexdigest())

    found = facts(data, proven=True)
    assert (found.note, found.bytes) == (SHORTER_THAN_HEADER, len(data))


def test_the_seconds_of_audio_that_is_shorter_are_those_of_its_bytes():
    assert facts(riff_wav(promised=32_000), proven=True).seconds == 1.0
    assert facts(MP3[: len(MP3) // 2], proven=True).seconds == pytest.approx(3.0, abs=0.2)
    assert facts(opus_link(6)[:-500], proven=True).seconds == 5.0


def test_audio_that_is_whole_has_no_note():
    assert facts(riff_wav(), proven=True).note is None


@pytest.mark.parametrize(
    "data",
    [
        riff_wav(b""),
        riff_wav(b"", promised=16_000),
        riff_wav(more=b"LIST" + struct.pack("<I", 4000) + bytes(4000))[:500],
        FTYP + MDAT,
        FTYP + MDAT + moov()[:-1],
        FTYP + box(b"mdat", declared=8) + random.Random(1).randbytes(3000),
        FTYP + box(b"mdat", bytes(3000), declared=0),
        FTYP + struct.pack(">I4sQ", 1, b"mdat", 10**9) + bytes(3000),
        opus_link(0) + opus_link(1)[-100:],
        opus_link(6)[: len(opus_link(0)) + 40],
        MP3[:50],
        b"ID3\4\0\0\0\1\0\0" + bytes(100),
    ],
    ids=range(12),
)
def test_what_no_player_opens_is_never_stored(data):
    for proven in (False, True):
        kind, reason = refusal(data, proven=proven)
        assert kind in (NotReady, Transient)
        assert reason in (Reason.HEADER_ONLY, Reason.TRUNCATED, Reason.UNFINISHED)


@pytest.mark.parametrize("in_front", [b"", box(b"free", bytes(10)), box(b"wide")])
@pytest.mark.parametrize("data", [MDAT, box(b"mdat", bytes(3000), declared=0)])
def test_an_mp4_without_an_index_is_not_ready(in_front, data):
    assert refusal(FTYP + in_front + data) == (NotReady, Reason.UNFINISHED)


# MP4


@pytest.mark.parametrize(
    "behind", [TAG, b"APETAGEX" + bytes(90), bytes(40), b"\xff" * 33, b"ID3", box(b"udta", bytes(9), declared=900)]
)
@pytest.mark.parametrize("whole", [FTYP + MDAT + moov(), FTYP + moov() + MDAT])
def test_bytes_behind_a_whole_mp4_do_not_matter(whole, behind):
    assert known(whole + behind) == ("m4a", 1, 8000, 6.0)


def test_a_fragmented_mp4_whose_next_fragment_is_cut_is_truncated():
    fragment = box(b"moof", bytes(50)) + MDAT
    assert known(FTYP + moov() + fragment) == ("m4a", 1, 8000, None)
    assert refusal(FTYP + moov() + fragment + fragment[:-1]) == (Transient, Reason.TRUNCATED)
    assert refusal(FTYP + moov() + fragment + fragment[:40]) == (Transient, Reason.TRUNCATED)


@pytest.mark.parametrize(
    ("index", "channels", "rate"),
    [
        (moov(claimed=2), 1, 8000),
        (moov(inside=esds(aac_config(channels=2, rate_index=3)), claimed=1), 2, 48_000),
        (moov(inside=esds((2 << 67 | 15 << 63 | 12_345 << 39 | 1 << 35).to_bytes(9))), 1, 12_345),
        (moov(inside=esds((29 << 19 | 8 << 15 | 1 << 11 | 5 << 7).to_bytes(3))), 2, 32_000),
        (moov(inside=esds(aac_config(), coding=0x6B)), None, None),
        (moov(inside=esds(b"")), None, None),
        (moov(inside=b""), None, None),
        (moov(b"samr", b"", claimed=2), 1, 8000),
        (moov(b"sawb", b"", claimed=2), 1, 16_000),
        (moov(b"sowt", b"", claimed=2, rate=16_000), 2, 16_000),
        (moov(b"Opus", box(b"dOps", struct.pack(">BBHIhB", 0, 1, 312, 16_000, 0, 0))), 1, 16_000),
        (moov(b"ac-3", b""), None, None),
    ],
)
def test_the_decoders_configuration_counts_and_not_the_descriptions_template(index, channels, rate):
    assert known(FTYP + index + MDAT) == ("m4a", channels, rate, 6.0)


# WAV: seconds, and facts that cannot be


def form(
    tag: int = 1, channels: int = 1, rate: int = 8000, per_s: int = 16_000, block: int = 2, bits: int = 16
) -> bytes:
    return struct.pack("<HHIIHH", tag, channels, rate, per_s, block, bits)


IMA = form(0x11, 1, 8000, 16_000, 1024, 4) + struct.pack("<HH", 2, 2041)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (riff_wav(bytes(24 * 1024), form=IMA, more=fact(48_984)), 6.123),
        (riff_wav(bytes(24 * 1024), form=IMA, more=fact(48_000)), 6.0),
        (riff_wav(bytes(24 * 1024), form=IMA), 6.123),
        (riff_wav(bytes(24 * 1024), form=IMA, more=fact(4_000_000)), 6.123),
        (riff_wav(bytes(24 * 1024), form=IMA, more=fact(0), promised=0xFFFFFFFF), 6.123),
        (riff_wav(form=form(0x55, per_s=2000, block=1, bits=0), more=fact(64_000)), 8.0),
        (riff_wav(form=form(0x55, per_s=2000, block=1, bits=0), more=fact(640)), None),
        (riff_wav(form=form(7, per_s=1, block=1, bits=8)), 2.0),
        (riff_wav(form=form(per_s=1)), 1.0),
        (riff_wav(promised=400), None),
        (riff_wav(b"\1" * 15_999 + b"LIST\0\0\0\0", promised=15_999), 1.0),
        (riff_wav() + TAG, 1.0),
        (riff_wav() + bytes(100), 1.0),
        (riff_wav(form=form(per_s=0, block=0)), None),
        (riff_wav(form=form(per_s=16_000, block=7)), None),
    ],
)
def test_the_seconds_of_a_wav_are_right_or_none(data, seconds):
    assert facts(data).seconds == (None if seconds is None else pytest.approx(seconds, abs=0.001))


@settings(max_examples=300)
@given(
    st.sampled_from(["<", ">"]),
    *[st.sampled_from([0, 1, 2, 3, 6, 7, 0x11, 0x55, 200, 8000, 0xFFFE, 0xFFFF])] * 2,
    *[st.sampled_from([0, 1, 8000, 16_000, 44_100, 2**31 - 1, 2**31, 2**32 - 1])] * 2,
    *[st.sampled_from([0, 1, 2, 16, 65_535])] * 2,
)
def test_whatever_a_header_says_its_row_fits_the_table(order, tag, channels, rate, per_s, block, bits):
    found = facts(riff_wav(form=struct.pack(order + "HHIIHH", tag, channels, rate, per_s, block, bits), order=order))
    assert found.channels is None or 1 <= found.channels <= 32
    assert found.sample_rate is None or 1000 <= found.sample_rate <= 768_000
    assert found.seconds is None or 0 < found.seconds <= 86_400
    told = {"audio_channels": found.channels, "audio_sample_rate": found.sample_rate, "audio_s": found.seconds}
    _, rejected = table_of([json.dumps(row_of(1) | told)], CALLS.at(Partition("thulium", TODAY)))
    assert rejected == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rate": 2**32 - 1}, (1, None, None)),
        ({"rate": 0}, (1, None, None)),
        ({"rate": 7}, (1, None, None)),
        ({"channels": 200}, (None, 8000, 1.0)),
        ({"channels": 0}, (None, 8000, 1.0)),
        ({"tag": 0x55, "per_s": 1}, (1, 8000, None)),
    ],
)
def test_a_fact_that_cannot_be_is_none(changes, expected):
    assert known(riff_wav(form=form(**changes)))[1:] == expected


# MP3 that does not begin with a frame


def frames_of(data: bytes) -> list[int]:
    """Where the frames begin, of a file that begins with one; libsndfile's are of one length."""
    length = data.index(data[:3], 100)
    return list(range(0, len(data) - length, length))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2000), st.sampled_from([b"", bytes(1), bytes(100), bytes(5000)]))
def test_an_mp3_may_be_cut_anywhere_in_its_stream(cut, in_front):
    found = facts(in_front + MP3[cut:])
    assert (found.format, found.channels, found.sample_rate) == ("mp3", 1, 16_000)
    assert found.seconds == pytest.approx(6.0 * (len(MP3) - cut) / len(MP3), abs=0.3)


def test_two_mp3s_one_behind_the_other_are_as_long_as_both():
    assert facts(MP3 + TAG + MP3).seconds == pytest.approx(12.1, abs=0.2)
    assert facts(MP3 + TAG).seconds == pytest.approx(6.0, abs=0.2)


def test_layer_ii_is_an_mp2():
    frame = bytes.fromhex("fffd48c4") + bytes(284)  # 64 kbit/s at 32 kHz, mono: 36 ms
    assert known(frame * 50) == ("mp2", 1, 32_000, 1.8)
    assert known(frame[100:] + frame * 50) == ("mp2", 1, 32_000, 1.8)


def test_aac_may_be_cut_anywhere_in_its_stream():
    frame = bytes.fromhex("fff16c4002a01c") + bytes(14)
    for cut in range(len(frame)):
        assert known((frame * 20)[cut:])[:3] == ("aac", 1, 8000)


@settings(max_examples=200)
@given(st.binary(min_size=1, max_size=4000))
def test_other_bytes_are_no_mp3(noise):
    with suppress(StepFailed):
        assert facts(b"\x00\x01" + noise).format not in ("mp3", "mp2", "aac", "ac3")


@pytest.mark.parametrize(
    "text",
    [b"<br />\n<b>Warning</b>: x\n", b"Warning: fopen(/x.mp3): failed\n", b"\nNotice: Undefined index x in /a.php\n"],
)
def test_a_text_before_the_audio_makes_it_no_audio(text):
    assert refusal(text + MP3)[1] in (Reason.HTML, Reason.NOT_AUDIO)


# OGG


@pytest.mark.parametrize("began", [0, 48_000, 48_000 * 3600, 2**40])
def test_an_opus_that_begins_late_is_as_long_as_its_sound(began):
    assert known(opus_link(6, began=began)) == ("ogg", 1, 8000, 6.0)


@pytest.mark.parametrize("by", [0, 8000, 8000 * 3600])
@pytest.mark.parametrize("seconds", [0.5, 2.0, 6.0])
def test_a_vorbis_that_begins_late_is_as_long_as_its_sound(by, seconds):
    found = facts(moved(encoded("OGG", "VORBIS", seconds=seconds), by))
    assert found.seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("serials", [(1, 1), (1, 2), (5, 6, 5), (3, 3, 3)])
def test_a_chain_of_links_is_as_long_as_all_of_them(serials):
    data = b"".join(opus_link(6, serial=serial, began=48_000 * 77 * n) for n, serial in enumerate(serials))
    assert facts(data).seconds == 6.0 * len(serials)
    vorbis = encoded("OGG", "VORBIS", seconds=3.0)
    chained = b"".join(moved(vorbis, 0, serial) for serial in serials)
    assert facts(chained).seconds == pytest.approx(3.0 * len(serials), abs=0.2)


@pytest.mark.parametrize("seconds", [1, 6])
def test_an_ogg_whose_pages_do_not_count_is_taken_without_seconds(seconds):
    assert known(opus_link(seconds, granules=False)) == ("ogg", 1, 8000, None)


@pytest.mark.parametrize("granule", [1, 960])
def test_the_length_of_an_ogg_whose_granules_stand_still_is_not_known(granule):
    pages = [packets_page(granule, [bytes([0x78]) + bytes(200)] * 50) for _ in range(20)]
    assert known(opus_link(0) + b"".join(pages) + packets_page(granule, [OPUS_PAGE], 4)) == ("ogg", 1, 8000, None)


def test_the_length_of_an_ogg_with_a_damaged_page_or_with_pages_in_disorder_is_not_known():
    data = opus_link(6)
    middle = data.index(b"OggS", len(data) // 2)
    assert facts(data[:middle] + b"Oops" + data[middle + 4 :]).seconds is None
    backwards = opus_link(3, marked=False) + packets_page(48_000, [OPUS_PAGE], 4)
    assert facts(backwards).seconds is None


# Formats that are rare


@pytest.mark.parametrize(
    ("container", "codec", "kind"),
    [
        ("AU", "ULAW", "au"),
        ("AU", "PCM_16", "au"),
        ("AIFF", "PCM_16", "aiff"),
        ("AIFF", "ALAW", "aiff"),
        ("CAF", "PCM_16", "caf"),
        ("CAF", "ULAW", "caf"),
        ("W64", "PCM_16", "w64"),
        ("W64", "IMA_ADPCM", "w64"),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44_100, 2)])
def test_a_rare_format_is_taken_as_what_it_is(container, codec, kind, rate, channels):
    assert known(encoded(container, codec, rate, channels))[:3] == (kind, channels, rate)
    assert facts(encoded(container, codec, rate, channels)).seconds == pytest.approx(2.0, abs=0.05)


def test_a_wav_of_big_endian_numbers_is_a_wav():
    assert known(riff_wav(order=">")) == ("wav", 1, 8000, 1.0)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("3026b2758e66cf11a6d900aa0062ce6c", "wma"),
        (b"Creative Voice File\x1a".hex(), "voc"),
        (b"wvpk".hex(), "wv"),
        (b"#!SILK_V3".hex(), "silk"),
        (b"NIST_1A\n   1024\n".hex(), "sph"),
        (b".RMF".hex(), "rm"),
        (b"RIFF\0\0\0\0QLCMfmt ".hex(), "qcp"),
        (b"TTA1".hex(), "tta"),
        (b"MAC ".hex(), "ape"),
        (b"FORM\0\0\0\x608SVX".hex(), "8svx"),
    ],
)
def test_a_format_that_is_not_read_is_stored_without_facts(start, kind):
    assert known(bytes.fromhex(start) + bytes(2000)) == (kind, None, None, None)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"PK\3\4" + bytes(100), "ZIP"),
        (b"\x1f\x8b\x08" + bytes(50), "gzip"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(50), "AVI"),
        (b"FLV\1" + bytes(50), "Flash"),
        ((b"G" + bytes(187)) * 4, "transport stream"),
        (b"MThd\0\0\0\6" + bytes(50), "MIDI"),
    ],
)
def test_what_is_not_stored_is_named_with_what_to_do(data, named):
    with pytest.raises(Terminal, match=named) as caught:
        facts(data)
    assert "have the provider give WAV" in caught.value.detail


# Bounds


def id3(length: int) -> bytes:
    return b"ID3\4\0\0" + bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(length)


FRAME = bytes.fromhex("ffe318c4") + bytes(68)
HOSTILE = {
    "tags": id3(2_000_000) + id3(328_000) + FRAME * 100,
    "frames": FRAME * 300_000,
    "frames that are none": FRAME * 3 + b"\xff\xf3\x18\xc4" * 2_000_000,
    "chunks": riff_wav(more=(b"JUNK" + bytes(4)) * 1_000_000),
    "boxes": FTYP + box(b"free") * 1_000_000,
    "tracks": FTYP + box(b"moov", box(b"trak", box(b"mdia", box(b"free") * 9000)) * 40) + MDAT,
    "a long table": FTYP + box(b"moov", box(b"trak", bytes(8_000_000))) + MDAT,
    "pages": opus_link(0) + packets_page(960, [b"a"]) * 400_000,
    "links": opus_link(0) * 100_000,
    "frames of FLAC": b"fLaC\x80\0\0\x22" + bytes(34) + b"\xff\xf8\xc9\x08\x00\x95" * 300_000,
    "elements": webm(lengths_known=False)[:60] + b"\xa3\x80" * 400_000,
    "a long list of samples": FTYP + moov(tables=sample_tables(0, [0] * 4_000_000)) + MDAT,
    "a long packet": opus_link(0)[:47] + packets_page(-1, [bytes(254 * 255)]) * 200,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_header_takes_long_or_much_memory(name):
    data = HOSTILE[name]
    body = Spooled(io.BytesIO(data), len(data), "")
    tracemalloc.start()
    try:
        began = time.process_time()
        with suppress(StepFailed):
            inspect(body)
        assert time.process_time() - began < 5.0
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [riff_wav(), MP3, opus_link(2), FTYP + moov() + MDAT[:500], encoded("OGG", "VORBIS")]
        + [encoded(kind, "PCM_16", seconds=0.1) for kind in ("AIFF", "CAF", "AU", "W64", "FLAC")]
    ),
    st.data(),
)
def test_any_damage_gives_believable_facts_or_a_typed_error(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 8))):
        damaged[draw.draw(st.integers(0, min(len(data) - 1, 600)))] = draw.draw(st.integers(0, 255))
    cut = bytes(damaged[: draw.draw(st.integers(1, len(data)))])
    for proven in (False, True):
        try:
            found = facts(cut, proven=proven)
        except StepFailed:
            continue
        assert found.seconds is None or 0 < found.seconds <= 86_400
        assert found.sample_rate is None or 1000 <= found.sample_rate <= 768_000
