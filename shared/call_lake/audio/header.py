"""Read a file's header: channels, sample rate, length, and whether the file's end is missing (rule 12)."""

import struct
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from tinytag import TinyTag, TinyTagException

from call_lake.audio import mpeg
from call_lake.errors import NotReady, Reason, Transient

HEAD_BYTES = 64 * 1024
OGG_PAGE_MAX_BYTES = 27 + 255 + 255 * 255
WAV_HEADER_BYTES = 44
AMR_MAGIC_MAX_BYTES = 16
MAX_CHUNKS = 10_000
# What programs write for "length not known yet": sox's two, and all ones less a header's length.
UNKNOWN_LENGTHS = {0, 0x7FFFF000, 0x7FFFFFFF}
UNKNOWN_LENGTH_FROM = 0xFFFFFF00
MAX_READS = 500_000
MAX_READ_BYTES = 16 * 1024 * 1024


OGG_LAST_PAGE = 4  # a flag of its header, RFC 3533
WEBM_CLUSTER = b"\x1f\x43\xb6\x75"


@dataclass(frozen=True, slots=True)
class Header:
    """Facts of a header; None where it does not say. ``is_finished``: False where the format marks the end of a file
    and the mark is missing."""

    channels: int | None = None
    sample_rate: int | None = None
    seconds: float | None = None
    is_finished: bool = True


def read_header(kind: str, file: BinaryIO, size: int, head: bytes) -> Header:
    """Facts of a file of ``size`` bytes that begins with ``head`` (HEAD_BYTES of it).

    Raises Transient(TRUNCATED), NotReady(HEADER_ONLY); odd but real audio gives a Header of Nones.
    """
    match kind:
        case "wav":
            return _wav(file, size)
        case "ogg":
            _check_ogg_audio(file, size)
            is_finished = _check_ogg_end(file, size)
            return replace(_ogg(_tinytag(file), head), is_finished=is_finished)
        case "mp3":
            _check_mp3_end(file, size, head)
            return _tinytag(file)
        case "m4a":
            _check_mp4(file, size)
            return _tinytag(file)
        case "aac":
            start = mpeg.tag_bytes(head)
            frame = head[start:]
            if size - start < mpeg.adts_bytes(frame):
                raise _header_only("AAC", size)
            return Header(*mpeg.adts_facts(frame))
        case "amr":
            if not head[:AMR_MAGIC_MAX_BYTES].partition(b"\n")[2]:
                raise _header_only("AMR", size)
            wide = head.startswith(b"#!AMR-WB")
            return Header(None if b"_MC" in head[:16] else 1, 16000 if wide else 8000)
        case "flac":
            _check_flac_audio(file, size, mpeg.tag_bytes(head))
            return _tinytag(file)
        case "webm":
            if size <= HEAD_BYTES and WEBM_CLUSTER not in head:  # no header is longer
                raise _header_only("WebM", size)
    return Header()


def _header_only(kind: str, size: int) -> NotReady:
    return NotReady(Reason.HEADER_ONLY, f"{kind} headers without audio ({size} bytes)")


def _truncated(kind: str, size: int, promised: int) -> Transient:
    return Transient(Reason.TRUNCATED, f"the {kind} header promises {promised} bytes, there are {size}")


class _LimitedReads:
    """A file that stops a parser from reading too much: a hostile header would take all memory, or minutes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads_left = MAX_READS
        self.seek = file.seek
        self.tell = file.tell

    def read(self, length: int = -1) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0 or not 0 <= length <= MAX_READ_BYTES:
            raise OSError("the header asks for too much")
        return self._file.read(length)


def _tinytag(file: BinaryIO) -> Header:
    file.seek(0)
    try:
        found = TinyTag.get(file_obj=cast(Any, _LimitedReads(file)))
    except (TinyTagException, OSError, ValueError, OverflowError):
        return Header()
    seconds = found.duration if found.duration and 0 < found.duration < float("inf") else None
    return Header(found.channels or None, found.samplerate or None, seconds)


def _ogg(header: Header, head: bytes) -> Header:
    """For Opus, tinytag gives the decoder's 48,000 Hz; the header also knows the rate of what was recorded."""
    at = head.find(b"OpusHead", 0, 28 + 255)
    if at < 0 or len(head) < at + 16:
        return header
    rate = struct.unpack_from("<I", head, at + 12)[0]
    return Header(header.channels, rate or header.sample_rate, header.seconds)


def _wav(file: BinaryIO, size: int) -> Header:
    """tinytag is not enough for WAV: it knows no RF64, believes a length that is a placeholder, and gives no length
    for the telephones' A-law and µ-law without a ``fact`` chunk."""
    file.seek(0)
    top = file.read(12)
    form, long_bytes, position = b"", None, 12
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        name, length = chunk[:4], struct.unpack_from("<I", chunk, 4)[0]
        position += 8
        if name == b"data":
            return _wav_data(form, size, position, length if long_bytes is None else long_bytes)
        if name == b"fmt ":
            form = file.read(min(length, 40))
        elif name == b"ds64":
            sizes = file.read(16)
            long_bytes = struct.unpack_from("<Q", sizes, 8)[0] if len(sizes) == 16 else None
        position += length + length % 2
    riff = struct.unpack_from("<I", top, 4)[0] + 8 if len(top) >= 8 else 0
    promised = position if _is_unknown(riff - 8) else max(position, riff)
    if size > WAV_HEADER_BYTES and promised > size:
        raise _truncated("WAV", size, promised)
    raise _header_only("WAV", size)


def _wav_data(form: bytes, size: int, start: int, promised: int) -> Header:
    there = size - start
    if there <= 0:
        raise _header_only("WAV", size)
    if _is_unknown(promised):
        promised = there
    if promised > there:
        raise _truncated("WAV", size, start + promised)
    if len(form) < 16:
        return Header()
    channels, rate, bytes_per_s = struct.unpack_from("<HII", form, 2)
    return Header(channels or None, rate or None, promised / bytes_per_s if bytes_per_s else None)


def _is_unknown(length: int) -> bool:
    return length in UNKNOWN_LENGTHS or UNKNOWN_LENGTH_FROM <= length <= 0xFFFFFFFF


def _check_ogg_audio(file: BinaryIO, size: int) -> None:
    """Raise NotReady where there are only pages of headers. Those have position 0; pages of audio have a later one."""
    position = 0
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        page = file.read(27 + 255)
        segments = page[26] if len(page) >= 27 else 0
        if len(page) < 27 + segments or page[:4] != b"OggS" or struct.unpack_from("<q", page, 6)[0] > 0:
            break
        position += 27 + segments + sum(page[27 : 27 + segments])
    if position == size:
        raise _header_only("OGG", size)


def _check_ogg_end(file: BinaryIO, size: int) -> bool:
    """Whether the last page is marked as the last. Raises Transient where that page does not end with the file. It is
    searched for within a page's greatest length from the end."""
    file.seek(max(0, size - OGG_PAGE_MAX_BYTES))
    tail = file.read()
    at, beyond = tail.rfind(b"OggS"), False
    while at >= 0:
        segments = tail[at + 26] if at + 27 <= len(tail) else 0
        table = tail[at + 27 : at + 27 + segments]
        end = at + 27 + segments + sum(table)
        if at + 27 <= len(tail) and len(table) == segments and end <= len(tail):
            is_last = bool(tail[at + 5] & OGG_LAST_PAGE)
            if end == len(tail):
                return is_last
            # Behind a whole page: bytes that somebody appended, or the very first ones of a cut page.
            if not beyond and not b"OggS".startswith(tail[end : end + 4]):
                return is_last
        beyond = True
        at = tail.rfind(b"OggS", 0, at)
    raise Transient(Reason.TRUNCATED, f"the last OGG page is cut ({size} bytes)")


def _check_mp3_end(file: BinaryIO, size: int, head: bytes) -> None:
    start = mpeg.tag_bytes(head)
    if start > size:
        raise _truncated("ID3", size, start)
    if start == size:
        raise _header_only("MP3", size)
    file.seek(start)
    frame = file.read(4096)
    padding = len(frame) - len(frame.lstrip(b"\0"))
    frame, start = frame[padding:], start + padding
    promised = max(mpeg.frame_bytes(frame), mpeg.xing_bytes(frame) or 0)
    if start + promised > size:
        raise _truncated("MP3", size, start + promised)


def _check_mp4(file: BinaryIO, size: int) -> None:
    position, has_audio = 0, False
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        box = file.read(16)
        if len(box) < 8:
            break
        length, header = struct.unpack_from(">I", box)[0], 8
        if length == 1 and len(box) == 16:
            length, header = struct.unpack_from(">Q", box, 8)[0], 16
        elif length == 0:  # to the end of the file
            length = size - position
        has_audio = has_audio or (box[4:8] == b"mdat" and length > header)
        if length < header:
            break
        position += length
        if position > size:
            raise _truncated("MP4", size, position)
    if not has_audio:
        raise _header_only("MP4", size)


def _check_flac_audio(file: BinaryIO, size: int, start: int) -> None:
    """Raise NotReady where nothing follows the blocks of metadata; the last of those is flagged."""
    position = start + 4
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        block = file.read(4)
        position += 4 + int.from_bytes(block[1:])
        if len(block) < 4 or block[0] & 0x80:
            break
    if position >= size:
        raise _header_only("FLAC", size)
