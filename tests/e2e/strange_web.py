"""What the two providers of ``strangers`` share: a web server with visible rows, audio and, with a seed, troubles.

Listings and audio fail in every way of ``LISTING_TROUBLES`` and ``AUDIO_TROUBLES``, rows come and go between two pages,
and some audio leads to a foreign host.
"""

import hashlib
import io
import json
import os
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import soundfile

WARSAW = ZoneInfo("Europe/Warsaw")
FIRST_DAY, DAYS = date(2026, 10, 10), 25
CLOCK_CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)  # 03:00 CEST is 02:00 CET
LISTING_TROUBLES = ("503", "429 s", "cut json", "larger", "reset", "html", "shuffle", "429 date", "error 200", "cut")
AUDIO_TROUBLES = (
    *("503", "429 s", "429 date", "reset", "cut", "cut chunked", "cut close", "html", "empty", "header", "404"),
    *("json", "502"),
)
FATES = {"foreign": "host_not_allowed", "403": "forbidden", "pgp": "encrypted", "noise": "not_audio"}
HTML = b"<!DOCTYPE html>\n<html><body><h1>Przerwa techniczna</h1></body></html>"
PGP = b"-----BEGIN PGP MESSAGE-----\n\nhQEMA1z8invented\n-----END PGP MESSAGE-----\n"


@dataclass(frozen=True)
class Sound:
    content: bytes
    format: str
    channels: int
    sample_rate: int

    @classmethod
    def of(cls, number: int, seed: int) -> "Sound":
        rng = np.random.default_rng([seed, number])
        kind = ("WAV", "OGG", "MP3")[number // 2 % 3]
        channels, rate = 1 + number % 2, (8000, 16000, 22050, 44100)[number % 4]
        time = np.arange(int(rate * (0.5 + number % 7 * 0.4)))[:, None] / rate
        samples = 0.4 * np.sin(2 * np.pi * (200 + number) * time) + rng.normal(0, 0.05, (len(time), channels))
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format=kind)
        return cls(file.getvalue(), kind.lower(), channels, rate)


@dataclass(frozen=True)
class Call:
    """One recording: its row as listed, what the listing's filter looks at, and the truth about it."""

    key: str
    row: Mapping[str, Any]
    filtered: str
    started_at: datetime
    sound: Sound
    says: Mapping[str, object]  # columns of its row
    fate: str = "stored"
    troubles: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sound.content).hexdigest()

    @property
    def call_date(self) -> str:
        return self.started_at.astimezone(WARSAW).date().isoformat()


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.answer(self)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silent."""

    def give(self, status: int, body: bytes, *, how: str = "length", cut: bool = False, **headers: str) -> None:
        """``how`` the end of the body is told: ``length``, ``chunked`` or by ``close`` alone; ``cut`` is half of it."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        name, value = {
            "length": ("Content-Length", str(len(body))),
            "chunked": ("Transfer-Encoding", "chunked"),
            "close": ("Connection", "close"),
        }[how]
        self.send_header(name, value)
        self.end_headers()
        sent = body[: len(body) // 2] if cut else body
        if how == "chunked":
            sent = b"%x\r\n%s\r\n" % (len(sent), sent) + (b"" if cut else b"0\r\n\r\n")
        self.wfile.write(sent)
        self.close_connection = cut or how == "close"

    def json(self, status: int, data: object, **headers: str) -> None:
        body = json.dumps(data).encode()
        self.give(status, body, how="length", cut=False, Content_Type="application/json; charset=utf-8", **headers)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def refuse(self, trouble: str) -> bool:
        """Answer with a trouble that listings and audio share; False where it is none of them."""
        soon = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
        match trouble:
            case "503" | "502":
                self.give(int(trouble), HTML, Content_Type="text/html", Retry_After="1")
            case "429 s":
                self.json(429, {"message": "Too Many Requests"}, Retry_After="2")
            case "429 date":
                self.json(429, {"message": "Too Many Requests"}, Retry_After=soon)
            case "html":
                self.give(200, HTML, Content_Type="text/html")
            case "reset":
                self.reset()
            case _:
                return False
        return True


class Server(ThreadingHTTPServer):
    """What both have in common: visible rows, troubles, audio. ``given`` counts the troubles that were given."""

    daemon_threads = True
    request_queue_size = 64
    prefix, listing = "", ""

    def __init__(self, count: int, seed: int, foreign: str) -> None:
        super().__init__(("127.0.0.1", 0), Web)
        self.url = f"http://127.0.0.1:{self.server_port}{self.prefix}"
        self.rng, self.foreign = random.Random(f"{self.prefix} {seed}"), foreign
        self.lock = threading.Lock()
        self.given: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.broken: list[str] = []
        invented = [self.invent(number, begun, seed) for number, begun in enumerate(self._beginnings(count))]
        calls = [self._made_hostile(number, call) for number, call in enumerate(invented)]
        self.rng.shuffle(calls)
        self.calls = {call.key: call for call in calls}
        moving = [call for call in calls if not call.troubles and call.fate == "stored"][:8]
        self.to_come, self.to_go, self.gone = moving[:4], moving[4:], list[Call]()
        self.shown = [call for call in calls if call not in self.to_come]

    def _beginnings(self, count: int) -> list[datetime]:
        """UTC starts: both passes of the repeated hour, midnights, and 25 days of them, several in one minute."""
        fixed = [CLOCK_CHANGE + timedelta(minutes=15 * n, seconds=7 * n) for n in range(-5, 6)]
        midnight = datetime(2026, 10, 24, tzinfo=WARSAW).astimezone(UTC)
        fixed += [midnight + timedelta(days=n, minutes=m, hours=n // 2) for n in range(3) for m in (-1, 0, 1)]
        start = datetime.combine(FIRST_DAY, datetime.min.time(), WARSAW).astimezone(UTC)
        found = [start + timedelta(days=DAYS - 1) * self.rng.random() for _ in range(count - len(fixed) - 3)]
        return [moment.replace(microsecond=0) for moment in [*fixed, *found, *found[:3]]]

    def _made_hostile(self, number: int, call: Call) -> Call:
        if call.fate != "stored":
            return call
        if number % 30 == 0:
            trouble = list(FATES)[number // 30 % 4] if number else "foreign"
            return replace(call, fate=FATES[trouble], troubles=(trouble,) * 1000)
        first, more = AUDIO_TROUBLES[number // 2 % len(AUDIO_TROUBLES)], self.rng.choice(AUDIO_TROUBLES)
        return replace(call, troubles=(first, more)[: number % 4]) if number % 2 else call

    def invent(self, number: int, begun: datetime, seed: int) -> Call:
        raise NotImplementedError

    def permits(self, authorization: str) -> bool:
        raise NotImplementedError

    def answer(self, web: Web) -> None:
        url = urlsplit(web.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if not self.permits(web.headers.get("Authorization", "")):
            self.given["401"] += 1
            web.json(401, {"message": "Unauthorized"}, WWW_Authenticate='Basic realm="api"')
        elif url.path == self.prefix + self.listing:
            self._list(web, query)
        else:
            self._audio(web, url.path.removeprefix(self.prefix), query)

    def select(self, query: Mapping[str, str]) -> tuple[str, str, int]:
        """Bounds of ``filtered`` (the upper one excluded), and the page's length. Raises ValueError."""
        raise NotImplementedError

    def envelope(self, rows: list[Mapping[str, Any]], count: int) -> object:
        raise NotImplementedError

    def _list(self, web: Web, query: Mapping[str, str]) -> None:
        try:
            (low, high, limit), offset = self.select(query), int(query.get("offset", 0))
        except (ValueError, KeyError, TypeError) as error:
            self.broken.append(f"{web.path}: {error}")
            web.json(400, {"request_id": "5f", "errors": [{"message": str(error), "code": 400001}]})
            return
        with self.lock:
            self.asked["listing"] += 1
            turn, odd = divmod(self.asked["listing"], 2)
            trouble = LISTING_TROUBLES[turn % len(LISTING_TROUBLES)] if odd else ""
            if offset:
                self._drift(low, high, offset)
            if trouble == "shuffle":
                self.rng.shuffle(self.shown)
            found = [call for call in self.shown if low <= call.filtered < high]
            page = found[offset : offset + limit + (7 if trouble == "larger" else 0)]
            self.given[f"listing {trouble}"] += 1
        body = json.dumps(self.envelope([call.row for call in page], len(found)), ensure_ascii=False).encode()
        if trouble == "error 200":
            web.json(200, {"request_id": "5e", "success": False, "errors": [{"message": "DB", "code": 1}]})
        elif trouble == "cut json":
            web.give(200, body[: len(body) * 2 // 3], Content_Type="application/json")
        elif not web.refuse(trouble):
            web.give(200, body, cut=trouble == "cut", Content_Type="application/json")

    def _drift(self, low: str, high: str, offset: int) -> None:
        """Between two pages of a window: among the rows that were read, one comes and one goes; the next time only
        one comes, then only one goes, then no more: a row that comes during the last listing could not be asked for."""
        turn = self.asked["drift"]
        read = [call for call in self.shown if low <= call.filtered < high][:offset]
        comes = next((call for call in self.to_come if low <= call.filtered < high), None) if turn < 2 else None
        goes = next((call for call in self.to_go if call in read), None) if turn != 1 else None
        if turn > 2 or (turn < 2 and not comes) or (turn != 1 and not goes):
            return
        self.asked["drift"] += 1
        if comes:
            self.to_come.remove(comes)
            self.shown.insert(0, comes)
        if goes:
            self.to_go.remove(goes)
            self.shown.remove(goes)
            self.gone.append(goes)

    def find_audio(self, path: str, query: Mapping[str, str]) -> str:
        """The key of the recording that is asked for; any other text where there is none."""
        raise NotImplementedError

    def _audio(self, web: Web, path: str, query: Mapping[str, str]) -> None:
        call = self.calls.get(self.find_audio(path, query))
        if call is None:
            self.broken.append(web.path)
            web.json(404, {"request_id": "60", "errors": [{"message": "no such thing", "code": 404}]})
            return
        with self.lock:
            attempt = self.asked[call.key]
            self.asked[call.key] += 1
            trouble = call.troubles[attempt] if attempt < len(call.troubles) else ""
            self.given[f"audio {trouble}"] += 1
        content, kind = call.sound.content, f"audio/x-{call.sound.format}"
        match trouble:
            case "foreign":
                web.give(302, b"", Location=f"{self.foreign}/{quote(call.key, safe='')}")
            case "404" | "403":
                web.json(int(trouble), {"request_id": "61", "errors": [{"message": "brak", "code": int(trouble)}]})
            case "json":
                web.json(200, {"errors": [{"message": "plik nie jest gotowy"}]})
            case "empty":
                web.give(200, b"", Content_Type=kind)
            case "header":
                web.give(200, b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\0\0\0\0")
            case "pgp" | "noise":
                web.give(200, PGP if trouble == "pgp" else random.Random(1).randbytes(5000), Content_Type=kind)
            case "cut" | "cut chunked" | "cut close":
                web.give(200, content, cut=True, how=trouble.removeprefix("cut").strip() or "length")
            case _ if not web.refuse(trouble):
                how = ("length", "chunked", "close")[len(call.key) % 3]
                web.give(200, content, how=how, Content_Type=("application/octet-stream", kind)[len(content) % 2])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may hang up at any time."""
