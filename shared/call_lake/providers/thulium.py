"""Thulium: ``GET recordings`` and ``GET recordings/download`` (docs/providers.md)."""

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import requests

from call_lake.config import SourceSettings
from call_lake.errors import ConfigError, Reason, Transient
from call_lake.ports import Clock
from call_lake.providers import fields, walltime
from call_lake.providers.base import AudioStream, BadRecord, Page
from call_lake.providers.http import Client, request_id
from call_lake.providers.paging import Answer, Pager
from call_lake.recording import Recording, Window, recording_id

PAGE_SIZE = 100  # the vendor's maximum
DOWNLOAD_URL = "{base_url}/recordings/download?filename={filename}"
EPOCH_TOLERANCE = timedelta(minutes=5)
"""How far the connection's epoch may lie from the call's minute to be believed."""


class Thulium:
    """One Thulium account. Its clock is local and shows minutes."""

    unit = walltime.MINUTE

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
        self._limit = settings.page_size or PAGE_SIZE
        self._pager = Pager()

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        """See ``Provider``. Filters on the creation date of the recording (or of the call: it has changed before)."""
        date_from, date_to = self._range(window)

        def fetch(offset: int) -> Answer:
            query = {"limit": self._limit, "offset": offset, "date_from": date_from, "date_to": date_to}
            return _answer(self._client.get_json(f"{self._base}/recordings?{urlencode(query, quote_via=quote)}"))

        may_be_wide = may_be_wide or not self._can_be_split(window)
        for rows in self._pager.walk(fetch, _identity, may_be_wide=may_be_wide):
            items = [self._item(row) for row in rows]
            yield Page(
                tuple(item for item in items if isinstance(item, Recording)),
                tuple(item for item in items if isinstance(item, BadRecord)),
            )

    def open_audio(self, recording: Recording, *, deadline_s: float) -> AbstractContextManager[AudioStream]:
        safe = "" if self._settings.encode_slashes else "/"
        filename = quote(recording.provider_key, safe=safe)
        template = self._settings.download_url or DOWNLOAD_URL
        url = template.replace("{base_url}", self._base).replace("{filename}", filename)
        return self._client.open_audio(url, deadline_s)

    @property
    def _base(self) -> str:
        return self._client.base.url.rstrip("/")

    def _authorization(self, fresh: bool) -> str:
        secret = self._secret(fresh)
        for field in ("username", "password"):
            if not secret.get(field):
                raise ConfigError(f"source {self._settings.name!r}: its secret has no {field!r}")
        pair = f"{secret['username']}:{secret['password']}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def _range(self, window: Window) -> tuple[str, str]:
        start, end = walltime.wall_range(window.start, window.end, self._settings.zone)
        return f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"

    def _can_be_split(self, window: Window) -> bool:
        """Whether halves ask for less: not within one minute, nor within the repeated hour."""
        middle = window.start + window.width / 2
        halves = Window(window.start, middle), Window(middle, window.end)
        return all(self._range(half) != self._range(window) for half in halves)

    def _item(self, row: Any) -> Recording | BadRecord:
        try:
            return self._recording(row)
        except (ValueError, OverflowError) as error:
            return BadRecord(str(error), fields.compact(row))

    def _recording(self, row: Any) -> Recording:
        if not isinstance(row, dict):
            raise ValueError("it is no object")
        key = fields.key(row.get("filename"))
        if key is None:
            raise ValueError("it has no filename")
        wall = _wall(row.get("date"))
        if wall is None:
            raise ValueError("it has no date that can be read")
        connection_id = fields.text(row.get("connection_id"))
        started_at = _closest(walltime.readings(wall, self._settings.zone), _epoch(connection_id))
        return Recording(
            source=self._settings.name,
            provider=self._settings.provider,
            recording_id=recording_id(self._settings.name, key),
            provider_key=key,
            started_at=started_at,
            call_date=started_at.astimezone(self._settings.zone).date(),
            raw=fields.compact(row),
            connection_id=connection_id,
            listed_at=self._listed_at(row, started_at),
            direction=fields.direction(row.get("type")),
            caller=fields.text(row.get("src")),
            callee=fields.text(row.get("dst")),
            agent=fields.text(row.get("user")),
            disposition=fields.text(row.get("disposition")),
            duration_s=fields.number(row.get("duration")),
            talk_s=fields.number(row.get("billsec")),
        )

    def _listed_at(self, row: dict[str, Any], started_at: datetime) -> datetime | None:
        """In the repeated hour the first reading that is not before the call."""
        wall = _wall(row.get("created_at"))
        if wall is None:
            return None
        try:
            possible = walltime.readings(wall, self._settings.zone)
        except (ValueError, OverflowError):
            return None
        return next((moment for moment in possible if moment >= started_at), possible[0])


def _answer(body: Any) -> Answer:
    rows = body.get("result") if isinstance(body, dict) else None
    if not isinstance(rows, list) or body.get("errors"):
        raise Transient(Reason.BAD_LISTING, f"the listing has no result{request_id(body)}")
    return Answer(rows, fields.whole(body.get("count")))


def _identity(row: Any) -> Any:
    return row.get("filename") or row if isinstance(row, dict) else row


def _wall(value: Any) -> datetime | None:
    """``2014-07-07 11:08``, to the minute; seconds and an offset are kept if they are there."""
    try:
        return datetime.fromisoformat(fields.text(value) or "")
    except ValueError:
        return None


def _epoch(connection_id: str | None) -> datetime | None:
    """``1416225570.341`` begins with the connection's start, in seconds of UTC."""
    try:
        return datetime.fromtimestamp(int((connection_id or "").partition(".")[0]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _closest(possible: tuple[datetime, ...], epoch: datetime | None) -> datetime:
    """The reading that the epoch agrees with; where it agrees with none, the first."""
    for moment in possible:
        if epoch is not None and -EPOCH_TOLERANCE <= epoch - moment < walltime.MINUTE + EPOCH_TOLERANCE:
            return moment
    return possible[0]
