"""MP4, M4A, 3GP and QuickTime: is the index there, and what does it say of the sound (ISO/IEC 14496-12 and -14)."""

import struct
from collections.abc import Iterator
from dataclasses import replace

from call_lake.audio.reading import (
    MAX_CHUNKS,
    MAX_READ_BYTES,
    BoundedFile,
    Header,
    facts_or_none,
    header_only,
    too_short,
)
from call_lake.errors import NotReady, Reason, Transient

NEEDED = (b"mdat", b"moov", b"moof")
"""Boxes without which sound is missing. Behind the index and the sound, anything else may be cut, or no box at all."""
ASC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
ASC_CHANNELS = (0, 1, 2, 3, 4, 5, 6, 8)
LINEAR = {b"sowt", b"twos", b"lpcm", b"ulaw", b"alaw", b"raw ", b"in24", b"in32", b"fl32", b"fl64", b"alac"}
ALWAYS_MONO = {b"samr": 8000, b"sawb": 16000}
ENTRY_BYTES = 36  # of a sound's description, before the boxes in it
MAX_ESDS_BYTES = 1024

type Box = tuple[bytes, int, int]
"""Name, where its content begins, where it ends."""


def read_mp4(file: BoundedFile) -> Header:
    """Raises NotReady (HEADER_ONLY; UNFINISHED without an index), Transient(TRUNCATED) where a cut can have taken the
    index."""
    size, has_mdat, has_audio, is_fragmented, index, cut = file.size, False, False, False, None, None
    for name, start, end in _boxes(file, 0, size):
        is_whole = end <= size
        if not is_whole and (name in NEEDED or index is None or not has_audio):
            cut = cut or (name, end)
        has_mdat = has_mdat or name == b"mdat"
        has_audio = has_audio or (name == b"mdat" and min(end, size) > start)
        is_fragmented = is_fragmented or name == b"moof"
        if name == b"moov" and is_whole:
            index = (start, end)
    if index is None:
        if cut and cut[0] in NEEDED:
            raise Transient(Reason.TRUNCATED, too_short("MP4", size, cut[1]))
        if has_audio or (has_mdat and cut):
            raise NotReady(Reason.UNFINISHED, f"the MP4 has no index (moov), no player opens it ({size} bytes)")
        if cut:
            raise Transient(Reason.TRUNCATED, too_short("MP4", size, cut[1]))
    if index is None or not has_audio:
        raise header_only("MP4", size)
    moov_start, moov_end = index
    header = facts_or_none(lambda: _facts(file, moov_start, moov_end, is_fragmented=is_fragmented))
    missing = too_short("MP4", size, cut[1]) if cut else header.missing
    return replace(header, missing=missing, seconds=None if missing else header.seconds)  # the index has the whole's


def _boxes(file: BoundedFile, position: int, end: int) -> Iterator[Box]:
    for _ in range(MAX_CHUNKS):
        head = file.at(position, min(16, end - position)) if position < end else b""
        if len(head) < 8:
            return
        length, begins = struct.unpack_from(">I", head)[0], 8
        if length == 1 and len(head) == 16:
            length, begins = struct.unpack_from(">Q", head, 8)[0], 16
        elif length == 0:  # to the end
            length = end - position
        if length < begins:
            return
        yield head[4:8], position + begins, position + length
        position += length


def _child(file: BoundedFile, parent: tuple[int, int], *path: bytes) -> tuple[int, int] | None:
    """Content of the first box under this path."""
    for wanted in path:
        found = next(((start, end) for name, start, end in _boxes(file, *parent) if name == wanted), None)
        if found is None:
            return None
        parent = (found[0], min(found[1], parent[1]))
    return parent


def _facts(file: BoundedFile, start: int, end: int, *, is_fragmented: bool) -> Header:
    for name, begins, ends in _boxes(file, start, end):
        track = (begins, min(ends, end))
        if name != b"trak" or not (handler := _child(file, track, b"mdia", b"hdlr")):
            continue
        if file.at(handler[0] + 8, 4) != b"soun":
            continue
        described = _child(file, track, b"mdia", b"minf", b"stbl", b"stsd")
        channels, rate = _sound(file, described[0] + 8, described[1]) if described else (None, None)
        seconds = None if is_fragmented else _seconds(file, (start, end), track)
        needed = _needed_bytes(file, track)
        missing = too_short("MP4", file.size, needed) if needed > file.size else ""
        return Header(channels, rate, seconds, missing=missing)
    return Header()


def _needed_bytes(file: BoundedFile, track: tuple[int, int]) -> int:
    """How long a file with this sound is at least: where the index says that its first chunk begins, and all of its
    samples behind that. 0 where it does not say it."""
    table = _child(file, track, b"mdia", b"minf", b"stbl")
    sizes = _child(file, table, b"stsz") if table else None
    if table is None or sizes is None or any(file.at(sizes[0] + 4, 4)):  # all of one size: of linear sound, not bytes
        return 0
    narrow, wide = _child(file, table, b"stco"), _child(file, table, b"co64")
    first = file.at(narrow[0] + 8, 4) if narrow else file.at(wide[0] + 8, 8) if wide else b""
    count, needed = int.from_bytes(file.at(sizes[0] + 8, 4)), int.from_bytes(first)
    for begun in range(0, 4 * count, MAX_READ_BYTES):
        entries = file.at(sizes[0] + 12 + begun, min(MAX_READ_BYTES, 4 * count - begun))
        needed += sum(struct.unpack_from(f">{len(entries) // 4}I", entries))
    return needed


def _seconds(file: BoundedFile, moov: tuple[int, int], track: tuple[int, int]) -> float | None:
    """The track's length as it is played; where that is not said, the length of its media. None where the two differ,
    and no list of edits says why."""
    movie, shown, media = (
        _child(file, moov, b"mvhd"),
        _child(file, track, b"tkhd"),
        _child(file, track, b"mdia", b"mdhd"),
    )
    scale, _ = _scale_and_length(file, movie)
    length = _track_length(file, shown)
    as_shown = length / scale if scale and length else None
    scale, length = _scale_and_length(file, media)
    as_stored = length / scale if scale and length else None
    if as_shown is None or as_stored is None:
        return as_shown or as_stored
    is_explained = abs(as_shown - as_stored) <= 1 + 0.1 * as_stored or _child(file, track, b"edts") is not None
    return as_shown if is_explained else None


def _scale_and_length(file: BoundedFile, box: tuple[int, int] | None) -> tuple[int, int]:
    """Of a ``mvhd`` or ``mdhd``: units a second, and length in units; 0 where it is not known."""
    data = file.at(box[0], 32) if box else b""
    if len(data) < 20 or (data[0] == 1 and len(data) < 32):
        return 0, 0
    timescale, length = struct.unpack_from(">IQ" if data[0] == 1 else ">II", data, 20 if data[0] == 1 else 12)
    return timescale, 0 if length in (2**32 - 1, 2**64 - 1) else length


def _track_length(file: BoundedFile, box: tuple[int, int] | None) -> int:
    data = file.at(box[0], 36) if box else b""
    if len(data) < 24 or (data[0] == 1 and len(data) < 36):
        return 0
    length: int = struct.unpack_from(">Q" if data[0] == 1 else ">I", data, 28 if data[0] == 1 else 20)[0]
    return 0 if length in (2**32 - 1, 2**64 - 1) else length


def _sound(file: BoundedFile, start: int, end: int) -> tuple[int | None, int | None]:
    """Channels and sample rate from the description of the sound. Its own two numbers are often templates, so the
    decoder's configuration counts; where there is none that is read here, nothing does."""
    entry = file.at(start, ENTRY_BYTES)
    if len(entry) < ENTRY_BYTES:
        return None, None
    name, version = entry[4:8], struct.unpack_from(">H", entry, 16)[0]
    channels, rate = struct.unpack_from(">H", entry, 24)[0], struct.unpack_from(">I", entry, 32)[0] >> 16
    if name in ALWAYS_MONO:
        return 1, ALWAYS_MONO[name]
    if name in LINEAR:
        return (channels, rate) if version < 2 else (None, None)
    inside = (start + ENTRY_BYTES + (16 if version == 1 else 0), end)
    if name == b"Opus" and (box := _child(file, inside, b"dOps")):
        described = file.at(box[0], 8)
        return (described[1], struct.unpack_from(">I", described, 4)[0]) if len(described) == 8 else (None, None)
    box = _child(file, inside, b"esds") or _child(file, inside, b"wave", b"esds")
    if name != b"mp4a" or box is None:
        return None, None
    return _decoder_config(file.at(box[0] + 4, max(min(box[1] - box[0] - 4, MAX_ESDS_BYTES), 0)))


def _decoder_config(data: bytes) -> tuple[int | None, int | None]:
    """Channels and sample rate of an ``esds`` box: ES descriptor (3), decoder's configuration (4), its own part (5)."""
    at, is_aac = 0, False
    while at < len(data):
        tag, at = data[at], at + 1
        length = 0
        for _ in range(4):
            if at >= len(data):
                return None, None
            byte, at = data[at], at + 1
            length = length << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == 3:
            flags = data[at + 2] if at + 2 < len(data) else 0
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40 and at < len(data):
                at += 1 + data[at]
        elif tag == 4:
            is_aac = at < len(data) and data[at] in (0x40, 0x66, 0x67, 0x68)
            at += 13
        elif tag == 5:
            return _audio_specific(data[at : at + length]) if is_aac else (None, None)
        else:
            at += length
    return None, None


def _audio_specific(config: bytes) -> tuple[int | None, int | None]:
    """ISO/IEC 14496-3, 1.6.2.1. With SBR (5, 29) the second rate is the one that is heard; PS (29) makes two channels
    of one."""
    bits, left = int.from_bytes(config), len(config) * 8

    def take(count: int) -> int:
        nonlocal left
        left -= count
        return bits >> left & (1 << count) - 1 if left >= 0 else 0

    def frequency() -> int:
        index = take(4)
        return take(24) if index == 15 else ASC_RATES[index] if index < len(ASC_RATES) else 0

    kind = take(5)
    kind = 32 + take(6) if kind == 31 else kind
    rate, channels = frequency(), take(4)
    if kind in (5, 29):
        rate = frequency()
    if left < 0:
        return None, None
    count = ASC_CHANNELS[channels] if channels < len(ASC_CHANNELS) else 0
    return (2 if kind == 29 and count == 1 else count) or None, rate or None
