"""What a client has to know of each provider's list (docs/providers.md). Standard library only."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Listing:
    """``params(since, until)`` are those of a window, whose limits are ``written`` in ``zone`` as the rows' ``cursor``
    is. ``total``: where an answer counts all rows, None: nowhere."""

    provider: str
    path: str
    page: int
    rows: str
    total: str | None
    key: str
    cursor: str
    written: str
    zone: tzinfo
    params: Callable[[str, str], dict[str, str]]
    columns: Mapping[str, str]  # of a row, with their JSON types

    def __str__(self) -> str:
        return self.provider.capitalize()


def _dates(since: str, until: str) -> dict[str, str]:
    return {"date_from": since, "date_to": until}


def _filter(since: str, until: str) -> dict[str, str]:
    condition = [
        {"property": "hangup_time", "operator": "gte", "value": since},
        {"property": "hangup_time", "operator": "lte", "value": until},
    ]
    return {"filter": json.dumps(condition)}


THULIUM = Listing(
    provider="thulium",
    path="recordings",
    page=100,  # the vendor's maximum
    rows="result",
    total="count",
    key="filename",
    cursor="created_at",
    written="%Y-%m-%d %H:%M",
    zone=ZoneInfo("Europe/Warsaw"),
    params=_dates,
    columns={
        **dict.fromkeys(("date", "created_at", "src", "dst", "disposition", "filename", "user"), "string"),
        **dict.fromkeys(("connection_id", "type"), "string"),
        **dict.fromkeys(("duration", "billsec"), "integer"),
    },
)
CONPEEK = Listing(
    provider="conpeek",
    path="cdr_dialog_recording",
    page=500,  # the vendor's default
    rows="data",
    total=None,
    key="dialog_uuid",
    cursor="hangup_time",
    written="%Y-%m-%d %H:%M:%S",
    zone=UTC,
    params=_filter,
    columns={
        **dict.fromkeys(("dialog_uuid", "dialog_type", "business_direction", "business_end_cause"), "string"),
        **dict.fromkeys(("from_display_target", "to_display_target", "tenant_user_name", "recording_url"), "string"),
        **dict.fromkeys(("start_time", "answer_time", "hangup_time"), "string"),
        **dict.fromkeys(("serve_time", "talking_time", "alert_time", "ring_time", "waiting_time"), "integer"),
        **dict.fromkeys(("first_queue_waiting_time", "project_id", "tenant_user_id"), "integer"),
        "machine_detected": "boolean",
    },
)
LISTINGS = {listing.provider: listing for listing in (THULIUM, CONPEEK)}
