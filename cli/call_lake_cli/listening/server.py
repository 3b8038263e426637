"""Serve the listening page on 127.0.0.1, on a free port, until Ctrl-C."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

import uvicorn

from call_lake_cli.listening.app import Desk, app_of
from call_lake_cli.listening.door import Door, new_secret
from call_lake_local import private_folder
from call_lake_local.processes import LOOPBACK

SHUTDOWN_S = 1  # for a player that still loads
CONNECTIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Server:
    """``url`` has the token behind its ``#``, which a browser sends to nobody."""

    url: str
    uvicorn: uvicorn.Server
    listener: socket.socket

    def run(self) -> None:
        """Serve until the process gets SIGINT or SIGTERM, or ``uvicorn.should_exit`` is set."""
        self.uvicorn.run(sockets=[self.listener])


@contextmanager
def listening(desk: Desk) -> Iterator[Server]:
    """A server for this desk, on a port that the system chose, with a new token."""
    # asyncio switches Nagle's algorithm off only where the protocol is named; else each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(CONNECTIONS_MAX)  # who opens the page before the server runs waits, and is not refused
        address = f"{LOOPBACK}:{listener.getsockname()[1]}"
        token = new_secret()
        config = uvicorn.Config(
            Door(app_of(desk), address, token),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        yield Server(f"http://{address}/#{token}", uvicorn.Server(config), listener)


@contextmanager
def opened(url: str, open_file: Callable[[str], int]) -> Iterator[bool]:
    """Open ``url`` in a browser for the length of the block; whether that worked.

    All users of the machine see the arguments of a process. So the browser is given a file that only this user can
    read, and the file leads to the page.
    """
    with tempfile.TemporaryDirectory(prefix="call-lake-") as folder:
        file = Path(folder) / "listen.html"
        page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={escape(url)}">'
        private_folder.write(file, page)
        yield open_file(str(file)) == 0
