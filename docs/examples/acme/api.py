"""Acme, an invented vendor: ``GET /v1/recordings`` with a cursor, times in ISO 8601, a bearer key."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import requests
from call_lake.providers.acme.description import VENDOR

from call_lake.errors import ConfigError, Reason, Transient
from call_lake.model import json_values
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.ports import AudioStream, BadRecord, Clock, Page, Provider
from call_lake.providers.http.client import Client, request_id
from call_lake.settings import SourceSettings

DIRECTIONS = {"in": "inbound", "out": "outbound"}


class Acme:
    """One Acme account. Its clock is UTC and shows seconds."""

    unit = timedelta(seconds=1)
    rows_per_window = VENDOR.rows_per_window

    def __init__(
        self,
        settings: SourceSettings,
        secret: Callable[[bool], dict[str, str]],
        clock: Clock,
        session: requests.Session | None = None,
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._client = Client(settings, self._authorization, clock, session)

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        """See ``Provider``. No window is too wide: a cursor costs the vendor the same at any depth."""
        query = {
            "from": written(window.start - self.unit),
            "to": written(window.end + self.unit),
            "limit": str(self._settings.page_size or VENDOR.page_size),
        }
        seen = set()
        cursor: str | None = ""
        while cursor is not None:
            if cursor in seen:  # it would never end
                raise Transient(Reason.BAD_LISTING, "the listing gave one cursor twice")
            seen.add(cursor)
            rows, cursor = self._page(query | ({"cursor": cursor} if cursor else {}))
            items = [self._item(row) for row in rows]
            yield Page(
                tuple(item for item in items if isinstance(item, ListedRecording)),
                tuple(item for item in items if isinstance(item, BadRecord)),
            )

    def open_audio(self, recording: ListedRecording, *, deadline_s: float) -> AbstractContextManager[AudioStream]:
        template = self._settings.download_url or VENDOR.download_url
        url = template.replace("{base_url}", self._base).replace("{id}", quote(recording.provider_key, safe=""))
        return self._client.open_audio(url, deadline_s)

    @property
    def _base(self) -> str:
        return self._client.base.url.rstrip("/")

    def _authorization(self, fresh: bool) -> str:
        secret = self._secret(fresh)
        if missing := VENDOR.missing_from(secret):
            raise ConfigError(f"source {self._settings.name!r}: its secret has no {missing!r}")
        return authorization(secret)

    def _page(self, query: dict[str, str]) -> tuple[list[Any], str | None]:
        """Rows, and the cursor of the next page; None at the end."""
        body = self._client.get_json(f"{self._base}/v1/recordings?{urlencode(query)}")
        rows = listing_rows(body)
        if rows is None:
            raise Transient(Reason.BAD_LISTING, f"the listing has no items with records{request_id(body)}")
        return rows, json_values.text(body.get("next"))

    def _item(self, row: Any) -> ListedRecording | BadRecord:
        try:
            return self._recording(row)
        except ValueError as error:
            return BadRecord(str(error), json_values.compact(row))

    def _recording(self, row: Any) -> ListedRecording:
        if not isinstance(row, dict):
            raise ValueError("it is no object")
        key = json_values.key(row.get("id"))
        if key is None:
            raise ValueError("it has no id")
        started_at, ended_at = json_values.moment(row.get("started_at")), json_values.moment(row.get("ended_at"))
        if started_at is None:
            raise ValueError("it has no start time that can be read")
        return ListedRecording(
            source=self._settings.name,
            provider=self._settings.provider,
            provider_key=key,
            started_at=started_at,
            call_date=started_at.astimezone(self._settings.zone).date(),
            raw=json_values.compact(row),
            connection_id=json_values.text(row.get("call_id")),
            ended_at=ended_at,
            listed_at=json_values.moment(row.get("created_at")),
            direction=DIRECTIONS.get(json_values.text(row.get("direction")) or ""),
            caller=json_values.text(row.get("from")),
            callee=json_values.text(row.get("to")),
            agent=json_values.text(row.get("agent")),
            duration_s=(ended_at - started_at).total_seconds() if ended_at else None,
            talk_s=json_values.number(row.get("talk_seconds")),
        )


CLIENT: Callable[..., Provider] = Acme


def authorization(secret: Mapping[str, str]) -> str:
    return f"Bearer {secret['key']}"


def listing_rows(answer: Any) -> list[Any] | None:
    return json_values.rows(answer, "items")


def written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
