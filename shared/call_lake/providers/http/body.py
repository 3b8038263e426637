"""Read the body of one answer while it arrives, and turn what goes wrong into typed errors."""

import http.client
import re
import threading
import zlib
from collections.abc import Iterator
from functools import partial

import requests
import urllib3

from call_lake.errors import Reason, Transient
from call_lake.ports import Clock
from call_lake.providers.http.decompress import coding_of, unpack
from call_lake.providers.http.watchdog import WATCHDOG

CHUNK_BYTES = 512 * 1024
PACKED_BYTES = 64 * 1024  # taken in at a time where it is compressed: what zlib leaves over is copied with each piece
UNPACKING = (EOFError, zlib.error)
LENGTH = re.compile("[0-9]{1,18}")


class Body:
    """The body of one answer while it arrives (an ``AudioStream``). It has to be complete by ``deadline_s`` of the
    clock's monotonic time."""

    def __init__(self, response: requests.Response, clock: Clock, deadline_s: float) -> None:
        """Raises Transient where the answer does not say where it ends, or is compressed in a way that is not read."""
        self.other_host: str | None = None
        headers = response.headers
        self._raw: urllib3.HTTPResponse = response.raw
        self._clock = clock
        self._deadline_s = deadline_s
        # Asked not to, a server may compress all the same: then its length is that of other bytes, and urllib3
        # holds the server to it.
        try:
            self._coding = coding_of(headers.get("Content-Encoding", ""))
        except ValueError as error:
            raise Transient(Reason.HTTP_ERROR, str(error)) from None
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        length = None if chunked else _length(headers.get("Content-Length"))
        self.is_packed = self._coding is not None
        self.declared_length = None if self._coding else length
        self.content_type = headers.get("Content-Type")

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks as they come. Raises Transient(TIMEOUT, TRUNCATED, CONNECTION, HTTP_ERROR)."""
        late = threading.Event()
        with WATCHDOG.watch(max(self._left_s(), 0), partial(self._give_up, late)):
            try:
                for chunk in self._chunks():
                    if self._left_s() <= 0:
                        raise self._too_slow()
                    yield chunk
                if late.is_set():  # hung up by the watchdog: this was no end
                    raise self._too_slow()
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError, *UNPACKING) as error:
                raise (self._too_slow() if late.is_set() else network_error(error)) from None

    def read_up_to(self, limit_bytes: int) -> bytes | None:
        """Return the whole body, or None if it is longer than the limit. Raises as iterating does."""
        data = self.first_bytes(limit_bytes + 1)
        return data if len(data) <= limit_bytes else None

    def first_bytes(self, count: int) -> bytes:
        """Return so many bytes of the body, or all that it has. Raises as iterating does."""
        data = bytearray()
        for chunk in self:
            data += chunk
            if len(data) >= count:
                break
        return bytes(memoryview(data)[:count])

    def _chunks(self) -> Iterator[bytes]:
        # Full chunks: one for each packet would cost as much as the bytes themselves.
        size = PACKED_BYTES if self._coding else CHUNK_BYTES
        chunks = iter(partial(self._raw.read, size, decode_content=False), b"")
        return unpack(self._in_time(chunks), self._coding, CHUNK_BYTES) if self._coding else chunks

    def _in_time(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Compressed chunks until the deadline: a body may consist of a million empty parts, and give nothing out."""
        for chunk in chunks:
            if self._left_s() <= 0:
                raise self._too_slow()
            yield chunk

    def _left_s(self) -> float:
        return self._deadline_s - self._clock.monotonic()

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        try:
            self._raw.shutdown()
        except (OSError, ValueError, RuntimeError):
            return  # it ended by itself meanwhile

    def _too_slow(self) -> Transient:
        return Transient(Reason.TIMEOUT, "the body did not arrive within its deadline")


def _length(content_length: str | None) -> int | None:
    """The bytes that a Content-Length promises; None without that header.

    The header may repeat one length (RFC 9112, 6.3, 5). Raises Transient where it is no number: the RFC calls that "an
    unrecoverable error", and the body does not go on to the connection's end.
    """
    if content_length is None:
        return None
    values = {value.strip() for value in content_length.split(",")}
    value = values.pop()
    if values or not LENGTH.fullmatch(value):
        raise Transient(Reason.HTTP_ERROR, "the answer's Content-Length is no length")
    return int(value)


def network_error(error: Exception) -> Transient:
    """The typed error for a connection or a body that failed. Its text never repeats the original one, which names the
    URL."""
    if isinstance(error, EOFError):
        return Transient(Reason.TRUNCATED, "the compressed body ended before its end mark")
    if isinstance(error, zlib.error):
        return Transient(Reason.HTTP_ERROR, "the body is not compressed as its Content-Encoding says, or damaged")
    causes = [error]
    while len(causes) < 8:
        deeper = causes[-1].__cause__ or causes[-1].__context__ or getattr(causes[-1], "reason", None)
        deeper = deeper or next((part for part in causes[-1].args if isinstance(part, Exception)), None)
        if not isinstance(deeper, Exception) or deeper in causes:
            break
        causes.append(deeper)
    name = type(causes[-1]).__name__
    # Not all of urllib3's TimeoutError: a refused connection is one, too.
    slow = (TimeoutError, urllib3.exceptions.ReadTimeoutError, requests.Timeout)
    if any(isinstance(cause, slow) for cause in causes):
        return Transient(Reason.TIMEOUT, f"no answer in time ({name})")
    if any(isinstance(cause, (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead)) for cause in causes):
        return Transient(Reason.TRUNCATED, "the connection ended before the promised length")
    return Transient(Reason.CONNECTION, f"the connection failed ({name})")
