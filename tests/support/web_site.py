"""A web site on a port of this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Site:
    """Serves one page, whatever path is asked for, and keeps what is posted to it, by path."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.posted: dict[str, bytes] = {}
        self.reported = threading.Event()


@contextmanager
def serving(site: Site) -> Iterator[str]:
    """The site's address, as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(site.page.read_bytes())

        def do_POST(self) -> None:
            site.posted[self.path] = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(b"")
            if self.path == "/report":
                site.reported.set()

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
