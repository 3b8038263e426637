"""Send one request over ``requests``' adapter: to the address that was checked, with a time limit for the headers.

``requests.Session.send`` would follow redirects, keep cookies and read ``.netrc``. Its adapters do none of that, so the
client uses the adapter directly.
"""

import socket
from contextlib import suppress
from functools import partial
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


class Request(requests.PreparedRequest):
    """A GET whose URL is sent as it is: ``requests`` would resolve ``..`` and decode what needs no encoding."""

    def __init__(self, target: Target, headers: dict[str, str], pin: Pin | None) -> None:
        super().__init__()
        self.pin = pin  # None: connect to where the name leads
        # Not prepare(): it would take the URL apart and put it together anew.
        self.method, self.url = "GET", target.url
        self.headers = CaseInsensitiveDict(headers | {"Host": target.origin.netloc})


class _Watched(HTTPConnection):
    """A connection that hangs up when the status line and headers take twice the read timeout altogether.

    The read timeout alone never ends a server that drips one byte now and then.
    """

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3 itself
        if not isinstance(self.timeout, int | float):
            return super().getresponse()
        with WATCHDOG.watch(2 * self.timeout, partial(_hang_up, self.sock)):
            return super().getresponse()


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
    session = requests.Session()
    session.mount("http://", Adapter())
    session.mount("https://", Adapter())
    return session
