"""The listening page over a lake in memory: invented calls, and their audio."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from call_lake.bucket.access_log import AccessLog
from call_lake.ledger.entry import Entry
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import ACCESS_LOG, Partition
from call_lake.model.table import Row
from call_lake.settings import SourceSettings
from call_lake_cli.listening.app import Desk, app_of
from call_lake_cli.listening.desk import note_of, shelf_of
from call_lake_cli.listening.door import Door
from call_lake_cli.listening.library import DIRECTIONS, Library
from call_lake_cli.listening.plays import Plays
from call_lake_cli.listening.server import Server, listening
from call_lake_cli.listening.waveform import Waveforms
from tests.support.audio_samples import encoded
from tests.support.fakes import World
from tests.support.lake_samples import TODAY, lake_of, row_of, table_from

ADDRESS = "127.0.0.1:50000"
TOKEN = "the token of this test"
AGENTS = ("Anna Atrapa", "Jan Udawany", "Zofia Przykład")


@dataclass
class Listening:
    """A world with a page. ``entries``: what its ledger knows, by recording id. ``sources``: those that are shown."""

    world: World = field(default_factory=World.make)
    entries: dict[str, Entry] = field(default_factory=dict)
    sources: tuple[str, ...] = ("thulium", "conpeek")

    def __post_init__(self) -> None:
        store = self.world.store
        sources = {name: SourceSettings(name, name, "https://example.com/api") for name in self.sources}
        access_log = AccessLog(store, self.world.clock, "anna", "call-lake listen")
        self.desk = Desk(
            about={
                "stack": "call-lake",
                "who": "anna",
                "sources": list(sources),
                "directions": list(DIRECTIONS),
                "first": (TODAY - timedelta(days=30)).isoformat(),
                "last": TODAY.isoformat(),
            },
            library=Library(shelf_of(store, sources, self.entries.get), store, sources, note_of(access_log)),
            plays=Plays(access_log, self.world.clock.now),
            waveforms=Waveforms(store),
            store=store,
        )
        self.door = Door(app_of(self.desk), ADDRESS, TOKEN)

    def add(self, number: int, audio: bytes | None = None, format: str = "wav", **changes: Any) -> Row:
        """One call that is in the table; its audio too, if it is given."""
        usual = {"direction": "inbound", "callee": "+48800000001", "agent": "Anna Atrapa"}
        row = row_of(number, **(usual | changes))
        partition = CALLS.at(Partition(row["source"], date.fromisoformat(row["call_date"])))
        if audio is not None:
            key = f"{partition.partition.audio_of(row['recording_id'])}{format}"
            self.world.store.put(key, audio)
            row |= {"audio_uri": f"s3://{self.world.store.bucket}/{key}", "audio_format": format}
        lake_of(self.world).commit(partition, table_from([row], partition))
        return row

    def ask(self, what: str, question: Any = None, **more: str) -> tuple[int, Any]:
        """Status and answer of a question, asked as the page asks it."""
        headers = {"authorization": f"Bearer {TOKEN}", "sec-fetch-site": "same-origin"} | more
        answer = request(self.door, "POST", f"/api/{what}", headers, json.dumps(question or {}).encode())
        return answer.status, json.loads(answer.body)

    def play(self, row: Row, action: str = "play") -> str:
        """The path of its audio."""
        status, answer = self.ask("play", id_of(row) | {"action": action})
        assert status == 200, answer
        return str(answer["audio"])

    def get(self, path: str, **headers: str) -> "Answered":
        return request(self.door, "GET", path, headers)

    def notes(self) -> list[Any]:
        """The lines of the access log."""
        return [json.loads(body) for body in self.world.store.bodies(ACCESS_LOG).values()]

    @contextmanager
    def serving(self) -> Iterator[Server]:
        """On a real port, as ``call-lake listen`` serves it."""
        with listening(self.desk) as server:
            thread = Thread(target=server.run)
            thread.start()
            try:
                yield server
            finally:
                server.uvicorn.should_exit = True
                thread.join()

    def fill(self, calls: int = 24, newest: bytes | None = None) -> list[Row]:
        """Calls of some days, as a small office has them, of 3 seconds each. ``newest``: the newest one's audio; by
        default half a minute of stereo."""
        sound = encoded("WAV", "PCM_16", seconds=3.0)
        stereo = newest or encoded("WAV", "PCM_16", channels=2, seconds=30.0)
        rows = []
        for number in range(calls):
            day = TODAY - timedelta(days=int((calls - 1 - number) ** 0.8))
            changes: dict[str, Any] = {
                "started_at": f"{day}T{6 + number * 3 % 10:02d}:{number * 7 % 60:02d}:00.000Z",
                "stored_at": f"{day}T21:00:00.000Z",
                "caller": f"+48800000{100 + number * 37 % 90}",
                "agent": AGENTS[number % 3],
                "direction": DIRECTIONS[number % 2],
                "duration_s": 24.0 + (calls - 1 - number) * 61 % 240,
            }
            row = {"source": ("conpeek", "thulium")[number % 2]} | changes
            rows.append(self.add(number, stereo if number == calls - 1 else sound, day=day, **row))
        return rows


def id_of(row: Row) -> dict[str, str]:
    return {name: row[name] for name in ("source", "call_date", "recording_id")}


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes


def request(app: Any, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answered:
    """One request to an ASGI application; ``host`` is ADDRESS unless it is given."""
    given = {"host": ADDRESS} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 50000),
    }
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return waiting.pop() if waiting else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start, *rest = sent
    names = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], names, b"".join(one.get("body", b"") for one in rest))


@contextmanager
def open_server() -> Iterator[str]:
    """A server that keeps no page out: it answers each one, and each may read it."""
    sound = encoded("WAV", "PCM_16")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kinds = {"/audio/a": "audio/wav", "/listen.css": "text/css", "/listen.js": "text/javascript"}
            kind = "text/event-stream" if self.command == "GET" and self.path == "/api/calls" else None
            self._answer(kind or kinds.get(self.path, "text/plain"), sound if self.path == "/audio/a" else b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer("application/json", b"{}")

        def do_OPTIONS(self) -> None:
            self._answer("text/plain", b"")

        def _answer(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for what in ("Origin", "Headers", "Methods"):
                self.send_header(f"Access-Control-Allow-{what}", "*, Authorization" if what == "Headers" else "*")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
