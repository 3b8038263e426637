"""Simulated Thulium: `GET /api/recordings` and the candidate forms of the download (docs/providers.md)."""

import re
from base64 import b64encode
from collections.abc import Collection
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

from call_lake_local.simulators.catalog import subject
from call_lake_local.simulators.http_exchange import Answer, Request, json_answer
from call_lake_local.simulators.provider import BadQuery, Query, SimulatedProvider, whole_number
from call_lake_local.simulators.rows import troubled
from call_lake_local.simulators.world import SimRecording

USER = "api-user"
_LIMIT_MAX = 100
_WALL = "%Y-%m-%d %H:%M"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?")
_OPTIONAL = ("src", "dst", "disposition", "duration", "billsec", "user", "type")
FORMS = ("query", "query_slashes", "path", "path_slashes", "stream")
_DOWNLOAD = re.compile(r"/api/recordings/(?:download|stream)(?:/(?P<key>.+))?")


class Thulium(SimulatedProvider):
    """``forms``: those of the download's address that it knows. ``limit_max`` caps a page without a word; None refuses
    to be asked for more than the documented 100."""

    kind = "thulium"
    forms: Collection[str] = FORMS
    limit_max: int | None = _LIMIT_MAX

    def stamp(self, recording: SimRecording) -> str:
        by_call = "filter_by_call_date" in self.plan.active and not recording.broken
        moment = recording.started_at if by_call else recording.created_at
        return moment.astimezone(self.world.zone).strftime(_WALL)

    def authorization(self, secret: str) -> str:
        return "Basic " + b64encode(f"{USER}:{secret}".encode()).decode()

    def route(self, request: Request) -> Answer:
        if request.path == "/api/recordings":
            return self._list(self._query(request.query))
        if found := _DOWNLOAD.fullmatch(request.path):
            if _form(request, found["key"]) not in self.forms:
                return self.refusal(404, "Not found")
            key = request.query.get("filename", "") if found["key"] is None else unquote(found["key"])
            return self.serve_audio(self.catalog.find(key), request, key)
        return self.refusal(404, "Not found")

    def refusal(self, status: int, message: str) -> Answer:
        errors = [{"message": message, "code": 111000 + status}]
        return json_answer(status, {"request_id": f"sim{status:010x}", "errors": errors})

    def audio_path(self, recording: SimRecording) -> str:
        return "/api/recordings/stream?filename=" + quote(self.catalog.key_of(recording), safe="")

    def _query(self, asked: dict[str, str]) -> Query:
        query = _query(asked)
        if self.limit_max is None and query.limit > _LIMIT_MAX:
            raise BadQuery(f"limit must not be above {_LIMIT_MAX}")
        return replace(query, limit=min(query.limit, self.limit_max or _LIMIT_MAX))

    def _list(self, query: Query) -> Answer:
        rows = self.catalog.between(query.first, query.last)
        for name, _, wanted in query.filters:
            rows = [row for row in rows if getattr(row, name) == wanted]
        listed, fault = self.list_page(query, rows)
        body = {"count": listed.total, "result": [self._row(row) for row in listed.rows]}
        return self.finish_listing(json_answer(200, body), fault)

    def _row(self, recording: SimRecording) -> dict[str, Any]:
        row: dict[str, Any] = {
            "date": recording.started_at.astimezone(self.world.zone).strftime(_WALL),
            "created_at": recording.created_at.astimezone(self.world.zone).strftime(_WALL),
            "src": recording.src,
            "dst": recording.dst,
            "disposition": "ANSWERED",
            "duration": recording.duration_s,
            "billsec": recording.talk_s,
            "filename": self.catalog.key_of(recording),
            "user": recording.agent,
            "connection_id": recording.connection_id,
            "type": recording.direction.upper(),
        }
        if recording.broken == "no_key":
            del row["filename"]
        if recording.broken == "no_start":
            row |= {"date": None, "created_at": None, "connection_id": ""}
        return troubled(row, subject(recording), _OPTIONAL, self.plan)


def _form(request: Request, key: str | None) -> str:
    """How the file was asked for: a name without a slash looks the same in both spellings."""
    if "/stream" in request.path:
        return "stream"
    kind, written = ("query", request.query_string) if key is None else ("path", key)
    return f"{kind}_slashes" if "/" in written else kind


def _query(asked: dict[str, str]) -> Query:
    for name in ("date_from", "date_to"):
        if asked.get(name) and not _DATE.fullmatch(asked[name]):
            raise BadQuery(f"{name} must look like 2014-07-04 or 2014-07-14 12:34")
    filters = tuple((name, "eq", asked[name]) for name in ("src", "dst", "connection_id") if name in asked)
    return Query(
        first=asked.get("date_from", ""),
        last=asked.get("date_to", ""),
        limit=whole_number(asked, "limit", _LIMIT_MAX),
        offset=whole_number(asked, "offset", 0),
        filters=filters,
    )
