"""A server of bytes on 127.0.0.1, and a provider's HTTP client that asks it, for what the client does on the wire."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Self

from call_lake.providers.http.client import Client
from call_lake.settings import SourceSettings
from tests.support.fakes.clock import FakeClock

type Answer = Callable[[bytes], Iterable[bytes]]


class RawServer:
    """``answer`` gives, for the head of each request, the bytes to send; an empty piece closes the connection.

    ``tls``: it speaks https.
    """

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        self.stop = threading.Event()
        """Set when the test is over: answers that never end wait for it."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                self._threads.append(threading.Thread(target=self._talk, args=(len(self.connections) - 1,)))
                self._threads[-1].start()

    def _talk(self, number: int) -> None:
        data = b""
        with suppress(OSError):
            if self._tls:
                self.connections[number] = self._tls.wrap_socket(self.connections[number], server_side=True)
            with self.connections[number] as connection:
                while chunk := connection.recv(65536):
                    data += chunk
                    if b"\r\n\r\n" not in data:
                        continue
                    request, _, data = data.partition(b"\r\n\r\n")
                    self.requests.append(request + b"\r\n")
                    for piece in self._answer(request):
                        if not piece:
                            return
                        connection.sendall(piece)


def ok(body: bytes, *headers: str, length: int | None = None) -> list[bytes]:
    """An answer with this body; ``length`` promises another one."""
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body) if length is None else length}"]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n", *([body] if body else [])]


class RealClock(FakeClock):
    def monotonic(self) -> float:
        return time.monotonic()


def client(server: RawServer, **chosen: Any) -> Client:
    settings = SourceSettings("s", "conpeek", server.url, requests_per_second=1000.0, **chosen)
    return Client(settings, lambda fresh: "the-key", RealClock())


def download(asked: Client, url: str = "/file", deadline_s: float = 20) -> bytes:
    with asked.open_audio(url, deadline_s) as body:
        return b"".join(body)
