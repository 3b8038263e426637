"""A Conpeek tenant in memory, and what it takes to list it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from call_lake.providers import make_provider
from call_lake.providers.conpeek.description import VENDOR
from call_lake.settings import SourceSettings
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ids import IDS
from tests.support.stub_web import Account, StubWeb

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOUR = Window(NOON, NOON + timedelta(hours=1))
BASE = "https://conpeek.test/api"


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "dialog_uuid": f"dialog-{number}",
        "business_direction": "OUTBOUND",
        "business_end_cause": "ANSWERED",
        "from_display_target": "+48500000001",
        "to_display_target": "+48500000002",
        "start_time": "2026-06-01 22:30:00",
        "hangup_time": "2026-06-01 22:31:05",
        "talking_time": 60500,
        "tenant_user_name": "Zmyślony Agent",
    } | changes


class Tenant(Account):
    """``extra``: what it says besides the rows."""

    def __init__(self, rows: list[Any], *, cap: int = VENDOR.page_size, more: int = 0, **extra: Any) -> None:
        super().__init__(rows, cap=cap, more=more)
        self.extra = extra

    def body(self, page: list[Any]) -> dict[str, Any]:
        return {"data": page} | self.extra

    def provider(self, **chosen: Any) -> Any:
        return make(self.web, **chosen)


def make(web: StubWeb, key: str = "raw-key", **chosen: Any) -> Any:
    fields = {"name": "conpeek", "provider": "conpeek", "base_url": BASE} | chosen
    return make_provider(SourceSettings(**fields), lambda fresh: {"key": key}, FakeClock(), web.session)


def one(changes: dict[str, Any], mapping: dict[str, str] | None = None) -> Recording:
    (page,) = Tenant([row() | changes]).provider(mapping=mapping or {}).list_window(HOUR)
    (recording,) = page.recordings
    return IDS.identified(recording)
