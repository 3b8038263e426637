"""Thulium: ``GET recordings`` and ``GET recordings/download`` (docs/providers.md)."""

import base64
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import requests

from call_lake.errors import ConfigError, Reason, TooWide, Transient
from call_lake.model import json_values
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.ports import AudioStream, BadRecord, Clock, Page, Provider
from call_lake.providers import wall_clock
from call_lake.providers.http.client import Client, request_id
from call_lake.providers.paging.by_offset import OffsetPager, PageRetry, RawPage
from call_lake.providers.paging.by_start import LaterStart, StartPager, TimeRange
from call_lake.providers.thulium.description import VENDOR
from call_lake.settings import SourceSettings

EPOCH_TOLERANCE = timedelta(minutes=5)
"""An epoch of the connection that lies further from the call's minute is not believed."""
MADE_WITHIN = timedelta(days=1)
"""Where the call's date cannot be read, the connection's epoch is believed if the recording was made at most this long
after it."""

DATED = re.compile(r"(19|20)\d\d([-_.]\d\d?)*$")
"""A folder that is a year, a month or a day."""
MINUTES = {f"{minute:02}": timedelta(minutes=minute) for minute in range(60)}

type Reading = tuple[datetime, date]
"""An instant (UTC) that a wall time can mean, and its day on the wall."""


class Thulium:
    """One Thulium account. Its clock is local and shows minutes."""

    unit = wall_clock.MINUTE
    rows_per_window = VENDOR.rows_per_window

    def __init__(
        self,
        settings: SourceSettings,
        secret: Callable[[bool], dict[str, str]],
        clock: Clock,
        session: requests.Session | None = None,
    ) -> None:
        self._settings = settings
        self._zone = settings.zone
        self._secret = secret
        self._clock = clock
        self._client = Client(settings, self._authorization, clock, session)
        self._by_offset = OffsetPager(settings.page_size or VENDOR.page_size)
        self._by_start = StartPager(_identity, self._later_start)

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        """See ``Provider``. Filters on the creation date of the recording (or of the call: it has changed before)."""
        date_from, date_to = self._range(window)
        retry = PageRetry(self._clock)

        def fetch(start: str, offset: int, limit: int) -> RawPage:
            query = {"limit": limit, "offset": offset, "date_from": start, "date_to": date_to}
            url = f"{self._base}/recordings?{urlencode(query, quote_via=quote)}"
            return retry(lambda: _raw_page(self._client.get_json(url)))

        may_be_wide = may_be_wide or not self._can_be_split(window)
        for rows in self._rows(TimeRange(date_from, date_to, fetch), may_be_wide):
            yield self._page(rows)

    def _rows(self, times: TimeRange, may_be_wide: bool) -> Iterator[list[Any]]:
        """Page by offset; where the first page shows that the list is too wide for that, go on by start."""
        first: list[Any] = []
        pages, began_s, page_s = 0, self._clock.monotonic(), 1 / self._settings.requests_per_second
        try:
            for rows in self._by_offset.walk(partial(times.fetch, times.start), _identity, may_be_wide=may_be_wide):
                pages += 1
                if pages == 1:
                    first, page_s = rows, max(page_s, self._clock.monotonic() - began_s)
                yield rows
            return
        except TooWide as error:
            if pages != 1:
                raise
            refusal = error
        yield from self._by_start.rest(times, first, refusal, page_s)

    def open_audio(self, recording: ListedRecording, *, deadline_s: float) -> AbstractContextManager[AudioStream]:
        safe = "" if self._settings.encode_slashes else "/"
        filename = quote(recording.provider_key, safe=safe)
        template = self._settings.download_url or VENDOR.download_url
        url = template.replace("{base_url}", self._base).replace("{filename}", filename)
        return self._client.open_audio(url, deadline_s)

    @property
    def _base(self) -> str:
        return self._client.base.url.rstrip("/")

    def _authorization(self, fresh: bool) -> str:
        secret = self._secret(fresh)
        if missing := VENDOR.missing_from(secret):
            raise ConfigError(f"source {self._settings.name!r}: its secret has no {missing!r}")
        return authorization(secret)

    def _range(self, window: Window) -> tuple[str, str]:
        start, end = wall_clock.wall_range(window.start, window.end, self._zone)
        return f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"

    def _later_start(self, rows: list[Any]) -> LaterStart | None:
        """A minute before the last row's creation; None where the rows are not sorted by creation."""
        try:
            texts = [row["created_at"] for row in rows]
            possible = self._readings(texts[-1]) if texts == sorted(texts) else ()
        except (TypeError, LookupError):
            return None  # a row without it, or with something else
        if not possible or not isinstance(texts[0], str):
            return None
        moment, _ = possible[0]
        start, _ = self._range(Window(moment, moment))
        return LaterStart(start, len(texts) - bisect_left(texts, start))

    def _can_be_split(self, window: Window) -> bool:
        """Whether the halves of the window ask for less: not within one minute, nor within the repeated hour."""
        middle = window.start + window.width / 2
        halves = Window(window.start, middle), Window(middle, window.end)
        return all(self._range(half) != self._range(window) for half in halves)

    def _page(self, rows: list[Any]) -> Page:
        recordings, bad = [], []
        for row in rows:
            try:
                recordings.append(self._recording(row))
            except (ValueError, OverflowError) as error:
                bad.append(BadRecord(str(error), json_values.compact(row)))
        return Page(tuple(recordings), tuple(bad))

    def _recording(self, row: Any) -> ListedRecording:
        if not isinstance(row, dict):
            raise ValueError("it is no object")
        key = json_values.key(row.get("filename"))
        if key is None:
            raise ValueError("it has no filename")
        connection_id = json_values.text(row.get("connection_id"))
        created = self._readings(row.get("created_at"))
        possible = self._readings(row.get("date")) or self._start_without_date(connection_id, created)
        if not possible:
            raise ValueError("it has no date that can be read")
        odd: list[str] = []
        duration_s = json_values.length(row.get("duration"), "duration_s", odd)
        talk_s = json_values.length(row.get("billsec"), "talk_s", odd)
        started_at, call_date = possible[0] if len(possible) == 1 else _closest(possible, _epoch(connection_id))
        queue = _folder(key)
        return ListedRecording(
            source=self._settings.name,
            provider=self._settings.provider,
            provider_key=key,
            started_at=started_at,
            call_date=call_date,
            raw=json_values.raw(row, odd),
            connection_id=connection_id,
            listed_at=_first_from(started_at, created),
            direction=json_values.direction(row.get("type")),
            caller=json_values.phone(row.get("src")),
            callee=json_values.phone(row.get("dst")),
            agent=json_values.text(row.get("user")),
            disposition=json_values.text(row.get("disposition")),
            duration_s=duration_s,
            talk_s=talk_s,
            queue=queue,
            queue_name=self._settings.queues.get(queue or ""),
        )

    def _start_without_date(self, connection_id: str | None, created: tuple[Reading, ...]) -> tuple[Reading, ...]:
        """The connection's epoch, if the recording was made within a day of it; else when it was made."""
        epoch = _epoch(connection_id)
        if epoch is not None and created and timedelta() <= created[-1][0] + EPOCH_TOLERANCE - epoch <= MADE_WITHIN:
            return ((epoch, epoch.astimezone(self._zone).date()),)
        return created

    def _readings(self, value: Any) -> tuple[Reading, ...]:
        """The instants that a time of the listing can mean; none where it cannot be read."""
        return _readings(value, self._zone)


CLIENT: Callable[..., Provider] = Thulium


def authorization(secret: Mapping[str, str]) -> str:
    """The header ``Authorization`` of a filled secret."""
    pair = f"{secret['username']}:{secret['password']}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def listing_rows(answer: Any) -> list[Any] | None:
    """The rows of a listing's answer; None if the answer is an error or no listing."""
    rows = json_values.rows(answer, "result")
    return None if rows is None or answer.get("errors") else rows


def _raw_page(body: Any) -> RawPage:
    rows = listing_rows(body)
    if rows is None:
        raise Transient(Reason.BAD_LISTING, f"the listing has no result with records{request_id(body)}")
    return RawPage(rows, json_values.whole(body.get("count")))


def _identity(row: Any) -> Any:
    return row.get("filename") or row if isinstance(row, dict) else row


def _folder(filename: str) -> str | None:
    """``sales`` of ``sales/2026-11-20/….wav``: the account's template of file names may put the queue there. None
    where the name has no folder, or begins with a date."""
    folder, slash, _ = filename.partition("/")
    return folder.strip() or None if slash and not DATED.match(folder) else None


def _readings(value: Any, zone: ZoneInfo) -> tuple[Reading, ...]:
    """``2014-07-07 11:08``, to the minute; seconds and an offset are kept if they are there."""
    minutes = MINUTES.get(value[14:]) if isinstance(value, str) else None
    hour = _steady_hour(value[:14], zone) if minutes is not None else None
    if minutes is not None and hour is not None:  # a tenth of the time of what follows
        moment, day = hour
        return ((moment + minutes, day),)
    text = json_values.text(value)
    if text is None:
        return ()
    try:
        moments = wall_clock.readings(datetime.fromisoformat(text), zone)
        return tuple((moment, moment.astimezone(zone).date()) for moment in moments)
    except (ValueError, OverflowError):
        return ()


@lru_cache(1024)
def _steady_hour(text: str, zone: ZoneInfo) -> Reading | None:
    """The instant and the day at which ``2014-07-07 11:`` begins, if every minute of that hour has one meaning."""
    try:
        moment = wall_clock.steady_hour(datetime.fromisoformat(f"{text}00"), zone) if text.endswith(":") else None
    except (ValueError, OverflowError):
        return None
    return (moment, moment.astimezone(zone).date()) if moment is not None else None


def _epoch(connection_id: str | None) -> datetime | None:
    """``1416225570.341`` begins with the connection's start, in seconds of UTC."""
    try:
        return datetime.fromtimestamp(int((connection_id or "").partition(".")[0]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _closest(possible: tuple[Reading, ...], epoch: datetime | None) -> Reading:
    """The reading that agrees with the connection's epoch; the first one where none does."""
    for moment, day in possible:
        if epoch is not None and -EPOCH_TOLERANCE <= epoch - moment < wall_clock.MINUTE + EPOCH_TOLERANCE:
            return moment, day
    return possible[0]


def _first_from(started_at: datetime, possible: tuple[Reading, ...]) -> datetime | None:
    """When the recording was listed. In the repeated hour: the first reading that is not before the call."""
    if len(possible) < 2:
        return possible[0][0] if possible else None
    return next((moment for moment, _ in possible if moment >= started_at), possible[0][0])
