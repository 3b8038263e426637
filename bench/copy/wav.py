"""The recordings of the bench: valid WAV files made of their name and size alone, at no cost.

A body is a header, a stamp that makes it unlike all others, and one block of noise again and again.
"""

import hashlib
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

RATE = 8000
HEADER_BYTES = 44
STAMP_BYTES = 32
BLOCK = random.Random(20261025).randbytes(1024 * 1024)


@dataclass(frozen=True, slots=True)
class Work:
    """A set of recordings: ``count`` of ``size_bytes`` each; their names are those of the set and a number."""

    name: str
    count: int
    size_bytes: int

    @property
    def names(self) -> list[str]:
        return [f"{self.name}-{number:04d}.wav" for number in range(self.count)]


def head(name: str, size_bytes: int) -> bytes:
    """Header and stamp of the recording ``name``; its header promises ``size_bytes`` of file."""
    data = size_bytes - HEADER_BYTES
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", size_bytes - 8, b"WAVE") + form + struct.pack("<4sI", b"data", data)
    return riff + hashlib.sha256(name.encode()).digest()


def pieces(name: str, size_bytes: int) -> Iterator[bytes | memoryview]:
    """The whole body in large pieces."""
    first = head(name, size_bytes)
    left = size_bytes - len(first)
    room = min(left, len(BLOCK) - len(first))
    yield first + BLOCK[:room]
    left -= room
    block = memoryview(BLOCK)
    while left > 0:
        yield block[: min(left, len(BLOCK))]
        left -= len(BLOCK)


def digests(name: str, size_bytes: int, cuts: Iterable[int]) -> list[str]:
    """SHA-256 (hex) of each stretch of the body that ends at one of ``cuts``, which ascend; the last is the end."""
    found, digest, at, ends = [], hashlib.sha256(), 0, iter(cuts)
    end = next(ends)
    for whole in pieces(name, size_bytes):
        piece = memoryview(whole)
        while at + len(piece) >= end:
            digest.update(piece[: end - at])
            found.append(digest.hexdigest())
            piece, at, digest, end = piece[end - at :], end, hashlib.sha256(), next(ends, size_bytes + 1)
        digest.update(piece)
        at += len(piece)
    return found
