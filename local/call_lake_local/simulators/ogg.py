"""Change bytes inside the pages of an Ogg stream and keep every page's checksum right.

Ogg's CRC (RFC 3533: polynomial 0x04c11db7, start 0, no final XOR) is linear. So the checksum of a changed page is the
old one XOR the checksum of the difference, and no page needs to be read whole.
"""

import struct
from collections.abc import Iterator
from functools import lru_cache

_POLYNOMIAL = 0x04C11DB7
_TOP = 0x80000000
_CRC_AT = 22
_SERIAL_AT = 14


def _times_x(value: int, bits: int) -> int:
    for _ in range(bits):
        value = (value << 1 & 0xFFFFFFFF) ^ (_POLYNOMIAL if value & _TOP else 0)
    return value


def _multiply(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = _times_x(a, 1)
        b >>= 1
    return product


@lru_cache(maxsize=4096)
def _zeros(count: int) -> int:
    """x to the power of 8 * ``count``: what ``count`` zero bytes after a message do to its checksum."""
    power, square = 1, _times_x(1, 8)
    while count:
        if count & 1:
            power = _multiply(power, square)
        square = _multiply(square, square)
        count >>= 1
    return power


def checksum(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = _times_x(crc ^ byte << 24, 8)
    return crc


def pages(stream: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Start and end of every page. Raises ValueError where no page begins."""
    at = 0
    while at < len(stream):
        if stream[at : at + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {at}")
        segments = stream[at + 26]
        end = at + 27 + segments + sum(stream[at + 27 : at + 27 + segments])
        yield at, end
        at = end


def overwrite(stream: bytearray, page: tuple[int, int], at: int, new: bytes) -> None:
    """Put ``new`` at byte ``at`` of the stream, inside ``page``, and correct the page's checksum."""
    difference = bytes(old ^ fresh for old, fresh in zip(stream[at : at + len(new)], new, strict=True))
    stream[at : at + len(new)] = new
    (crc,) = struct.unpack_from("<I", stream, page[0] + _CRC_AT)
    crc ^= _multiply(checksum(difference), _zeros(page[1] - at - len(new)))
    struct.pack_into("<I", stream, page[0] + _CRC_AT, crc)


def set_serial(stream: bytearray, serial: int) -> None:
    """Give every page this serial number: encoders draw one at random, and our bytes have to repeat."""
    for page in list(pages(stream)):
        overwrite(stream, page, page[0] + _SERIAL_AT, struct.pack("<I", serial))
