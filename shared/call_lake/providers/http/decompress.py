"""Unpack compressed bodies, and notice where one ends before its format's end mark.

urllib3 unpacks, too, but takes such a cut body for a whole one.
"""

import zlib
from collections import deque
from collections.abc import Iterator

# RFC 9110, 8.4.1: "x-gzip" is "gzip". Names that are no coding are ignored, as urllib3 does: some servers write a
# charset there, and S3 "aws-chunked".
GZIP = {"gzip", "x-gzip"}
KNOWN = GZIP | {"deflate"}
UNREADABLE = {"br", "zstd", "dcb", "dcz", "compress", "x-compress"}
"""Codings that nobody asked for and nothing here reads:
https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding"""
GZIP_MARK = b"\x1f\x8b"  # how each member begins: RFC 1952, 2.3.1


def coding_of(content_encoding: str) -> str | None:
    """How a body is compressed, from its Content-Encoding header; None where it is not.

    Raises ValueError for what is not read: a body that is compressed twice could hide any number of bytes from every
    limit, and no server does that honestly.
    """
    named = [name for part in content_encoding.split(",") if (name := part.strip().lower()) in KNOWN | UNREADABLE]
    if len(named) > 1:
        raise ValueError("the body is compressed more than once")
    if named and named[0] in UNREADABLE:
        raise ValueError(f"the body is compressed with {named[0]}, which nobody asked for")
    return named[0] if named else None


def unpack(packed: Iterator[bytes], coding: str, piece_bytes: int) -> Iterator[bytes]:
    """Yield what ``packed`` holds, in pieces of ``piece_bytes`` at most, however well it is compressed.

    An empty ``packed`` is an empty body. A gzip may have several members (RFC 1952, 2.2), and zeros behind each.
    Ignores what else follows behind the end, as browsers do. Raises EOFError where the end is missing, zlib.error where
    the body has another coding.
    """
    stream: zlib._Decompress | None = None
    ended = False  # one stream has, and another may follow
    for data in packed:
        while data := data.lstrip(b"\0") if ended else data:
            if ended and not (coding in GZIP and GZIP_MARK.startswith(data[:2])):
                deque(packed, maxlen=0)  # HTTP's own length still has to be kept
                return
            if stream is None:
                stream, ended = zlib.decompressobj(_window_bits(coding, data)), False
            while piece := stream.decompress(data, piece_bytes):
                yield piece
                data = stream.unconsumed_tail
            data = stream.unused_data
            if stream.eof:
                stream, ended = None, True
    if stream is not None:
        raise EOFError


def _window_bits(coding: str, start: bytes) -> int:
    """The format, as zlib's ``wbits``. "deflate" is zlib's (RFC 9110, 8.4.1.2), but some send it raw: zlib's first
    byte ends in 8 (RFC 1950, 2.2), which is a raw stream's only where its padding is not zero (RFC 1951, 3.2.4)."""
    if coding in GZIP:
        return 16 + zlib.MAX_WBITS
    return zlib.MAX_WBITS if start[0] & 0x0F == 8 else -zlib.MAX_WBITS
