"""Simulated Conpeek: `GET /cdr_dialog_recording`, and the audio by URL or by path (docs/providers.md)."""

import json
import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from call_lake_local.simulators.catalog import subject
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.fault_answers import LINK_LOCAL
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.http_exchange import Answer, Request, json_answer
from call_lake_local.simulators.invented_data import AGENTS
from call_lake_local.simulators.provider import BadQuery, Query, SimulatedProvider, whole_number
from call_lake_local.simulators.rows import troubled
from call_lake_local.simulators.world import SimRecording, World

_LIMIT_DEFAULT = 500
_UTC = "%Y-%m-%d %H:%M:%S"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_AUDIO = re.compile(r"/cdr_dialog/(?P<uuid>[^/]+)/recording")
_OPTIONAL = (
    "dialog_type", "business_direction", "business_end_cause", "from_display_target", "to_display_target",
    "answer_time", "serve_time", "talking_time", "alert_time", "ring_time", "waiting_time", "first_queue_waiting_time",
    "machine_detected", "project_id", "tenant_user_id", "tenant_user_name",
)  # fmt: skip
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt, "gte": operator.ge, "lte": operator.le, "lt": operator.lt, "eq": operator.eq,
}  # fmt: skip
_LISTS = ("project_id", "tenant_user_id", "number_list", "custom_tag_id_list")


class Conpeek(SimulatedProvider):
    """``url_in_record``: the record names its audio as ``recording_url``. ``limit_max`` caps a page without a word.
    ``talk_unit_s``: of ``talking_time``."""

    kind = "conpeek"
    talk_unit_s = 0.001

    def __init__(
        self,
        world: World,
        secret: str,
        clock: SimClock,
        plan: FaultPlan,
        *,
        url_in_record: bool = True,
        limit_max: int = 1000,
    ) -> None:
        self.url_in_record, self.limit_max = url_in_record, limit_max
        super().__init__(world, secret, clock, plan)

    def stamp(self, recording: SimRecording) -> str:
        return recording.created_at.strftime(_UTC)

    def authorization(self, secret: str) -> str:
        return secret

    def route(self, request: Request) -> Answer:
        if request.path == "/cdr_dialog_recording":
            return self._list(self._query(request.query), request.base)
        if found := _AUDIO.fullmatch(request.decoded_path):
            if request.query.get("link") == "0":
                self.stats.fault("expired_link")
                return self.refusal(403, "Link has expired")
            return self.serve_audio(self.catalog.find(found["uuid"]), request, found["uuid"])
        return self.refusal(404, "Not found")

    def refusal(self, status: int, message: str) -> Answer:
        return json_answer(status, {"success": False, "message": message})

    def audio_path(self, recording: SimRecording) -> str:
        return f"/cdr_dialog/{self.catalog.key_of(recording)}/recording"

    def _query(self, asked: dict[str, str]) -> Query:
        conditions = _conditions(asked.get("filter", "[]"))
        first = max((value for name, op, value in conditions if (name, op) == ("hangup_time", "gte")), default="")
        last = min((value for name, op, value in conditions if (name, op) == ("hangup_time", "lte")), default="")
        return Query(
            first=first,
            last=last,
            limit=min(whole_number(asked, "limit", _LIMIT_DEFAULT), self.limit_max),
            offset=whole_number(asked, "offset", 0),
            filters=tuple(condition for condition in conditions if condition[0] != "hangup_time"),
        )

    def _list(self, query: Query, base: str) -> Answer:
        rows = self.catalog.between(query.first, query.last)
        if query.filters:
            rows = [row for row in rows if all(_accepts(condition, row) for condition in query.filters)]
        listed, fault = self.list_page(query, rows)
        return self.finish_listing(json_answer(200, {"data": [self._row(row, base) for row in listed.rows]}), fault)

    def _row(self, recording: SimRecording, base: str) -> dict[str, Any]:
        started, ended = recording.started_at.strftime(_UTC), recording.ended_at.strftime(_UTC)
        answered = recording.ended_at.timestamp() - recording.talk_s
        row: dict[str, Any] = {
            "dialog_uuid": recording.key,
            "dialog_type": "PHONE_CALL",
            "business_direction": recording.direction.upper(),
            "business_end_cause": "ANSWERED",
            "from_display_target": recording.src,
            "to_display_target": recording.dst,
            "start_time": started,
            "answer_time": datetime.fromtimestamp(answered, recording.ended_at.tzinfo).strftime(_UTC),
            "hangup_time": ended,
            "serve_time": recording.talk_s * 1000,
            "talking_time": round(recording.talk_s / self.talk_unit_s),
            "alert_time": 0,
            "ring_time": (recording.duration_s - recording.talk_s) * 1000,
            "waiting_time": 0,
            "first_queue_waiting_time": None,
            "machine_detected": False,
            **_ids(recording),
            "tenant_user_name": recording.agent,
        }
        if self.url_in_record:
            row["recording_url"] = self._audio_url(recording, base)
        if recording.broken == "no_key":
            del row["dialog_uuid"]
        if recording.broken == "no_start":
            row |= {"start_time": None, "answer_time": None, "hangup_time": None}
        return troubled(row, subject(recording), _OPTIONAL, self.plan)

    def row_fault(self, recording: SimRecording) -> str | None:
        elsewhere = ("url_foreign", "url_link_local") if self.url_in_record else ()
        met = (name for name in elsewhere if self.plan.hits(name, subject(recording)))
        return super().row_fault(recording) or next(met, None)

    def _audio_url(self, recording: SimRecording, base: str) -> str:
        match self.row_fault(recording):
            case "url_foreign":
                return self.foreign_audio(recording)
            case "url_link_local":
                return LINK_LOCAL
        url = base + self.audio_path(recording)
        if not self.plan.hits("expired_link", subject(recording)):
            return url
        listings, _ = self._attempt(f"link/{subject(recording)}")
        return f"{url}?link={listings}"


def _conditions(text: str) -> list[tuple[str, str, Any]]:
    """The filter's conditions: property, operator, value. Raises BadQuery."""
    try:
        items = json.loads(text)
        conditions = [(str(item["property"]), str(item.get("operator", "in")), item["value"]) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadQuery("filter must be a JSON list of {property, operator, value}") from None
    for name, op, value in conditions:
        if name in ("start_time", "hangup_time"):
            right = op in ("gte", "lte") and isinstance(value, str) and bool(_TIME.fullmatch(value))
        elif name == "talking_time":
            right = op in _COMPARE and isinstance(value, int)
        else:
            right = name in _LISTS and isinstance(value, list)
        if not right:
            raise BadQuery(f"filter {name!r} {op!r} {value!r} is not known")
    return conditions


def _accepts(condition: tuple[str, str, Any], recording: SimRecording) -> bool:
    name, op, wanted = condition
    if name == "start_time":
        return _COMPARE[op](recording.started_at.strftime(_UTC), wanted)
    if name == "talking_time":
        return _COMPARE[op](recording.talk_s * 1000, wanted)
    if name == "number_list":
        return recording.src in wanted or recording.dst in wanted
    return _ids(recording).get(name) in wanted


def _ids(recording: SimRecording) -> dict[str, int]:
    return {"project_id": 1 + recording.index % 3, "tenant_user_id": 100 + AGENTS.index(recording.agent)}
