"""OGG (RFC 3533): how long the sound is, whether there is any, and whether its end is there.

A page's granule counts the samples up to its end. A file may hold several links, one behind the other, and a recorder
that joined a stream does not begin at 0. So the length of each link is its last granule less where it began.
"""

import struct
from dataclasses import dataclass, field

from call_lake.audio.reading import BoundedFile, Header, TooMuch, header_only
from call_lake.errors import Reason, Transient

PAGE_MAX_BYTES = 27 + 255 + 255 * 255
MAX_LINKS = 1_000
CONTINUED, FIRST, LAST = 1, 2, 4  # flags of a page
DENSEST_BYTES_PER_S = 200_000
"""No speech or music needs more. Sound that does has granules that stand still."""
KEPT_PACKET_BYTES = 256 * 1024
"""Longer packets are comments with pictures, which are not looked at."""
NEAR_START_S = 10
MODES_MAX_BYTES = 512  # 64 modes of 41 bits
OPUS_RATE = 48_000  # of every Opus granule
OPUS_FRAMES = (
    *((480, 960, 1920, 2880) * 3),
    *((480, 960) * 2),
    *((120, 240, 480, 960) * 4),
)
"""Samples of a frame, by the first five bits of its packet (RFC 6716, table 2)."""


@dataclass(slots=True)
class Codec:
    """What the first packet of a link says. ``headers``: how many packets come before the sound, None where that is
    not known. ``skip``: samples at the beginning that nobody hears."""

    name: str = ""
    channels: int | None = None
    rate: int | None = None
    granules_per_s: int = 0
    skip: int = 0
    headers: int | None = None
    frame: int = 0  # Speex: samples of a packet
    blocks: tuple[int, int] = (0, 0)  # Vorbis: samples of a short and of a long block
    modes: tuple[int, ...] = ()  # Vorbis: for each mode, whether its blocks are long


@dataclass(slots=True)
class Link:
    serial: int
    codec: Codec
    packets: int = 0
    partial: bytearray = field(default_factory=bytearray)
    samples: int | None = 0
    last_block: int = 0
    began: int | None = None
    last: int = 0
    has_audio: bool = False
    has_granule: bool = False
    is_broken: bool = False
    bytes: int = 0

    def seconds(self) -> float | None:
        if self.began is None or self.is_broken or not self.codec.granules_per_s:
            return None
        seconds = max(self.last - self.began - self.codec.skip, 0) / self.codec.granules_per_s
        is_dense = self.codec.name != "flac" and self.bytes > seconds * DENSEST_BYTES_PER_S
        return None if is_dense else seconds or None


def read_ogg(file: BoundedFile) -> Header:
    """Raises NotReady(HEADER_ONLY), Transient(TRUNCATED) where the first page of sound is cut."""
    is_finished, missing, last_page_ends = _end(file)
    links, whole_to, is_counted = _walk(file)
    audio = [link for link in links if link.has_audio]
    if not audio and is_counted:
        if missing and whole_to < file.size:
            raise Transient(Reason.TRUNCATED, missing)
        raise header_only("OGG", file.size)
    if not audio:
        return Header(is_finished=is_finished, missing=missing)
    lengths = [link.seconds() for link in audio]
    is_counted = is_counted and None not in lengths and (last_page_ends is None or last_page_ends <= whole_to)
    codec = audio[0].codec
    return Header(
        codec.channels,
        codec.rate,
        sum(length or 0.0 for length in lengths) if is_counted else None,
        is_finished=is_finished,
        missing=missing,
    )


def _walk(file: BoundedFile) -> tuple[list[Link], int, bool]:
    """The links with sound, how far the pages are whole, and whether all of them were counted."""
    links: list[Link] = []
    link: Link | None = None
    position, in_beginnings = 0, False
    try:
        while len(page := file.at(position, 27 + 255)) >= 27 and page[:4] == b"OggS":
            segments = page[26]
            table = page[27 : 27 + segments]
            body = position + 27 + segments
            end = body + sum(table)
            if len(table) < segments or end > file.size:
                break
            flags, granule, serial = struct.unpack_from("<BqI", page, 5)
            if flags & FIRST:
                codec = _codec(file.at(body, min(sum(table), 512)))
                if not in_beginnings or (link is not None and not link.codec.name):
                    if in_beginnings:
                        links.pop()
                    link = Link(serial, codec)
                    links.append(link)
                    if len(links) > MAX_LINKS:
                        raise TooMuch
            in_beginnings = bool(flags & FIRST)
            if link is not None and serial == link.serial:
                _page(file, link, flags, granule, table, body)
                link.bytes += end - body if link.has_audio else 0
            position = end
    except TooMuch:
        return links, position, False
    return links, position, True


def _page(file: BoundedFile, link: Link, flags: int, granule: int, table: bytes, body: int) -> None:
    if link.began is None:
        _first_pages(file, link, flags, granule, table, body)
    if link.has_audio and granule > 0:
        link.is_broken = link.is_broken or granule < link.last
        link.last = granule


def _first_pages(file: BoundedFile, link: Link, flags: int, granule: int, table: bytes, body: int) -> None:
    """Read packets until a page of sound says where it ends: then it is known where the sound began."""
    if not flags & CONTINUED:
        link.partial.clear()
    data, at = file.at(body, min(sum(table), PAGE_MAX_BYTES)), 0
    for lacing in table:
        if len(link.partial) < KEPT_PACKET_BYTES:
            link.partial += data[at : at + lacing]
        at += lacing
        if link.packets >= (link.codec.headers or 1) and lacing:
            link.has_audio = link.has_audio or link.codec.headers is not None or granule > 0
        if lacing < 255:
            if link.partial:
                _packet(link, bytes(link.partial))
            link.partial.clear()
    if link.has_audio and granule > 0:
        link.began = _beginning(link, granule)


def _packet(link: Link, packet: bytes) -> None:
    codec = link.codec
    link.packets += 1
    if link.packets <= (codec.headers or 1):
        if codec.name == "vorbis" and link.packets == 3:
            codec.modes = _vorbis_modes(packet)
        return
    samples = _samples(link, packet)
    link.samples = None if samples is None or link.samples is None else link.samples + samples


def _beginning(link: Link, granule: int) -> int | None:
    """The granule at which the sound began. Where a packet's samples are not known here, 0 is assumed for what begins
    near it."""
    if link.samples is None:
        return 0 if granule <= NEAR_START_S * link.codec.granules_per_s else None
    return max(granule - link.samples, 0)


def _codec(first: bytes) -> Codec:
    if first.startswith(b"OpusHead") and len(first) >= 19:
        skip, rate = struct.unpack_from("<HI", first, 10)
        return Codec("opus", first[9], rate or OPUS_RATE, OPUS_RATE, skip, headers=2)
    if first.startswith(b"\x01vorbis") and len(first) >= 30:
        channels, rate = struct.unpack_from("<BI", first, 11)
        blocks = (1 << (first[28] & 15), 1 << (first[28] >> 4))
        return Codec("vorbis", channels, rate, rate, headers=3, blocks=blocks)
    if first.startswith(b"Speex   ") and len(first) >= 72:
        rate, _, _, channels, _, frame, _, frames, more = struct.unpack_from("<9I", first, 36)
        return Codec("speex", channels, rate, rate, headers=2 + min(more, 100), frame=frame * max(frames, 1))
    if first.startswith(b"\x7fFLAC") and len(first) >= 51:
        count = struct.unpack_from(">H", first, 7)[0]
        rate, channels = int.from_bytes(first[27:30]) >> 4, (first[29] >> 1 & 7) + 1
        return Codec("flac", channels, rate, rate, headers=1 + count if count else None)
    return Codec()


def _samples(link: Link, packet: bytes) -> int | None:
    codec = link.codec
    match codec.name:
        case "opus":
            code = packet[0] & 3
            count = (packet[1] & 63 if len(packet) > 1 else 0) if code == 3 else 1 if code == 0 else 2
            return OPUS_FRAMES[packet[0] >> 3] * count
        case "vorbis" if codec.modes:
            mode = packet[0] >> 1 & (1 << (len(codec.modes) - 1).bit_length()) - 1
            block = codec.blocks[codec.modes[mode]] if mode < len(codec.modes) else 0
            before, link.last_block = link.last_block, block
            return (before + block) // 4 if before else 0
        case "speex" if codec.frame:
            return codec.frame
    return None


def _vorbis_modes(setup: bytes) -> tuple[int, ...]:
    """For each mode whether its blocks are long. The modes are the last of the setup header, so they are read from its
    end: a framing bit, then 41 bits for each mode, the last one first; before them their number less one, in 6 bits."""
    bits = int.from_bytes(setup[-MODES_MAX_BYTES:], "little")
    top = bits.bit_length() - 1  # the framing bit
    for count in range(1, 65):
        low = top - 41 * count
        if low < 6:
            break
        mode = bits >> low
        if (mode >> 33 & 0xFF) > 63 or mode >> 1 & 0xFFFFFFFF:
            break  # its mapping, and two fields that are always 0
        if (bits >> (low - 6) & 63) + 1 == count:
            return tuple(bits >> (low + 41 * number) & 1 for number in range(count))
    return ()


def _end(file: BoundedFile) -> tuple[bool, str, int | None]:
    """Whether the last page is marked as the last; what is missing where it is cut; and where it ends. It is searched
    for within a page's greatest length from the end."""
    start = max(0, file.size - PAGE_MAX_BYTES)
    tail = file.at(start, 32 * 1024) + file.at(start + 32 * 1024, 64 * 1024)
    at, beyond = tail.rfind(b"OggS"), False
    while at >= 0:
        segments = tail[at + 26] if at + 27 <= len(tail) else 0
        table = tail[at + 27 : at + 27 + segments]
        end = at + 27 + segments + sum(table)
        if at + 27 <= len(tail) and len(table) == segments and end <= len(tail):
            is_last = bool(tail[at + 5] & LAST)
            # Behind a whole page: nothing, bytes that somebody appended, or the very first ones of a cut page.
            if end == len(tail) or (not beyond and not b"OggS".startswith(tail[end : end + 4])):
                return is_last, "", start + end
        beyond = True
        at = tail.rfind(b"OggS", 0, at)
    return False, f"the last OGG page is cut ({file.size} bytes)", None
