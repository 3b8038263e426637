"""FLAC (RFC 9639): how long the sound is, and whether its last frame is whole.

The header says how many samples there are, but a program that streams cannot know it, and a file that was cut keeps the
number. So the last frame counts: its header has its number, and a checksum of the frame is its end.
"""

from call_lake.audio.reading import MAX_CHUNKS, MAX_READ_BYTES, BoundedFile, Header, header_only

SYNCS = (b"\xff\xf8", b"\xff\xf9")
"""How a frame begins; the second kind is of frames that differ in their length."""
FRAME_HEADER_MAX_BYTES = 16
CANDIDATES = 4
"""So many beginnings of frames are tried, from the end: sound may look like one by chance, checksum and all."""
ID3V1_BYTES = 128


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << bits - 8
        for _ in range(8):
            crc = crc << 1 ^ (polynomial if crc >> bits - 1 else 0)
            crc &= (1 << bits) - 1
        table.append(crc)
    return tuple(table)


CRC_8, CRC_16 = _table(0x07, 8), _table(0x8005, 16)


def read_flac(file: BoundedFile) -> Header:
    """Raises NotReady(HEADER_ONLY) where nothing follows the blocks of metadata; the last of those is flagged."""
    position, info = 4, b""
    for _ in range(MAX_CHUNKS):
        block = file.at(position, 4)
        if block[:1] in (b"\x00", b"\x80"):
            info = file.at(position + 4, 18)
        position += 4 + int.from_bytes(block[1:])
        if len(block) < 4 or block[0] & 0x80:
            break
    if position >= file.size:
        raise header_only("FLAC", file.size)
    bits = int.from_bytes(info[10:18])  # rate: 20 bits, channels less one: 3, bits of a sample: 5, samples: 36
    rate, promised = bits >> 44, bits & (1 << 36) - 1
    block_samples = int.from_bytes(info[2:4])
    channels, most_bytes = (bits >> 41 & 7) + 1, int.from_bytes(info[7:10])  # of a frame; 0: not known
    first = _samples(file.at(position, FRAME_HEADER_MAX_BYTES), block_samples)
    if first is None or (most_bytes or 4 * channels * block_samples) > MAX_READ_BYTES:
        # No frame of this kind begins here, or it is too long to be looked at: only the header is known.
        return Header(channels, rate or None, promised / rate if promised and rate else None)
    ends_at = _end(file, position, block_samples)
    samples = None if ends_at is None else ends_at - first[0]
    missing = ""
    if samples is None:
        missing = f"the last FLAC frame is cut ({file.size} bytes)"
    elif samples < promised:
        missing = f"the FLAC header promises {promised} samples, there are {samples} ({file.size} bytes)"
    return Header(channels, rate or None, samples / rate if samples and rate else None, missing=missing)


def _end(file: BoundedFile, audio: int, block_samples: int) -> int | None:
    """The number of the sample behind the last frame; None where that frame is not whole."""
    start = max(audio, file.size - MAX_READ_BYTES)
    tail = file.at(start, MAX_READ_BYTES)
    bare = len(tail.rstrip(b"\0"))
    ends = {len(tail), *range(bare, min(bare + 2, len(tail)) + 1)}  # zeros may follow, or be the end of the checksum
    if tail[-ID3V1_BYTES:].startswith(b"TAG"):
        ends.add(len(tail) - ID3V1_BYTES)
    at, left = len(tail), CANDIDATES
    while left and (at := tail.rfind(b"\xff", 0, at)) >= 0:
        samples = _samples(tail[at : at + FRAME_HEADER_MAX_BYTES], block_samples)
        if samples is None:
            continue
        left, crc = left - 1, 0
        for position in range(at, len(tail)):
            crc = (crc << 8 & 0xFF00) ^ CRC_16[crc >> 8 ^ tail[position]]
            if crc == 0 and position + 1 in ends:  # of a frame with its checksum
                return samples[1]
    return None


def _samples(head: bytes, block_samples: int) -> tuple[int, int] | None:
    """The numbers of the first sample of the frame that begins here, and of the one behind it; None for no frame."""
    if len(head) < 6 or head[:2] not in SYNCS or head[3] & 1:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    number_bytes = next((n for n in range(8) if not head[4] >> 7 - n & 1), 8)  # as in UTF-8, of up to 36 bits
    if size_code == 0 or rate_code == 15 or number_bytes in (1, 8):
        return None
    number = head[4] & 0x7F >> number_bytes if number_bytes else head[4]
    at = 4 + max(number_bytes, 1)
    for byte in head[5:at]:
        number = number << 6 | byte & 0x3F
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    size = int.from_bytes(head[at : at + size_bytes]) + 1
    if size_code not in (6, 7):
        size = 192 if size_code == 1 else 576 << size_code - 2 if size_code < 6 else 256 << size_code - 8
    at += size_bytes + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    crc = 0
    for byte in head[:at]:
        crc = CRC_8[crc ^ byte]
    if at >= len(head) or crc != head[at]:
        return None
    first = number if head[1] & 1 else number * block_samples  # frames of different lengths give samples
    return first, first + size
