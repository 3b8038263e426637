"""A stranger's host: it serves the audio that redirects and URLs lead to, and notes the credentials that it gets."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from call_lake_local.simulators.fault_answers import audio_answer
from call_lake_local.simulators.http_exchange import Answer, Request, answer, json_answer
from call_lake_local.simulators.provider import SimulatedProvider

_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")


class ForeignHost:
    """``credentials`` has every secret-looking header that came, as (path, header, value)."""

    def __init__(self) -> None:
        self.providers: Mapping[str, SimulatedProvider] = {}
        self.credentials: list[tuple[str, str, str]] = []
        self.requests = 0
        self._lock = Lock()

    def handle(self, request: Request) -> Answer:
        if request.path == "/_sim/stats":
            return json_answer(200, self.snapshot())
        with self._lock:
            self.requests += 1
            self.credentials += [(request.path, n, request.headers[n]) for n in _SECRET_HEADERS if n in request.headers]
        match request.path.split("/"):
            case ["", "audio", kind, index] if kind in self.providers and index.isdigit():
                recording = self.providers[kind].catalog.row(int(index))
                return audio_answer(recording.audio) if recording else answer(404, b"", "")
        return answer(404, b"", "")

    def snapshot(self) -> dict[str, Any]:
        with self._lock:
            return {"requests": self.requests, "credentials": [list(seen) for seen in self.credentials]}
