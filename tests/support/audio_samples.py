"""Small audio files, made in code: what recorders and converters write, and what is odd about them."""

import io
import struct
from typing import Any

import numpy as np
import soundfile

from tests.support.ogg_pages import FIRST, LAST, ogg_page

TAG = b"TAG" + bytes(125)  # ID3v1


def encoded(container: str, codec: str, rate: int = 8000, channels: int = 1, seconds: float = 2.0) -> bytes:
    samples = np.random.default_rng(1).normal(0, 0.1, (int(seconds * rate), channels))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=codec)
    return file.getvalue()


def riff_wav(
    data: bytes = b"\1\2" * 8000, *, promised: int | None = None, form: bytes = b"", more: bytes = b"", order: str = "<"
) -> bytes:
    """A second of 16 bits at 8 kHz. ``promised``: what its data chunk claims. ``more``: chunks before that."""
    form = form or struct.pack(order + "HHIIHH", 1, 1, 8000, 16000, 2, 16)
    claimed = len(data) if promised is None else promised
    body = _chunk(b"fmt ", form, order) + more + b"data" + struct.pack(order + "I", claimed) + data
    return (b"RIFF" if order == "<" else b"RIFX") + struct.pack(order + "I", 4 + len(body)) + b"WAVE" + body


def fact(samples: int) -> bytes:
    return _chunk(b"fact", struct.pack("<I", samples), "<")


def _chunk(name: bytes, content: bytes, order: str) -> bytes:
    return name + struct.pack(order + "I", len(content)) + content


def box(kind: bytes, *content: bytes, declared: int | None = None) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body) if declared is None else declared) + kind + body


FTYP = box(b"ftyp", b"M4A \0\0\0\0")
MDAT = box(b"mdat", bytes(20_000))


def aac_config(kind: int = 2, rate_index: int = 11, channels: int = 1) -> bytes:
    """An AudioSpecificConfig: AAC LC at 8 kHz with one channel."""
    return (kind << 11 | rate_index << 7 | channels << 3).to_bytes(2)


def esds(config: bytes, coding: int = 0x40) -> bytes:
    own = b"\x05" + bytes([len(config)]) + config
    decoder = b"\x04" + bytes([13 + len(own), coding]) + bytes(12) + own
    return box(b"esds", bytes(4), b"\x03" + bytes([3 + len(decoder)]) + bytes(3) + decoder)


def moov(entry: bytes = b"mp4a", inside: bytes | None = None, seconds: int = 6, claimed: int = 2, **more: Any) -> bytes:
    """An index with one sound track. ``claimed``: the channels of its description, which are often a template."""
    inside = esds(aac_config()) if inside is None else inside
    described = bytes(8) + struct.pack(">HHIHHHHI", 0, 0, 0, claimed, 16, 0, 0, more.get("rate", 44_100) << 16) + inside
    table = box(b"stbl", box(b"stsd", bytes(8), box(entry, described)), more.get("tables", b""))
    media = box(
        b"mdia",
        box(b"mdhd", bytes(12), struct.pack(">II", 8000, 8000 * seconds + 1024), bytes(4)),
        box(b"hdlr", bytes(8), b"soun", bytes(13)),
        box(b"minf", table),
    )
    track = box(b"tkhd", bytes(20), struct.pack(">I", more.get("shown", 1000 * seconds)), bytes(60))
    track += more.get("edits", b"")
    return box(
        b"moov",
        box(b"mvhd", bytes(12), struct.pack(">II", 1000, 1000 * seconds), bytes(80)),
        box(b"trak", track, media),
    )


def sample_tables(begins: int, sizes: list[int], wide: bool = False) -> bytes:
    """Where the sound's only chunk begins, and how many bytes each of its samples has."""
    entries = struct.pack(f">{len(sizes)}I", *sizes)
    where = struct.pack(">IIQ", 0, 1, begins) if wide else struct.pack(">III", 0, 1, begins)
    return box(b"stsz", struct.pack(">III", 0, 0, len(sizes)), entries) + box(b"co64" if wide else b"stco", where)


def element(name: str, content: bytes, *, length_known: bool = True) -> bytes:
    """One of Matroska's."""
    return bytes.fromhex(name) + ((1 << 56 | len(content)) if length_known else (1 << 57) - 1).to_bytes(8) + content


def webm(*, lengths_known: bool) -> bytes:
    """Three clusters of five blocks. A program that streams gives the large elements no length."""
    blocks = b"".join(element("a3", bytes(200)) for _ in range(5))
    clusters = b"".join(element("1f43b675", blocks, length_known=lengths_known) for _ in range(3))
    return element("1a45dfa3", bytes(20)) + element("18538067", clusters, length_known=lengths_known)


def wma(data: bytes = bytes(3000), *, streamed: bool = False) -> bytes:
    """Header, data, and an index."""
    rest = "b2758e66cf11a6d900aa0062ce6c"
    head = bytes.fromhex(f"3026{rest}") + (24 + 100).to_bytes(8, "little") + bytes(100)
    return head + bytes.fromhex(f"3626{rest}") + (0 if streamed else 24 + len(data)).to_bytes(8, "little") + data


def free_format(frame_bytes: int = 104, count: int = 20) -> bytes:
    """MP3 at 8 kHz, mono, whose headers do not say how long a frame is."""
    return (bytes.fromhex("ffe308c4") + b"\x55" * (frame_bytes - 4)) * count


OPUS_PAGE = bytes([0x78]) + bytes(60)  # one packet of 20 ms: 960 samples


def opus_link(seconds: int, *, began: int = 0, serial: int = 1, granules: bool = True, marked: bool = True) -> bytes:
    """One link of Opus whose granules begin at ``began``; a page has one second, in 50 packets of 20 ms."""
    head = ogg_page(0, b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 8000, 0, 0), FIRST, serial)
    pages = [head, ogg_page(0, b"OpusTags" + struct.pack("<II", 0, 0), 0, serial)]
    for second in range(1, seconds + 1):
        granule = began + 48_000 * second if granules else 0
        pages.append(packets_page(granule, [OPUS_PAGE] * 50, LAST if marked and second == seconds else 0, serial))
    return b"".join(pages)


def packets_page(granule: int, packets: list[bytes], flags: int = 0, serial: int = 1) -> bytes:
    table = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    return b"OggS" + struct.pack("<BBqIIIB", 0, flags, granule, serial, 0, 0, len(table)) + table + b"".join(packets)


def moved(ogg: bytes, by: int, serial: int | None = None) -> bytes:
    """The same pages with granules that begin at ``by``, where a page has any."""
    data, at = bytearray(ogg), 0
    while at + 27 <= len(data):
        granule = struct.unpack_from("<q", data, at + 6)[0]
        if granule > 0:
            struct.pack_into("<q", data, at + 6, granule + by)
        if serial is not None:
            struct.pack_into("<I", data, at + 14, serial)
        segments = data[at + 26]
        at += 27 + segments + sum(data[at + 27 : at + 27 + segments])
    return bytes(data)
