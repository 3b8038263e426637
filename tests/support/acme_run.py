"""Acme's recordings through the real poller and copier: run by test_example_provider.py where Acme is registered.

Prints what came of it as JSON. The server is on the loopback, everything of AWS in memory.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from typer.testing import CliRunner

from call_lake.errors import CallLakeError, ConfigError
from call_lake.model.windows import Window
from call_lake.providers import VENDORS, make_provider
from call_lake.settings import SourceSettings
from call_lake_cli.commands.secrets import read_secret
from call_lake_cli.console.errors import UserError
from call_lake_cli.doctor.checks import listing
from call_lake_cli.main import app
from tests.support.fakes import FakeClock, World
from tests.support.fakes.provider import make_wav
from tests.support.pipeline import URLS, Pipeline

NOW = datetime(2026, 11, 1, 13, 0, tzinfo=UTC)
CALLS = 5
PAGE = 2
KEY = "invented-key"


def record(number: int) -> dict[str, Any]:
    return {
        "id": f"rec/{number}",
        "call_id": f"call-{number}",
        "started_at": f"2026-11-01T23:3{number}:00+01:00",
        "ended_at": f"2026-11-01T23:3{number}:30+01:00",
        "created_at": f"2026-11-01T12:0{number}:00Z",
        "direction": "in" if number % 2 else "out",
        "from": f"+48 800 000 00{number}",
        "to": "+48 800 999 000",
        "agent": {"no": "text"} if number == 0 else f"Agent {number}",
        "talk_seconds": "25.5",
    }


class Acme(BaseHTTPRequestHandler):
    """The vendor's server; the listing's second page holds a record without an id."""

    seen: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        type(self).seen.append((self.path, self.headers.get("Authorization", "")))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self._answer(401, b"{}")
        elif url.path == "/circle/v1/recordings":
            self._answer(200, b'{"items": [], "next": "round"}')
        elif url.path == "/refusal/v1/recordings":
            self._answer(200, b'{"request_id": "invented-7"}')
        elif url.path == "/v1/recordings":
            self._answer(200, json.dumps(self._page(parse_qs(url.query))).encode())
        else:
            self._answer(200, make_wav(int(url.path.split("%2F")[1].partition("/")[0])))

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        assert query.get("from", [""])[0] <= query.get("to", [""])[0]
        start = int(query.get("cursor", ["0"])[0])
        rows: list[Any] = [record(number) for number in range(CALLS)][start : start + PAGE]
        following = start + PAGE
        return {
            "items": [*rows, {"note": "no id"}] if start == PAGE else rows,
            "next": str(following) if following < CALLS else None,
        }

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to the log."""


def failure(url: str, secret: dict[str, str]) -> str:
    """How listing one window ends."""
    settings = SourceSettings("acme", "acme", url, requests_per_second=1000)
    provider = make_provider(settings, lambda fresh: secret, FakeClock())
    try:
        return f"{len(list(provider.list_window(Window(NOW, NOW))))} pages"
    except CallLakeError as error:
        return f"{type(error).__name__}: {error}"


def probed(url: str) -> dict[str, Any]:
    """What ``call-lake probe acme`` prints."""
    command = ["probe", "acme", "--base-url", url, "--stdin", "--json"]
    result = CliRunner().invoke(app, command, input=json.dumps({"key": KEY}))
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def wanted_secret() -> str:
    """What ``call-lake secrets set`` says that it needs, where there is no terminal to ask at."""
    try:
        read_secret("acme", "acme", from_pipe=False)
    except UserError as error:
        return str(error)
    return ""


def wrong_settings(**more: Any) -> str:
    """How settings that do not fit Acme are refused."""
    document = {"provider": "acme", "base_url": "https://acme.test", "more": more}
    try:
        SourceSettings.from_json("acme", json.dumps(document)).checked(VENDORS)
    except ConfigError as error:
        return str(error)
    return ""


def run(url: str) -> dict[str, Any]:
    URLS["acme"] = url
    world = World.make(("acme",))
    world.clock.advance_to(NOW)
    world.secrets.set("acme", key=KEY)
    settings = SourceSettings("acme", "acme", url, requests_per_second=1000)
    provider = make_provider(settings, lambda fresh: world.secrets.get("acme", fresh=fresh), world.clock)
    pipeline = Pipeline(world, {"acme": provider})
    first = pipeline.poll("acme")
    pipeline.copy_all()
    second = pipeline.poll("acme")
    seen = list(Acme.seen)
    rows = [json.loads(line) for body in world.store.bodies("inbox/").values() for line in body.decode().splitlines()]
    return {
        "first": asdict(first),
        "second": asdict(second),
        "copied": asdict(pipeline.counts),
        "rows": sorted(rows, key=lambda row: row["provider_key"]),
        "audio": sorted(world.store.bodies("audio/")),
        "events": len(world.bus.events),
        "seen": seen,
        "circle": failure(f"{url}/circle", {"key": KEY}),
        "refusal": failure(f"{url}/refusal", {"key": KEY}),
        "no key": failure(url, {"note": "no key"}),
        "wanted secret": wanted_secret(),
        "no id in the address": wrong_settings(download_url="{base_url}/audio"),
        "probe": probed(url),
        "doctor": [asdict(check) for check in listing(settings, {"key": KEY}, world.clock, None)],
    }


def main() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Acme) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            print(json.dumps(run(f"http://127.0.0.1:{server.server_port}")))
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
