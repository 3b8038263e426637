"""A Thulium account in memory, and what it takes to list it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from call_lake.providers import make_provider
from call_lake.providers.thulium.description import VENDOR
from call_lake.settings import SourceSettings
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ids import IDS
from tests.support.stub_web import Account, StubWeb

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


class Tenant(Account):
    """``count``: what it says instead of the number of rows; None for nothing."""

    def __init__(self, rows: list[Any], *, cap: int = VENDOR.page_size, more: int = 0, count: Any = ...) -> None:
        super().__init__(rows, cap=cap, more=more)
        self.count = count

    def body(self, page: list[Any]) -> dict[str, Any]:
        if self.count is None:
            return {"result": page}
        return {"result": page, "count": len(self.rows) if self.count is ... else self.count}

    def provider(self, **chosen: Any) -> Any:
        return make(self.web, **chosen)


def make(web: StubWeb, secret: Any = None, **chosen: Any) -> Any:
    fields = {"name": "thulium", "provider": "thulium", "base_url": BASE} | chosen
    return make_provider(SourceSettings(**fields), secret or (lambda fresh: SECRET), FakeClock(), web.session)


def one(changes: dict[str, Any]) -> Recording:
    (page,) = Tenant([row() | changes]).provider().list_window(HOUR)
    (recording,) = page.recordings
    return IDS.identified(recording)
