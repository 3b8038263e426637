"""Formats made of chunks: WAV (RIFF, RF64, BW64, RIFX), Sony Wave64, AIFF, CAF, and Sun's AU."""

import re
import struct

from call_lake.audio.reading import MAX_CHUNKS, BoundedFile, Header, header_only, too_short
from call_lake.errors import Reason, Transient

WAV_HEADER_BYTES = 44
PLACEHOLDER_BYTES = 64 * 1024
"""A program that streams writes a length for "not known yet": 0, or about 2^31 or 2^32, less some headers."""
NAME = re.compile(rb"TAG|[\x20-\x7e]{4}")
USUAL = {b"fmt ", b"data", b"fact", b"LIST", b"JUNK", b"bext", b"PEAK", b"cue ", b"id3 ", b"iXML", b"COMM", b"SSND"}
DS64_COUNTS = 2**32 - 1
"""A data chunk of this length has its true one in the chunk ds64 (EBU Tech 3306)."""
ASF_OBJECTS = {bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")}
"""Header and data. An index may follow, which no player needs."""
LINEAR = {1, 3, 6, 7}  # PCM, float, A-law, µ-law: one sample of each channel is one block
EXTENSIBLE = 0xFFFE
# AU's encodings -> bytes of one sample: µ-law, PCM of 8 to 32 bits, float, double, A-law.
AU_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
AIFC_LINEAR = {b"NONE", b"sowt", b"twos", b"raw ", b"in24", b"in32", b"fl32", b"FL32", b"fl64", b"ulaw", b"alaw"}
AIFC_ONE_BYTE = {b"ulaw", b"alaw", b"ULAW", b"ALAW"}


def is_placeholder(length: int) -> bool:
    """Whether a length of 32 or 64 bits means "not known yet"."""
    near_half = 2**31 - PLACEHOLDER_BYTES <= length <= 2**31 + PLACEHOLDER_BYTES
    return length == 0 or near_half or 2**32 - PLACEHOLDER_BYTES <= length < 2**32 or length >= 2**62


def read_wav(file: BoundedFile) -> Header:
    """Raises NotReady(HEADER_ONLY), Transient(TRUNCATED) where the file ends before its audio begins."""
    top = file.at(0, 12)
    order = ">" if top.startswith(b"RIFX") else "<"
    form, samples, long_bytes, position = b"", 0, None, 12
    for _ in range(MAX_CHUNKS):
        chunk = file.at(position, 8)
        if len(chunk) < 8:
            break
        name, length = chunk[:4], struct.unpack_from(order + "I", chunk, 4)[0]
        position += 8
        if name == b"data":
            if not length and _only_chunks(file, position):
                raise header_only("WAV", file.size)
            promised = long_bytes if long_bytes is not None and length == DS64_COUNTS else length
            return _wav_data(file, position, promised, order, form, samples)
        if name == b"fmt ":
            form = file.at(position, min(length, 40))
        elif name == b"fact":
            samples = int.from_bytes(file.at(position, 4), "big" if order == ">" else "little")
        elif name == b"ds64":
            sizes = file.at(position, 16)
            long_bytes = struct.unpack_from("<Q", sizes, 8)[0] if len(sizes) == 16 else None
        position += _padded(file, position, length)
    riff = struct.unpack_from(order + "I", top, 4)[0] if len(top) >= 8 else 0
    promised = position if is_placeholder(riff) else max(position, riff + 8)
    if file.size > WAV_HEADER_BYTES and promised > file.size:
        raise Transient(Reason.TRUNCATED, too_short("WAV", file.size, promised))
    raise header_only("WAV", file.size)


def read_w64(file: BoundedFile) -> Header:
    """Wave64: names are GUIDs whose first four bytes are WAV's names; lengths have 64 bits, and include the names."""
    form, samples, position = b"", 0, 40
    for _ in range(MAX_CHUNKS):
        chunk = file.at(position, 24)
        length = struct.unpack_from("<Q", chunk, 16)[0] if len(chunk) == 24 else 0
        length += 24 if 0 < length < 24 else 0  # some writers do not count the name and the length
        if length < 24 and chunk[:4] != b"data":
            break
        if chunk[:4] == b"data":
            return _wav_data(file, position + 24, max(length - 24, 0), "<", form, samples, "Wave64")
        if chunk[:4] == b"fmt ":
            form = file.at(position + 24, min(length - 24, 40))
        elif chunk[:4] == b"fact":
            samples = int.from_bytes(file.at(position + 24, min(length - 24, 8)), "little")
        position += length + -length % 8
    raise header_only("Wave64", file.size)


def _wav_data(
    file: BoundedFile, start: int, promised: int, order: str, form: bytes, samples: int, kind: str = "WAV"
) -> Header:
    there, is_sure, missing = _there(file, kind, start, promised)
    if len(form) < 16:
        return Header(missing=missing)
    behind = file.at(start + there, 5)
    goes_on = len(behind) == 5 and any(behind) and not (NAME.match(behind) or NAME.match(behind, 1))
    tag, channels, rate, bytes_per_s, block, bits = struct.unpack_from(order + "HHIIHH", form)
    if tag == EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack_from(order + "H", form, 24)[0]
    if tag in LINEAR:
        adds_up = block == channels * ((bits + 7) // 8) or bytes_per_s == rate * block
        seconds = _over(there // block, rate) if block and adds_up else None
    else:
        per_block = struct.unpack_from(order + "H", form, 18)[0] if len(form) >= 20 and tag in (2, 0x11, 0x31) else 0
        samples = samples if is_sure else 0
        seconds = _packed_seconds(there, samples, rate, _over(there, bytes_per_s), block, per_block)
    # Sound behind the sound: the header's length is too small, and nobody knows where it ends.
    return Header(channels, rate, None if goes_on else seconds, missing=missing)


def _packed_seconds(
    there: int, samples: int, rate: int, by_bytes: float | None, block: int, per_block: int
) -> float | None:
    """Seconds of a packed format. The ``fact`` chunk's samples count, where the length of the audio does not refute
    them: ``per_block`` samples are in a block, or where that is not known, ``by_bytes`` seconds in all."""
    if block and per_block:
        most = -(-there // block) * per_block
        return _over(samples if most - per_block < samples <= most else there // block * per_block, rate)
    by_samples = _over(samples, rate)
    if by_samples is None or by_bytes is None:
        return by_samples or by_bytes
    return by_samples if abs(by_samples - by_bytes) <= 0.1 * by_samples + 0.1 else None


def read_aiff(file: BoundedFile) -> Header:
    """AIFF and AIFC: the sample rate is a float of 80 bits."""
    channels = rate = block = None
    position = 12
    for _ in range(MAX_CHUNKS):
        chunk = file.at(position, 8)
        if len(chunk) < 8:
            break
        name, length = chunk[:4], struct.unpack_from(">I", chunk, 4)[0]
        position += 8
        if name == b"COMM":
            common = file.at(position, min(length, 22))
            if len(common) >= 18:
                channels, _, bits = struct.unpack_from(">HIH", common)
                rate = _extended(common[8:18])
                coding = common[18:22] or b"NONE"
                width = 1 if coding in AIFC_ONE_BYTE else (bits + 7) // 8
                block = channels * width if coding in AIFC_LINEAR | AIFC_ONE_BYTE else None
        elif name == b"SSND":
            there, _, missing = _there(file, "AIFF", position + 8, max(length - 8, 0))
            seconds = _over(there // block, rate) if block else None
            return Header(channels, rate, seconds, missing=missing)
        position += _padded(file, position, length)
    raise header_only("AIFF", file.size)


def _extended(number: bytes) -> int:
    """A float of 80 bits, without its fraction; 0 where it is none of a sample rate."""
    exponent, mantissa = struct.unpack(">HQ", number)
    return int(mantissa >> (16383 + 63 - exponent)) if 16383 <= exponent < 16383 + 32 else 0


def read_caf(file: BoundedFile) -> Header:
    """Apple's Core Audio Format. A length of -1 means: to the end of the file."""
    channels = rate = bytes_per_packet = frames_per_packet = None
    position = 8
    for _ in range(MAX_CHUNKS):
        chunk = file.at(position, 12)
        if len(chunk) < 12:
            break
        name, length = chunk[:4], struct.unpack_from(">q", chunk, 4)[0]
        position += 12
        if name == b"desc":
            desc = file.at(position, 32)
            if len(desc) == 32:
                hz, _, _, bytes_per_packet, frames_per_packet, channels = struct.unpack_from(">d4sIIII", desc)
                rate = int(hz) if 0 < hz < 2**31 else 0
        elif name == b"data":
            there, _, missing = _there(file, "CAF", position + 4, max(length - 4, 0))
            frames = there // bytes_per_packet * (frames_per_packet or 0) if bytes_per_packet else 0
            return Header(channels, rate, _over(frames, rate), missing=missing)
        if length < 0:
            break
        position += length
    raise header_only("CAF", file.size)


def read_au(file: BoundedFile) -> Header:
    """Sun's and NeXT's format. A length of all ones means: to the end of the file."""
    head = file.at(0, 24)
    if len(head) < 24:
        raise header_only("AU", file.size)
    start, promised, encoding, rate, channels = struct.unpack_from(">IIIII", head, 4)
    there, _, missing = _there(file, "AU", max(start, 24), promised)
    block = AU_BYTES.get(encoding, 0) * channels
    return Header(channels, rate, _over(there // block, rate) if block else None, missing=missing)


def read_asf(file: BoundedFile) -> Header:
    """Windows Media: objects with a GUID and a length of 64 bits, both counted. Facts are not read."""
    position = 0
    for _ in ASF_OBJECTS:
        head = file.at(position, 24)
        length = int.from_bytes(head[16:], "little")
        if head[:16] not in ASF_OBJECTS or length < 24:  # a program that streams gives no length
            break
        position += length
        if position > file.size:
            return Header(missing=too_short("WMA", file.size, position))
    return Header()


def _padded(file: BoundedFile, position: int, length: int) -> int:
    """How far it is to the next chunk: a byte more where the length is odd, unless the writer forgot about it."""
    return length + (length % 2 if file.at(position + length, 4) not in USUAL else 0)


def _only_chunks(file: BoundedFile, position: int) -> bool:
    """Whether there are chunks from here to the end of the file, and no sound."""
    for _ in range(MAX_CHUNKS):
        chunk = file.at(position, 8)
        if len(chunk) < 8 or not NAME.fullmatch(chunk[:4]):
            break
        length = int.from_bytes(chunk[4:], "little")
        position += 8 + length + length % 2
    return position - file.size in (0, 1)


def _there(file: BoundedFile, kind: str, start: int, promised: int) -> tuple[int, bool, str]:
    """How many bytes of audio there are, whether the header was right about them, and what is missing."""
    there = file.size - start
    if there <= 0:
        raise header_only(kind, file.size)
    if is_placeholder(promised):
        return there, False, ""
    if promised > there:
        return there, False, too_short(kind, file.size, start + promised)
    return promised, True, ""


def _over(count: int, per_s: int | None) -> float | None:
    return count / per_s if count and per_s else None
