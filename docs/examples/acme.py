"""Acme, an invented vendor: ``GET /v1/recordings`` with a cursor, times in ISO 8601, a bearer key."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import requests

from call_lake.errors import ConfigError, Reason, Transient
from call_lake.model import json_values
from call_lake.model.recording import Recording, recording_id
from call_lake.model.windows import Window
from call_lake.ports import AudioStream, BadRecord, Clock, Page
from call_lake.providers.conpeek.mapping import moment
from call_lake.providers.http.client import Client, request_id
from call_lake.settings import SourceSettings

PAGE_SIZE = 200
DIRECTIONS = {"in": "inbound", "out": "outbound"}


class Acme:
    """One Acme account. Its clock is UTC and shows seconds."""

    unit = timedelta(seconds=1)

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
            "from": _written(window.start - self.unit),
            "to": _written(window.end + self.unit),
            "limit": str(self._settings.page_size or PAGE_SIZE),
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
                tuple(item for item in items if isinstance(item, Recording)),
                tuple(item for item in items if isinstance(item, BadRecord)),
            )

    def open_audio(self, recording: Recording, *, deadline_s: float) -> AbstractContextManager[AudioStream]:
        url = f"{self._base}/v1/recordings/{quote(recording.provider_key, safe='')}/audio"
        return self._client.open_audio(url, deadline_s)

    @property
    def _base(self) -> str:
        return self._client.base.url.rstrip("/")

    def _authorization(self, fresh: bool) -> str:
        key = self._secret(fresh).get("key")
        if not key:
            raise ConfigError(f"source {self._settings.name!r}: its secret has no 'key'")
        return f"Bearer {key}"

    def _page(self, query: dict[str, str]) -> tuple[list[Any], str | None]:
        """Rows, and the cursor of the next page; None at the end."""
        body = self._client.get_json(f"{self._base}/v1/recordings?{urlencode(query)}")
        rows = json_values.rows(body, "items")
        if rows is None:
            raise Transient(Reason.BAD_LISTING, f"the listing has no items with records{request_id(body)}")
        return rows, json_values.text(body.get("next"))

    def _item(self, row: Any) -> Recording | BadRecord:
        try:
            return self._recording(row)
        except ValueError as error:
            return BadRecord(str(error), json_values.compact(row))

    def _recording(self, row: Any) -> Recording:
        if not isinstance(row, dict):
            raise ValueError("it is no object")
        key = json_values.key(row.get("id"))
        if key is None:
            raise ValueError("it has no id")
        started_at, ended_at = moment(row.get("started_at")), moment(row.get("ended_at"))
        if started_at is None:
            raise ValueError("it has no start time that can be read")
        return Recording(
            source=self._settings.name,
            provider=self._settings.provider,
            recording_id=recording_id(self._settings.name, key),
            provider_key=key,
            started_at=started_at,
            call_date=started_at.astimezone(self._settings.zone).date(),
            raw=json_values.compact(row),
            connection_id=json_values.text(row.get("call_id")),
            ended_at=ended_at,
            listed_at=moment(row.get("created_at")),
            direction=DIRECTIONS.get(json_values.text(row.get("direction")) or ""),
            caller=json_values.text(row.get("from")),
            callee=json_values.text(row.get("to")),
            agent=json_values.text(row.get("agent")),
            duration_s=(ended_at - started_at).total_seconds() if ended_at else None,
            talk_s=json_values.number(row.get("talk_seconds")),
        )


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
