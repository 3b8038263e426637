"""Opus in Ogg, page by page (RFC 3533, RFC 7845); without checksums, which nobody here reads."""

import struct

FIRST, LAST = 2, 4


def ogg_page(granule: int, packet: bytes, flags: int = 0, serial: int = 1) -> bytes:
    table = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    return b"OggS" + struct.pack("<BBqIIIB", 0, flags, granule, serial, 0, 0, len(table)) + table + packet


OPUS_HEADERS = b"".join(
    (
        ogg_page(0, b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 8000, 0, 0), FIRST),
        ogg_page(0, b"OpusTags" + struct.pack("<I", 1000) + bytes(1004)),
    )
)


def opus(seconds: int, *, marked: bool = True) -> bytes:
    """``marked``: whether its last page says that it is the last."""
    pages = [ogg_page(48_000 * (second + 1), bytes([second]) * 500) for second in range(seconds)]
    return OPUS_HEADERS + b"".join(pages) + (ogg_page(48_000 * seconds + 1, b"a", LAST) if marked else b"")
