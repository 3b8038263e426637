"""A small HTTP/1.1 server: one thread for each connection, bodies in large blocks.

It uses plain sockets, so that a server costs little beside the client that is measured.
"""

import os
import socket
import sys
import threading
from collections.abc import Buffer, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

PHRASES = {200: "OK", 204: "No Content"}
HEAD_LIMIT_BYTES = 64 * 1024
BLOCK_BYTES = 1024 * 1024


class HungUp(Exception):
    """The client closed the connection."""


@dataclass(slots=True)
class Exchange:
    """One request and the way to answer it. ``path`` is decoded, ``headers`` have lower-case names."""

    connection: socket.socket
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    rest: bytes  # what arrived behind the head
    keeps: bool = True  # the connection, after this exchange

    def body(self) -> Iterator[Buffer]:
        """Exactly Content-Length bytes, in pieces that hold until the next one is asked for. Raises HungUp."""
        left = int(self.headers.get("content-length", "0"))
        if self.headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        first, self.rest = self.rest[:left], self.rest[left:]
        left -= len(first)
        yield first
        view = memoryview(bytearray(min(left, BLOCK_BYTES)))
        while left > 0:
            count = self.connection.recv_into(view[: min(left, BLOCK_BYTES)])
            if not count:
                raise HungUp
            left -= count
            yield view[:count]

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send(status, len(body), [body] if self.method != "HEAD" else [], headers)

    def send(
        self, status: int, length: int | None, pieces: Iterable[Buffer], headers: Mapping[str, str] | None = None
    ) -> None:
        """Head and body; ``length`` None: the body ends with the connection."""
        lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines.append("Connection: close" if length is None else f"Content-Length: {length}")
        self.connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.keeps &= length is not None
        for piece in pieces:
            self.connection.sendall(piece)

    def hang_up(self, *, reset: bool = False) -> None:
        self.keeps = False
        if reset:  # linger of zero seconds: RST in place of FIN
            linger = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def _talk(connection: socket.socket, handle: Callable[[Exchange], None]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = b""
    with connection, suppress(OSError, HungUp):
        while True:
            while b"\r\n\r\n" not in rest:
                chunk = connection.recv(HEAD_LIMIT_BYTES)
                if not chunk or len(rest) > HEAD_LIMIT_BYTES:
                    return
                rest += chunk
            head, _, rest = rest.partition(b"\r\n\r\n")
            exchange = _parsed(connection, head.decode("latin-1"), rest)
            handle(exchange)
            if not exchange.keeps or exchange.headers.get("connection", "").lower() == "close":
                return
            rest = exchange.rest


def _parsed(connection: socket.socket, head: str, rest: bytes) -> Exchange:
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ", 2)
    parts = urlsplit(target)
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Exchange(connection, method, unquote(parts.path), query, headers, rest)


def serve(handle: Callable[[Exchange], None]) -> None:
    """Serve on a free port of 127.0.0.1, print the port, end when standard input does (the parent's end)."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_talk, args=(connection, handle), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)  # connections may be under way
