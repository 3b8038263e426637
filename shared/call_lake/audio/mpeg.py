"""Frames of MPEG audio (MP3, MP2) and of AAC: recognise them for sure, see a missing end, count their seconds."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from call_lake.audio.reading import MAX_READ_BYTES, BoundedFile, Header, TooMuch, header_only, too_short
from call_lake.errors import Reason, Transient

# kbit/s by version (3: MPEG 1, else 2 and 2.5) and layer (3: I, 2: II, 1: III): ISO/IEC 11172-3 and 13818-3.
BITRATES = {
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
SAMPLES = {(True, 3): 384, (True, 2): 1152, (True, 1): 1152, (False, 3): 384, (False, 2): 1152, (False, 1): 576}
LAYER_III = 1
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
GSM_BYTES, GSM_SECONDS = 33, 0.02  # a frame of GSM 06.10, as Asterisk's files and RTP have it (RFC 3551, 4.5.8.1)
GSM_ROW = 10
XING_WITHIN_BYTES = 50
SAME_STREAM = 0xFFFE0C00  # sync, version, layer and sample rate are the same in all frames
SEARCHED_BYTES = 4096  # more than two frames have
SYNC_MPEG = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]")
SYNC_ADTS = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")
JUNK_MAX_BYTES = 512 * 1024
"""More bytes between frames than this are not searched for the next one."""


def tag_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag that ``head`` begins with, or 0."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if head[5] & 0x10 else 0)


def frame_bytes(data: bytes) -> int:
    """Length of the MPEG audio frame that ``data`` begins with, or 0 if it does not."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return 0
    version, layer, rate, bitrate = data[1] >> 3 & 3, data[1] >> 1 & 3, data[2] >> 2 & 3, data[2] >> 4
    if version == 1 or layer == 0 or rate == 3 or bitrate in (0, 15):
        return 0
    bits = BITRATES[version == 3, layer][bitrate - 1] * 1000
    padding = data[2] >> 1 & 1
    if layer == 3:
        return (12 * bits // RATES[version][rate] + padding) * 4
    return SAMPLES[version == 3, layer] // 8 * bits // RATES[version][rate] + padding


def layer_of(head: bytes) -> int:
    """3 for Layer I, 2 for Layer II, LAYER_III."""
    return head[1] >> 1 & 3


def is_mpeg(head: bytes) -> bool:
    """Whether a frame begins here, and others of the same stream after it. Only MP3 is believed without them, where
    the file ends before: Layer I begins like some texts in UTF-16."""
    length = frame_bytes(head)
    if not length:
        return False
    if layer_of(head) != LAYER_III:
        return _row_of_frames(head, 0, 3)
    following = head[length : length + 4]
    return len(following) < 4 or (frame_bytes(following) > 0 and _stream(following) == _stream(head))


def is_free(head: bytes) -> bool:
    """Whether frames of a free format begin here: their length is not in their headers, but it is always the same."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 not in (0xE2, 0xE4) or head[2] & 0xFC not in (0, 4, 8):
        return False
    mark, stream = head[:2], _stream(head)
    length = head.find(mark, 4, SEARCHED_BYTES)
    while length > 0:
        following = [head[at : at + 4] for extra in (0, 1) if (at := 2 * length + extra) + 4 <= len(head)]
        nearby = [_stream(one) == stream and not one[2] & 0xF0 for one in (head[length : length + 4], *following)]
        if nearby and nearby[0] and any(nearby[1:]):
            return True
        length = head.find(mark, length + 1, SEARCHED_BYTES)
    return False


def is_gsm(head: bytes) -> bool:
    """Whether GSM 06.10 begins here: each of its frames begins with the same four bits."""
    starts = head[: GSM_BYTES * GSM_ROW : GSM_BYTES]
    return len(starts) == GSM_ROW and all(byte >> 4 == 0xD for byte in starts)


def mpeg_start(data: bytes, within: int = SEARCHED_BYTES) -> int | None:
    """Where a row of frames begins: a recorder that cut a stream begins within a frame. Zeros may come before it, and
    then at most ``within`` bytes. None where there is no such row."""
    return _start(data, SYNC_MPEG, within, lambda at: _row_of_frames(data, at, 3))


def adts_start(data: bytes, within: int = SEARCHED_BYTES) -> int | None:
    """The same for AAC."""
    return _start(data, SYNC_ADTS, within, lambda at: _row_of_adts(data, at, 4))


def _start(data: bytes, sync: re.Pattern[bytes], within: int, is_row: Callable[[int], bool]) -> int | None:
    zeros = zeros_before(data)
    found = (match.start() for match in sync.finditer(data, zeros, min(zeros + within, len(data))))
    return next((at for at in found if is_row(at)), None)


def zeros_before(data: bytes) -> int:
    """How many zeros ``data`` begins with."""
    return len(data) - len(data.lstrip(b"\0"))


def _row_of_frames(data: bytes, at: int, count: int) -> bool:
    first = data[at : at + 4]
    for number in range(count):
        head = data[at : at + 4]
        if number >= 2 and at >= len(data):
            return True
        length = frame_bytes(head)
        if not length or _stream(head) != _stream(first):
            return False
        at += length
    return True


def _row_of_adts(data: bytes, at: int, count: int) -> bool:
    first = data[at : at + 4]
    for _ in range(count):
        head = data[at : at + 7]
        length = adts_bytes(head)
        if not length or (head[:3], head[3] & 0xF0) != (first[:3], first[3] & 0xF0):
            return False
        at += length
    return True


@dataclass(frozen=True, slots=True)
class Note:
    """The encoder's note in the first frame, which itself holds no sound. ``frames``: how many follow. ``bytes``: of
    all of them, this frame included. None where it does not say."""

    frames: int | None
    bytes: int | None


def note_of(frame: bytes) -> Note | None:
    """The note (Xing, Info, VBRI) of a frame, None where it has none."""
    at = max(frame[:XING_WITHIN_BYTES].find(mark) for mark in (b"Xing", b"Info"))
    if at >= 0 and len(frame) >= at + 16:
        flags, first, second = struct.unpack_from(">III", frame, at + 4)
        return Note(first if flags & 1 else None, (second if flags & 1 else first) if flags & 2 else None)
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        length, frames = struct.unpack_from(">II", frame, 46)
        return Note(frames, length)
    return None


def read_mpeg(file: BoundedFile) -> Header:
    """MP3 or MP2. Raises NotReady(HEADER_ONLY), Transient(TRUNCATED) where not even the
    first frame is whole."""
    if not file.size:
        raise header_only("MP3", file.size)
    data = file.at(0, MAX_READ_BYTES)
    zeros = zeros_before(data)
    start = zeros if is_mpeg(data[zeros:]) else mpeg_start(data, MAX_READ_BYTES)
    if start is None:
        return _free(data[zeros:])
    frame = data[start:]
    length = frame_bytes(frame)
    if start + length > file.size:
        raise Transient(Reason.TRUNCATED, too_short("MP3", file.size, start + length))
    note = note_of(frame)
    promised = (note.bytes if note else None) or 0
    missing = too_short("MP3", file.size, start + promised) if start + promised > file.size else ""
    version = frame[1] >> 3 & 3
    rate = RATES[version][frame[2] >> 2 & 3]
    seconds = _seconds(file, start + (length if note else 0))
    # Notes are wrong now and then, so one is believed only where there is more than can be counted. Bytes behind those
    # of the note, more than tags have, are another file that somebody appended.
    if seconds is None and note and note.frames and promised and not missing and file.size - start - promised < length:
        seconds = note.frames * SAMPLES[version == 3, layer_of(frame)] / rate
    return Header(1 if frame[3] >> 6 == 3 else 2, rate, seconds, missing=missing)


def _free(head: bytes) -> Header:
    """Frames of a free format: their seconds are not counted."""
    if not is_free(head):
        return Header()
    return Header(1 if head[3] >> 6 == 3 else 2, RATES[head[1] >> 3 & 3][head[2] >> 2 & 3])


def _seconds(file: BoundedFile, start: int) -> float | None:
    """Count the frames from here. Of a file with more than a header may cost, all of one length, the rest is
    estimated."""
    position, seconds, junk, shortest, longest = start, 0.0, 0, 2**16, 0
    try:
        while len(head := file.at(position, 4)) == 4:
            length = frame_bytes(head)
            if length:
                if position + length > file.size:
                    break
                rate = RATES[head[1] >> 3 & 3][head[2] >> 2 & 3]
                seconds += SAMPLES[head[1] >> 3 & 3 == 3, layer_of(head)] / rate
                position += length
                shortest, longest = min(shortest, length), max(longest, length)
                continue
            data = file.at(position, MAX_READ_BYTES)
            found = (match.start() for match in SYNC_MPEG.finditer(data))
            nothing = len(data) if len(data) < MAX_READ_BYTES else len(data) - 2 * SEARCHED_BYTES
            skipped = next((at for at in found if _row_of_frames(data, at, 3)), nothing)
            junk += skipped
            if junk > JUNK_MAX_BYTES:
                return None
            position += max(skipped, 1)
    except TooMuch:
        is_steady = longest - shortest <= 4 and position > start
        return round(seconds * (file.size - start) / (position - start), 3) if is_steady else None
    return round(seconds, 3) or None


def is_adts(head: bytes) -> bool:
    """Whether an AAC frame begins here, and another after it, unless the file ends before."""
    length = adts_bytes(head)
    following = head[length : length + 7]
    return length > 0 and (len(following) < 7 or adts_bytes(following) > 0)


def adts_facts(head: bytes) -> tuple[int | None, int]:
    """Channels (None if the stream says so elsewhere) and sample rate in Hz."""
    return (((head[2] & 1) << 2 | head[3] >> 6) or None, ADTS_RATES[(head[2] >> 2) & 0x0F])


def read_adts(file: BoundedFile) -> Header:
    """AAC. Raises NotReady(HEADER_ONLY)."""
    data = file.at(0, MAX_READ_BYTES)
    begins = 0 if is_adts(data) else adts_start(data, MAX_READ_BYTES) or 0
    frame = data[begins:]
    if not adts_bytes(frame) or file.size - begins < adts_bytes(frame):
        raise header_only("AAC", file.size)
    return Header(*adts_facts(frame))


def adts_bytes(data: bytes) -> int:
    """Length of the AAC frame that ``data`` begins with, or 0 if it does not."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or (data[2] >> 2) & 0x0F >= len(ADTS_RATES):
        return 0
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return length if length >= 7 else 0


def _stream(header: bytes) -> int:
    return int(struct.unpack_from(">I", header)[0]) & SAME_STREAM
