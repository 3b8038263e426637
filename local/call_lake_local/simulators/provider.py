"""What both simulated providers do alike: check credentials, count, page, serve audio, and fail on demand.

Subclasses speak one vendor's protocol (docs/providers.md).
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any

from call_lake.model.times import iso
from call_lake_local.simulators.catalog import Catalog, subject
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.fault_answers import Places, any_request_fault, audio_answer, audio_fault, listing_fault
from call_lake_local.simulators.faults import FOREIGN, FaultPlan, Place
from call_lake_local.simulators.http_exchange import Answer, Request, answer
from call_lake_local.simulators.listing import Asked, Listed, Pager
from call_lake_local.simulators.stats import Stats
from call_lake_local.simulators.world import SimRecording, World


class BadQuery(Exception):
    """The request asks for something that the vendor's API does not take."""


@dataclass(frozen=True, slots=True)
class Query:
    """One listing request, read: bounds of the window's text, page, and exact filters as the vendor names them."""

    first: str
    last: str
    limit: int
    offset: int
    filters: tuple[tuple[str, str, Any], ...] = ()


class SimulatedProvider(ABC):
    """One vendor's API over one world. ``handle`` is the whole server; every attribute may change while it runs."""

    kind: str

    def __init__(self, world: World, secret: str, clock: SimClock, plan: FaultPlan) -> None:
        self.world, self.clock, self.stats = world, clock, Stats()
        self.foreign_url = ""  # of the other host, once it has one
        self.more_headers: Mapping[str, str] = {}  # of every answer
        self._secrets: tuple[str, ...] = (secret,)
        self._plan = plan
        self._pager, self._attempts, self._lock = Pager(), Counter[str](), RLock()
        self.catalog = Catalog(world, self.kind, clock, plan, self.stamp)

    # One vendor's protocol

    @abstractmethod
    def stamp(self, recording: SimRecording) -> str:
        """The text that the window of a listing is compared with."""

    @abstractmethod
    def authorization(self, secret: str) -> str:
        """The right Authorization header."""

    @abstractmethod
    def route(self, request: Request) -> Answer: ...

    @abstractmethod
    def refusal(self, status: int, message: str) -> Answer:
        """The vendor's error body."""

    @abstractmethod
    def audio_path(self, recording: SimRecording) -> str:
        """Another path to the same file, percent-encoded."""

    # What runs it

    @property
    def plan(self) -> FaultPlan:
        return self._plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        with self._lock:
            self._plan, self._pager = plan, Pager()
            self._attempts.clear()
            self.catalog.set_plan(plan, self.stamp)

    @property
    def secret(self) -> str:
        return self._secrets[0]

    def change_secret(self, secret: str, *, keep_old: bool = False) -> None:
        """From now on the old password or key gets 401, unless it is kept as well."""
        self._secrets = (secret, *self._secrets) if keep_old else (secret,)

    def handle(self, request: Request) -> Answer:
        right = self._answer(request)
        return self.stats.exchange(request, right.but(headers={**right.headers, **self.more_headers}))

    def _answer(self, request: Request) -> Answer:
        if self._plan.is_out(self.clock.now()):
            self.stats.fault("outage")
            return answer(503, b"", "")
        if request.method != "GET":
            return self.refusal(405, "Method not allowed")
        if request.headers.get("authorization", "") not in {self.authorization(secret) for secret in self._secrets}:
            return self.refusal(401, "Unauthorized")
        try:
            return self.route(request)
        except BadQuery as error:
            return self.refusal(400, str(error))

    # What subclasses share

    def list_page(self, query: Query, matches: list[SimRecording]) -> tuple[Listed, str | None]:
        """The page of the window's rows, and the fault that this answer suffers."""
        asking = repr(query)
        attempt, nonce = self._attempt(asking)
        name = self._plan.pick(Place.ANY, asking, attempt) or self._plan.pick(Place.LISTING, asking, attempt)
        with self._lock:
            listed = self._pager.page(matches, Asked(query.limit, query.offset, attempt, nonce), self._plan)
        self.stats.listing(min(query.offset, listed.total), len(listed.rows))
        if "broken_row" in self._plan.active and any(self._plan.hits("broken_row", subject(r)) for r in listed.rows):
            name = "broken_row"
        return listed, name

    def finish_listing(self, right: Answer, name: str | None) -> Answer:
        if name is None:
            return right
        self.stats.fault(name)
        if name == "broken_row":
            return self.refusal(500, "Internal error")
        try:
            return any_request_fault(name, self._plan, self.clock.now(), self.refusal)
        except KeyError:
            return listing_fault(name, right, self.refusal)

    def serve_audio(self, recording: SimRecording | None, request: Request, shown_key: str) -> Answer:
        """The file, or the fault that this attempt meets."""
        self.stats.audio(shown_key)
        if recording is None:
            return self.refusal(404, "Recording not found")
        who = subject(recording)
        attempt, _ = self._attempt(f"audio/{who}")
        right = audio_answer(recording.audio)
        if name := self._plan.pick(Place.ANY, f"audio/{who}", attempt):
            self.stats.fault(name)
            return any_request_fault(name, self._plan, self.clock.now(), self.refusal)
        name = self._plan.pick(Place.AUDIO, who, attempt)
        if name is None or (name == "redirect_same_host" and "moved=1" in request.query_string):
            return right
        self.stats.fault(name)
        path = self.audio_path(recording)
        same_host = f"{request.base}{path}{'&' if '?' in path else '?'}moved=1"
        return audio_fault(name, right, Places(same_host, self.foreign_audio(recording)), self._plan, self.refusal)

    def row_fault(self, recording: SimRecording) -> str | None:
        """The fault of its row that keeps this recording's audio, or the recording, from a client."""
        return "broken_row" if self._plan.hits("broken_row", subject(recording)) else None

    def foreign_audio(self, recording: SimRecording) -> str:
        return f"{self.foreign_url}/audio/{subject(recording)}"

    def _attempt(self, asking: str) -> tuple[int, int]:
        with self._lock:
            self._attempts[asking] += 1
            self._attempts[""] += 1
            return self._attempts[asking] - 1, self._attempts[""]

    def truth(self, *, with_audio: bool = True) -> list[dict[str, Any]]:
        """Every recording that really is, visible or not, with what has to be stored of it.

        ``expected`` is ``stored``, ``failed`` (``fault`` says why), or ``if_foreign_host_allowed``.
        """
        return [self._truth_of(row, with_audio) for row in self.catalog.rows()]

    def _truth_of(self, row: SimRecording, with_audio: bool) -> dict[str, Any]:
        fault = self.row_fault(row) or self._plan.permanent_fault(subject(row))
        expected = "stored" if fault is None else "if_foreign_host_allowed" if fault in FOREIGN else "failed"
        truth: dict[str, Any] = {
            "kind": self.kind,
            "index": row.index,
            "provider_key": self.catalog.key_of(row),
            "connection_id": row.connection_id,
            "started_at": iso(row.started_at),
            "started_minute": iso(row.started_at.replace(second=0)),  # all that Thulium's listing says
            "call_date": row.started_at.astimezone(self.world.zone).date().isoformat(),
            "available_at": iso(self.catalog.available_at(row)),
            "agent": row.agent,
            "direction": row.direction,
            "talk_s": row.talk_s,
            "duration_s": row.duration_s,
            "format": row.audio.format,
            "expected": expected,
            "fault": fault,
        }
        if with_audio:
            facts = row.audio.facts()
            truth |= {"bytes": facts.bytes, "sha256": facts.sha256, "channels": facts.channels}
            truth |= {"sample_rate": facts.sample_rate, "seconds": facts.seconds}
        return truth


def whole_number(asked: Mapping[str, str], name: str, default: int) -> int:
    """Raises BadQuery."""
    text = asked.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise BadQuery(f"{name} must be a whole number")
    return int(text)
