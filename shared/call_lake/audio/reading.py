"""What the readers of all formats share: reads with a bound, the facts of a header, and which facts are believable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from call_lake.errors import NotReady, Reason

MAX_READS = 200_000
MAX_READ_BYTES = 64 * 1024
MAX_ALL_BYTES = 64 * 1024 * 1024
"""One file's header may cost no more reads and bytes: below a second of a processor, whatever the file says."""
MAX_CHUNKS = 10_000
RATES_HZ = range(1_000, 768_001)
CHANNELS = range(1, 33)
MAX_SECONDS = 24 * 3600.0
MIN_BYTES_PER_S = 8.0
"""The codecs of speech need more, even for silence: 40 bytes (AMR), 20 (Opus)."""


class TooMuch(Exception):
    """The header asks for more reads than a header may cost."""


class BoundedFile:
    """A file that can be read MAX_READS times, and MAX_ALL_BYTES in all. Positions and ``size`` count from ``start``,
    where the tags before the audio end."""

    def __init__(self, file: BinaryIO, size: int, start: int = 0) -> None:
        self._file = file
        self._start = start
        self.size = size - start
        self._reads_left = MAX_READS
        self._bytes_left = MAX_ALL_BYTES

    def at(self, position: int, length: int) -> bytes:
        """``length`` bytes from ``position``, fewer at the end of the file. Raises TooMuch."""
        self._reads_left -= 1
        self._bytes_left -= length
        if self._reads_left < 0 or self._bytes_left < 0 or length > MAX_READ_BYTES:
            raise TooMuch
        if position >= self.size:
            return b""
        self._file.seek(self._start + position)
        return self._file.read(length)


@dataclass(frozen=True, slots=True)
class Header:
    """Facts of a header; None where it does not say.

    ``is_finished``: False where the format marks the end of a file and the mark is missing. ``missing``: what is
    missing, where the header promises more than there is; "" where nothing is.
    """

    channels: int | None = None
    sample_rate: int | None = None
    seconds: float | None = None
    is_finished: bool = True
    missing: str = ""


def believable(header: Header, size: int) -> Header:
    """The header without facts that cannot be: a wrong number is worse than none, and one that does not fit its column
    would cost the row. Seconds are mostly counted with the rate, so they go with it."""
    channels, rate, seconds = header.channels, header.sample_rate, header.seconds
    if rate is not None and rate not in RATES_HZ:
        rate = seconds = None
    if seconds is not None and not (0 < seconds <= MAX_SECONDS and size >= seconds * MIN_BYTES_PER_S):
        seconds = None
    return replace(header, channels=channels if channels in CHANNELS else None, sample_rate=rate, seconds=seconds)


def facts_or_none(read: Callable[[], Header]) -> Header:
    """What ``read`` returns; a Header of Nones where that would cost too much."""
    try:
        return read()
    except TooMuch:
        return Header()


def header_only(kind: str, size: int) -> NotReady:
    """The error for headers with nothing behind them."""
    return NotReady(Reason.HEADER_ONLY, f"{kind} headers without audio ({size} bytes)")


def too_short(kind: str, size: int, promised: int) -> str:
    """What is missing from a file of ``size`` bytes whose header promises more."""
    return f"the {kind} header promises {promised} bytes, there are {size}"
