"""The simulated providers without sockets: a transport adapter for ``requests``.

For tests that simulate weeks: nothing listens, and pauses and time-outs go to the ``sleep`` that is given, so that a
fake clock can move instead.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from http.client import IncompleteRead, responses
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict, HTTPResponse

from call_lake_local.simulators.http_exchange import Answer, Ending, Handler, Request
from call_lake_local.simulators.simulation import Simulation

THULIUM_URL = "http://thulium.sim/api"
CONPEEK_URL = "http://conpeek.sim"
FOREIGN_URL = "http://foreign.sim"

type Sleep = Callable[[float], None]


def session(simulation: Simulation, sleep: Sleep) -> requests.Session:
    """A session that reaches this simulation under the URLs above, and nothing else."""
    simulation.foreign_is_at(FOREIGN_URL)
    adapter = SimAdapter({f"{name}.sim": handler for name, handler in simulation.handlers.items()}, sleep)
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


class SimAdapter(BaseAdapter):
    """Answers requests to the named hosts; any other host does not resolve."""

    def __init__(self, hosts: Mapping[str, Handler], sleep: Sleep) -> None:
        super().__init__()
        self._hosts, self._sleep = hosts, sleep

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        url = urlsplit(request.url or "")
        handler = self._hosts.get(url.hostname or "")
        if handler is None:
            raise requests.ConnectionError(f"{url.hostname}: no such simulated host", request=request)
        body = request.body or b""
        answer = handler(
            Request(
                method=request.method or "GET",
                path=url.path or "/",
                query_string=url.query,
                headers={name.lower(): str(value) for name, value in request.headers.items()},
                base=f"{url.scheme}://{url.netloc}",
                body=body if isinstance(body, bytes) else str(body).encode(),
            )
        )
        if answer.ending is Ending.REFUSED:
            raise requests.ConnectionError("connection reset by simulated peer", request=request)
        timeout_s = timeout[1] if isinstance(timeout, tuple) else timeout
        return _response(request, answer, _Wire(answer, self._sleep, timeout_s), stream)

    def close(self) -> None:
        """Nothing is open."""


class _Wire(io.RawIOBase):
    """The body as ``http.client`` would hand it to urllib3: chunk by chunk, with the answer's ending."""

    def __init__(self, answer: Answer, sleep: Sleep, timeout_s: float | None) -> None:
        super().__init__()
        self._answer, self._sleep, self._timeout_s = answer, sleep, timeout_s
        self._chunks: Iterator[bytes] = answer.body()
        self._held = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(self.read1, b""))
        data = bytearray()
        while len(data) < size and (more := self.read1(size - len(data))):
            data += more
        return bytes(data)

    def read1(self, size: int = -1, /) -> bytes:
        if not self._held:
            self._held = self._next()
        cut = len(self._held) if size < 0 else size
        data, self._held = self._held[:cut], self._held[cut:]
        return data

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"")
        if chunk:
            self._wait(self._answer.pause_s)
            return chunk
        match self._answer.ending:
            case Ending.RESET:
                raise ConnectionResetError("connection reset by simulated peer")
            case Ending.STALLED:
                self._wait(float("inf"))
            case Ending.CLOSED if self._answer.declared_length is None:
                raise IncompleteRead(b"")
        return b""

    def _wait(self, seconds: float) -> None:
        limit_s = 3600.0 if self._timeout_s is None else self._timeout_s
        if seconds:
            self._sleep(min(seconds, limit_s))
        if seconds > limit_s:
            raise TimeoutError("timed out")


def _response(request: requests.PreparedRequest, answer: Answer, wire: _Wire, stream: bool) -> requests.Response:
    headers = HTTPHeaderDict(answer.headers)
    if answer.declared_length is not None:
        headers["Content-Length"] = str(answer.declared_length)
    response = requests.Response()
    response.status_code, response.reason = answer.status, responses.get(answer.status, "")
    response.url, response.request = request.url or "", request
    response.headers = CaseInsensitiveDict(headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw = HTTPResponse(
        body=wire,
        headers=headers,
        status=answer.status,
        reason=response.reason,
        preload_content=False,
        decode_content=False,
        request_method=request.method,
    )
    if not stream:
        _ = response.content
    return response
