"""Send one request over ``requests``' adapter: to the address that was checked, with a time limit for the headers.

``requests.Session.send`` would follow redirects, keep cookies and read ``.netrc``. Its adapters do none of that, so the
client uses the adapter directly.
"""

import http.client
import socket
import ssl
from contextlib import suppress
from email.message import Message
from functools import partial
from io import BufferedReader
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from call_lake.providers.http.hosts import Pin, Target
from call_lake.providers.http.watchdog import WATCHDOG

CONNECTIONS = 16
INTERIM_MAX = 100
"""Interim answers (RFC 9110, 15.2) before the final one. More are no server that means well."""


class Request(requests.PreparedRequest):
    """A GET whose URL is sent as it is: ``requests`` would resolve ``..`` and decode what needs no encoding."""

    def __init__(self, target: Target, headers: dict[str, str], pin: Pin | None) -> None:
        super().__init__()
        self.pin = pin  # None: connect to where the name leads
        # Not prepare(): it would parse the URL and write it in another form.
        self.method, self.url = "GET", target.url
        self.headers = CaseInsensitiveDict(headers | {"Host": target.origin.netloc})


class _FinalAnswer(http.client.HTTPResponse):
    """Skips interim answers: ``103 Early Hints``, ``102 Processing`` and whatever else begins with 1.

    http.client skips ``100 Continue`` alone. It would take a 103 for the answer, and give the real one, which comes
    later, to the next request on the connection: another recording's audio.
    """

    bytes_follow = False
    """Whether bytes came behind the end of this answer."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(INTERIM_MAX + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]  # typeshed has no private methods
            if not 100 <= status <= 199:
                return version, status, reason
            if status == http.client.SWITCHING_PROTOCOLS:
                raise http.client.HTTPException("an answer that switches to another protocol, which nobody asked for")
            http.client.parse_headers(self.fp)  # of the interim answer: they mean nothing to us
        raise http.client.HTTPException(f"more than {INTERIM_MAX} interim answers")

    def begin(self) -> None:
        """Read status and headers, and find out where the body ends (RFC 9112, 6.3). http.client alone knows a lone
        ``chunked`` and a single length. It takes ``chunked `` or ``8, 8`` for a body without a length, which goes on to
        the connection's end, framing and all. Raises HTTPException for a transfer coding that is not read."""
        if self.headers is not None:  # a caller may ask twice
            return
        super().begin()
        codings = _listed(self.headers, "Transfer-Encoding") - {"identity"}
        if codings:
            if codings != {"chunked"}:
                raise http.client.HTTPException("a transfer coding that nobody asked for")
            self.chunked, self.chunk_left, self.length = True, None, None
        elif self.length is None and len(lengths := _listed(self.headers, "Content-Length")) == 1:
            with suppress(ValueError):  # body.py refuses what is no length
                self.length = int(lengths.pop())
        if self.chunked or self.length is not None:
            self.will_close = self._check_close()

    def _close_conn(self) -> None:
        self.bytes_follow = _has_bytes(self.fp)
        super()._close_conn()  # type: ignore[misc]


def _listed(headers: Message, name: str) -> set[str]:
    """The different values of a header that may be a list, in lower case."""
    return {value.strip().lower() for line in headers.get_all(name, []) for value in line.split(",")} - {""}


def _has_bytes(file: BufferedReader) -> bool:
    """Whether more has arrived than was read, without waiting for it."""
    sock: socket.socket = file.raw._sock  # type: ignore[attr-defined]
    timeout_s = sock.gettimeout()
    try:
        sock.settimeout(0)
        return bool(file.peek(1))
    except (OSError, ValueError):  # nothing yet, or closed
        return False
    finally:
        with suppress(OSError):
            sock.settimeout(timeout_s)


class _Watched(HTTPConnection):
    """A connection that hangs up when the status line and headers take twice the read timeout altogether.

    The read timeout alone never ends a server that drips one byte now and then.
    """

    response_class = _FinalAnswer
    _answer: _FinalAnswer | None = None

    @property
    def is_connected(self) -> bool:
        """Whether a pooled connection may be used again. Not where bytes follow the last answer: they would be taken
        for the answer to the next request. urllib3 looks at the socket alone, and not at what was read with the last
        answer, nor at what TLS has decrypted already."""
        decrypted = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
        follow = self._answer is not None and self._answer.bytes_follow
        return super().is_connected and not decrypted and not follow

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        if isinstance(self.timeout, int | float):
            with WATCHDOG.watch(2 * self.timeout, partial(_hang_up, self.sock)):
                response = super().getresponse()
        else:
            response = super().getresponse()
        self._answer = response._original_response  # type: ignore[assignment]  # it is of our response_class
        return response


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's, which is not made for another thread


class Adapter(HTTPAdapter):
    """``requests``' adapter with watched connections, to the address that a request's pin has checked."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:  # the stubs' private types know fewer keys than urllib3
        host: Any
        tls: Any
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        pin: Pin | None = getattr(request, "pin", None)
        if pin is not None:
            if host["scheme"] == "https":
                tls |= {"server_hostname": host["host"], "assert_hostname": host["host"]}
            host["host"] = pin()
        return host, tls


def make_session() -> requests.Session:
    """A session that sends every request through ``Adapter``."""
    session = requests.Session()
    session.mount("http://", Adapter())
    session.mount("https://", Adapter())
    return session
