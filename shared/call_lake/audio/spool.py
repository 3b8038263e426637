"""Take in one audio body: count it, hash it, keep it in memory or on disk (rule 12)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from call_lake.concurrency import STEP_BYTES, BytesBudget
from call_lake.errors import NotReady, Reason, Terminal, Transient
from call_lake.ports import AudioStream

MEMORY_BYTES = 2 * 1024 * 1024
"""A body stays in memory up to here; then it moves to the temporary directory (Lambda's /tmp). See ADR 0007."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A body that has arrived completely. ``sha256``: of every byte, hex. ``file``: a BytesIO or on disk.
    ``kept_length``: whether HTTP declared its length, and kept it."""

    file: BinaryIO
    size: int
    sha256: str
    kept_length: bool = False


@contextmanager
def spool(stream: AudioStream, budget: BytesBudget, max_bytes: int) -> Iterator[Spooled]:
    """Take in the whole body; file and claim on the budget end with the block.

    Raises Transient (TRUNCATED; BUSY where the budget or the disk has no room; what the stream raises),
    NotReady(EMPTY), Terminal(TOO_LARGE).
    """
    declared = stream.declared_length
    if declared is not None and declared > max_bytes:
        raise Terminal(Reason.TOO_LARGE, f"{declared} bytes; the source's max_bytes is {max_bytes}")
    first_bytes = STEP_BYTES if declared is None else max(declared, 1)
    with budget.claim(first_bytes) as claim, ExitStack() as files:
        file: BinaryIO = BytesIO() if (declared or 0) <= MEMORY_BYTES else _on_disk(files)
        digest, size = sha256(), 0
        for chunk in stream:
            size += len(chunk)
            if size > max_bytes:
                raise Terminal(Reason.TOO_LARGE, f"more than {max_bytes} bytes, the source's max_bytes")
            claim.cover(size)
            digest.update(chunk)
            if size > MEMORY_BYTES and isinstance(file, BytesIO):
                begun, file = file.getvalue(), _on_disk(files)
                _write(file, begun)
            _write(file, chunk)
        if declared is not None and size != declared:
            raise Transient(Reason.TRUNCATED, f"{size} bytes arrived, {declared} were promised")
        if size == 0:
            raise NotReady(Reason.EMPTY, "the audio has no bytes")
        _write(file, b"")
        yield Spooled(file, size, digest.hexdigest(), kept_length=declared is not None)


def _on_disk(files: ExitStack) -> BinaryIO:
    """A file without a name in the temporary directory, closed with ``files``."""
    try:
        return cast(BinaryIO, files.enter_context(TemporaryFile()))
    except OSError as error:
        raise _no_room(error) from None


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        if chunk:
            file.write(chunk)
        else:
            file.flush()  # or only the reader would see a full disk
    except OSError as error:
        raise _no_room(error) from None


def _no_room(error: OSError) -> Transient:
    return Transient(Reason.BUSY, f"no room in the temporary directory ({error.strerror})")
