"""A Thulium and a Conpeek of somebody else's making: written from what the vendors publish, sharing no code with
``local/simulators``, so that a misunderstanding there does not hide itself. Standard library, loopback, free ports.
"""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

from tests.e2e.strange_web import CLOCK_CHANGE, WARSAW, Call, Server, Sound, Web

USER, PASSWORD = "lake@firma", 'żółw:100%25 "tajne"'
KEY = "k:9f%2F+/=~ {x}"
QUEUES = (
    *("sprzedaz", "sprzedaż krajowa", 'dział "A&B"', "o'brien #1", "100% pewne", "a+b=c?", "../poczta", "żółć/ńś"),
    *("emoji 📞;x", "%2e%2e", "back\\slash"),
)
AGENTS = ("Zażółć Gęśla", 'Ewa "E." Łoś', "Jan O'Brien", "")
NO_START = 61  # this one is listed without its start


def maybe_text(number: int, value: float) -> float | str:
    return str(value) if number % 3 == 0 else value


class Thulium(Server):
    """``date_to`` excludes its minute, a ``limit`` above 100 is an error, rows are in no order; the filter looks at
    the call's date, as in 2017."""

    prefix, listing = "/centrala/api", "/recordings"

    def invent(self, number: int, begun: datetime, seed: int) -> Call:
        sound = Sound.of(number, seed)
        seconds = 20 + number
        transferred = number % 12 == 5 and abs(begun - CLOCK_CHANGE) > timedelta(hours=3)
        connected = begun - timedelta(minutes=7) if transferred else begun
        connection = f"{int(connected.timestamp())}.{100 + number}"
        late = timedelta(minutes=self.rng.choice((1, 1, 1, 140, 600, 1300)), seconds=seconds)
        local, created = (f"{moment.astimezone(WARSAW):%Y-%m-%d %H:%M}" for moment in (begun, begun + late))
        suffix = ("wav", sound.format)[number % 2]
        queue = QUEUES[number % len(QUEUES)]
        key = f"{queue}/{local[:10]}/{local.replace(' ', '_')}_000100{number:03d}_{connection}.{suffix}"
        inbound = number % 3 > 0
        caller, callee = f"000100{number:03d}", "" if number % 5 == 0 else "000200300"
        row = {
            "type": "INBOUND" if inbound else "OUTBOUND",
            "created_at": created,
            "filename": key,
            "rating": None,
            "queue": {"id": number % 4, "name": "Główna"},
            "billsec": maybe_text(number, seconds - 5),
            "duration": maybe_text(number, seconds),
            "user": AGENTS[number % len(AGENTS)],
            "connection_id": connection,
            "dst": callee,
            "src": caller,
            "date": local,
            "disposition": "ANSWERED",
        }
        if number == NO_START:
            row["date"] = None  # the connection tells
        says = {
            "connection_id": connection,
            "caller": caller,
            "callee": callee or None,
            "agent": row["user"] or None,
            "direction": "inbound" if inbound else "outbound",
            "duration_s": float(seconds),
            "talk_s": float(seconds - 5),
            "disposition": "ANSWERED",
        }
        return Call(key, row, local, begun, sound, says, "stored")

    def permits(self, authorization: str) -> bool:
        return authorization == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def select(self, query: Mapping[str, str]) -> tuple[str, str, int]:
        bounds = [query.get("date_from", "0001-01-01"), query.get("date_to", "9999-12-31")]
        for text in bounds:
            datetime.strptime(text, "%Y-%m-%d %H:%M" if " " in text else "%Y-%m-%d")  # noqa: DTZ007 - checked alone
        limit = int(query.get("limit", 100))
        if not 0 < limit <= 100:
            raise ValueError(f"limit {limit}")
        return bounds[0], bounds[1], limit

    def envelope(self, rows: list[Mapping[str, Any]], count: int) -> object:
        return {"result": rows, "generated": "teraz", "count": maybe_text(count, count)}

    def find_audio(self, path: str, query: Mapping[str, str]) -> str:
        return query.get("filename", "") if path == "/recordings/download" else ""


class Conpeek(Server):
    """Never more than 100 rows a page, whatever is asked. Some rows name where their audio is, some of these are
    redirected on the same host, the others are found by their ``dialog_uuid``."""

    prefix, listing = "/v3/backend", "/cdr_dialog_recording"

    def invent(self, number: int, begun: datetime, seed: int) -> Call:
        sound = Sound.of(1000 + number, seed)
        talked_ms = 20_000 + 1237 * number
        hangup = begun + timedelta(milliseconds=talked_ms + 4000)
        uuid = str(UUID(int=self.rng.getrandbits(128)))
        odd = ("{}", "{}", "{}/ż ó", "../{}", "{}?a=1&b#c", '"{}"%2F')[number % 6] if number % 4 == 3 else "{}"
        key = odd.format(uuid)
        outbound = number % 3 == 0
        start, end = (f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (begun, hangup))
        row: dict[str, object] = {
            "hangup_time": end,
            "waiting_time": maybe_text(number, 1500),
            "talking_time": maybe_text(number, talked_ms),
            "custom": {"tags": ["ważne", None]},
            "to_display_target": "000200300",
            "from_display_target": f"000300{number:03d}",
            "business_direction": "OUTBOUND" if outbound else "INBOUND",
            "dialog_type": "PHONE",
            "answer_time": None if number % 5 == 0 else start,
            "dialog_uuid": key,
            "start_time": start,
            "phone_call": f"both sides of call {number // 2}",
        }
        if number % 4 < 2:
            row["recording_url"] = (
                f"{self.url}/{('media', 'old-media')[number % 2]}/{quote(key, safe='')}.{sound.format}"
            )
        fate = "stored"
        if number % 50 == 7:
            row["recording_url"], fate = f"{self.foreign}/{number}.mp3", "host_not_allowed"
        if number == NO_START:
            del row["start_time"]
            begun = hangup  # the nearest that is told
        says = {
            "caller": row["from_display_target"],
            "callee": row["to_display_target"],
            "direction": "outbound" if outbound else "inbound",
            "talk_s": talked_ms / 1000,
            "ended_at": end.replace(" ", "T") + ".000Z",
        }
        return Call(key, row, end, begun, sound, says, fate)

    def permits(self, authorization: str) -> bool:
        return authorization == KEY

    def select(self, query: Mapping[str, str]) -> tuple[str, str, int]:
        low, high = "", "~"
        for one in json.loads(query.get("filter", "[]")):
            if one["property"] != "hangup_time" or one["operator"] not in ("gte", "lte"):
                raise ValueError(f"filter {one}")
            datetime.strptime(one["value"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            low, high = (one["value"], high) if one["operator"] == "gte" else (low, one["value"] + "!")
        return low, high, min(100, int(query.get("limit", 500)))

    def envelope(self, rows: list[Mapping[str, Any]], count: int) -> object:
        return {"success": True, "took_ms": 3, "data": rows}

    def find_audio(self, path: str, query: Mapping[str, str]) -> str:
        match path.split("/"):
            case ["", "cdr_dialog", key, "recording"]:
                return unquote(key)
            case ["", "media" | "old-media", name]:
                return unquote(name.rpartition(".")[0])
        return ""

    def _audio(self, web: Web, path: str, query: Mapping[str, str]) -> None:
        if path.startswith("/old-media/"):
            web.give(307, b"", Location=f"{self.prefix}{path.replace('/old-media', '/media')}")
        else:
            super()._audio(web, path, query)


class Foreign(ThreadingHTTPServer):
    """Somebody else's host: keeps the headers that reach it, and has audio for everybody."""

    daemon_threads = True

    def __init__(self) -> None:
        self.received: list[dict[str, str]] = []
        received = self.received

        class Keep(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                received.append(dict(self.headers))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(Sound.of(1, 99).content)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Silent."""

        super().__init__(("127.0.0.1", 0), Keep)
        self.url = f"http://127.0.0.1:{self.server_port}"


@dataclass(frozen=True)
class Strangers:
    thulium: Thulium
    conpeek: Conpeek
    foreign: Foreign
    secrets: Mapping[str, str] = field(default_factory=lambda: {"THULIUM_PASSWORD": PASSWORD, "CONPEEK_KEY": KEY})

    @property
    def arguments(self) -> tuple[str, ...]:
        return "--thulium-url", self.thulium.url, "--thulium-user", USER, "--conpeek-url", self.conpeek.url


@contextmanager
def serving(count: int, seed: int) -> Iterator[Strangers]:
    foreign = Foreign()
    both = Thulium(count, seed, foreign.url), Conpeek(count, seed, foreign.url)
    for server in (foreign, *both):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield Strangers(*both, foreign)
    finally:
        for server in (foreign, *both):
            server.shutdown()
            server.server_close()
