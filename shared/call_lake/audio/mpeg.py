"""Frames of MP3 and AAC: enough to recognise them for sure and to see a missing end."""

import struct

# Layer III, kbit/s and Hz: ISO/IEC 11172-3 (version 1), 13818-3 (version 2), and the unofficial version 2.5.
BITRATES_V1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
BITRATES_V2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
XING_WITHIN_BYTES = 50
SAME_STREAM = 0xFFFE0C00  # sync, version, layer and sample rate are the same in all frames


def tag_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag that ``head`` begins with, or 0."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if head[5] & 0x10 else 0)


def frame_bytes(data: bytes) -> int:
    """Length of the Layer III frame that ``data`` begins with, or 0 if it does not."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return 0
    version, rate, bitrate = (data[1] >> 3) & 3, (data[2] >> 2) & 3, data[2] >> 4
    if version == 1 or rate == 3 or bitrate in (0, 15):
        return 0
    kbits = (BITRATES_V1 if version == 3 else BITRATES_V2)[bitrate - 1]
    return (144 if version == 3 else 72) * kbits * 1000 // RATES[version][rate] + ((data[2] >> 1) & 1)


def is_mp3(head: bytes) -> bool:
    """Whether a frame begins here, and another of the same stream after it, unless the file ends before."""
    length = frame_bytes(head)
    following = head[length : length + 4]
    return length > 0 and (len(following) < 4 or (frame_bytes(following) > 0 and _stream(following) == _stream(head)))


def xing_bytes(frame: bytes) -> int | None:
    """The number of bytes, this frame included, that the encoder's note in the first frame promises."""
    at = max(frame[:XING_WITHIN_BYTES].find(mark) for mark in (b"Xing", b"Info"))
    if at < 0 or len(frame) < at + 16:
        return None
    flags, first, second = struct.unpack_from(">III", frame, at + 4)
    return (second if flags & 1 else first) if flags & 2 else None


def is_adts(head: bytes) -> bool:
    """Whether an AAC frame begins here, and another after it, unless the file ends before."""
    length = adts_bytes(head)
    following = head[length : length + 7]
    return length > 0 and (len(following) < 7 or adts_bytes(following) > 0)


def adts_facts(head: bytes) -> tuple[int | None, int]:
    """Channels (None if the stream says so elsewhere) and sample rate in Hz."""
    return (((head[2] & 1) << 2 | head[3] >> 6) or None, ADTS_RATES[(head[2] >> 2) & 0x0F])


def adts_bytes(data: bytes) -> int:
    """Length of the AAC frame that ``data`` begins with, or 0 if it does not."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or (data[2] >> 2) & 0x0F >= len(ADTS_RATES):
        return 0
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return length if length >= 7 else 0


def _stream(header: bytes) -> int:
    return int(struct.unpack_from(">I", header)[0]) & SAME_STREAM
