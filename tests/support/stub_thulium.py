"""A Thulium account in memory, and what it takes to list it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from call_lake.providers import make_provider
from call_lake.providers.thulium.description import VENDOR
from call_lake.settings import SourceSettings
from tests.support.fakes.clock import FakeClock
from tests.support.stub_web import Reply, Seen, StubWeb, json_reply

SECRET = {"username": "api-user", "password": "zażółć"}
NOON = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
HOUR = Window(NOON, NOON + timedelta(hours=1))
BASE = "https://example.thulium.test/api"


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "date": "2026-06-01 12:08",
        "created_at": "2026-06-01 14:28",
        "src": "48500000001",
        "dst": "",
        "disposition": "ANSWERED",
        "duration": 129,
        "billsec": "120.5",
        "filename": f"sprzedaż/2026-06-01/{number}.wav",
        "user": "Wymyślona Agentka",
        "connection_id": f"{int(NOON.timestamp()) + 480 + 20}.{number}",
        "type": "INBOUND",
    } | changes


class Tenant:
    """A server with these rows; ``page(offset, limit)`` may be replaced."""

    def __init__(self, rows: list[Any], *, cap: int = VENDOR.page_size, more: int = 0, count: Any = ...) -> None:
        self.rows, self.cap, self.more, self.count = rows, cap, more, count
        self.walked = 0
        self.web = StubWeb(self.answer)

    def answer(self, seen: Seen) -> Reply:
        offset, limit = int(seen.query["offset"]), min(int(seen.query["limit"]), self.cap) + self.more
        page = self.rows[offset : offset + limit]
        self.walked += offset + len(page)
        body: dict[str, Any] = {"result": page}
        if self.count is not None:
            body["count"] = len(self.rows) if self.count is ... else self.count
        return json_reply(body)

    def provider(self, **chosen: Any) -> Any:
        return make(self.web, **chosen)


def make(web: StubWeb, secret: Any = None, **chosen: Any) -> Any:
    fields = {"name": "thulium", "provider": "thulium", "base_url": BASE} | chosen
    return make_provider(SourceSettings(**fields), secret or (lambda fresh: SECRET), FakeClock(), web.session)


def keys(pages: Any) -> list[str]:
    return [recording.provider_key for page in pages for recording in page.recordings]


def one(changes: dict[str, Any]) -> Recording:
    (page,) = Tenant([row() | changes]).provider().list_window(HOUR)
    (recording,) = page.recordings
    return recording
