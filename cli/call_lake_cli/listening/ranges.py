"""A part of an audio object as HTTP asks for it, read from the bucket in pieces (RFC 9110, section 14)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from call_lake.ports import ObjectStore

PIECE_BYTES = 512 * 1024
"""What is in memory of one answer at a time. Each piece is one GET request to S3."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class NotSatisfiable(Exception):
    """The range begins at or after the end."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes ``start`` to ``end``, which is not included, of ``size``."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def part_of(header: str | None, size: int) -> Part | None:
    """The part that a Range header names; None for the whole: there is no header, or it names several parts or none in
    bytes, which a server may ignore. Raises NotSatisfiable."""
    found = _RANGE.fullmatch(header or "")
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
    if start >= end:
        raise NotSatisfiable
    return Part(start, end, size)


def pieces(store: ObjectStore, key: str, part: Part) -> Iterator[bytes]:
    """The part in pieces. Raises KeyError where the object is gone, and Transient."""
    for at in range(part.start, part.end, PIECE_BYTES):
        yield store.get_range(key, at, min(PIECE_BYTES, part.end - at))
