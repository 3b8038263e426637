"""Conpeek: ``GET cdr_dialog_recording`` (API v1.3, docs/providers.md)."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import requests

from call_lake.errors import ConfigError, Drifted, NotReady, Reason, StepFailed, Terminal, Transient
from call_lake.model import json_values
from call_lake.model.recording import ListedRecording
from call_lake.model.windows import Window
from call_lake.ports import AudioStream, BadRecord, Clock, Page, Provider
from call_lake.providers.conpeek.description import VENDOR
from call_lake.providers.conpeek.mapping import CONPEEK, LENGTHS, Extract, compile_mapping, length_reader
from call_lake.providers.http.client import Client, request_id
from call_lake.providers.paging.by_offset import OffsetPager, PageRetry, RawPage
from call_lake.settings import SourceSettings

DEAD_LINK = {400, 401, 403, 404, 410}
"""How a link is refused that has expired or moved: S3, for one, answers 400 (ExpiredToken) or 403 (AccessDenied),
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
LINK_PAGES = 10  # of the dialogs of three seconds; a recording behind them gets no newer link
SECOND = timedelta(seconds=1)


class Conpeek:
    """One Conpeek tenant. Its clock is UTC and shows seconds."""

    unit = SECOND
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
        self._clock = clock
        self._client = Client(settings, self._authorization, clock, session)
        self._zone = settings.zone
        self._mapping = compile_mapping(settings.name, settings.mapping)
        self._found: dict[str, Extract] = {name: self._mapping.get(name, _nothing) for name in CONPEEK}
        self._duration, self._talk = (length_reader(self._mapping, length) for length in LENGTHS)
        self._pager = OffsetPager(settings.page_size or VENDOR.page_size)

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        """See ``Provider``. Filters on ``hangup_time``: nothing filters on when a recording became available."""
        retry = PageRetry(self._clock)
        fetch = partial(self._fetch, lambda url: retry(lambda: self._raw_page(url)), window)
        may_be_wide = may_be_wide or not _can_be_split(window)
        yield from map(self._page, self._pager.walk(fetch, self._identity, may_be_wide=may_be_wide))

    @contextmanager
    def open_audio(self, recording: ListedRecording, *, deadline_s: float) -> Iterator[AudioStream]:
        """See ``Provider``. Signed links expire. Where the server refuses the record's link as a dead one, list the
        record again, once, and try the link that it has by now."""
        until_s = self._clock.monotonic() + deadline_s
        with ExitStack() as opened:
            try:
                url = recording.audio_url or self._url_from_template(recording)
                stream = opened.enter_context(self._client.open_audio(url, deadline_s))
            except StepFailed as refused:
                if recording.audio_url is None or refused.status not in DEAD_LINK:
                    raise
                newer = self._newer_link(recording, refused, until_s)
                stream = opened.enter_context(self._client.open_audio(newer, until_s - self._clock.monotonic()))
            yield stream

    @property
    def _base(self) -> str:
        return self._client.base.url.rstrip("/")

    def _fetch(self, ask: Callable[[str], RawPage], window: Window, offset: int, limit: int) -> RawPage:
        date_from, date_to = _range(window)
        condition = [
            {"property": "hangup_time", "operator": "gte", "value": date_from},
            {"property": "hangup_time", "operator": "lte", "value": date_to},
        ]
        query = {"limit": limit, "offset": offset, "filter": json.dumps(condition, separators=(",", ":"))}
        return ask(f"{self._base}/cdr_dialog_recording?{urlencode(query, quote_via=quote)}")

    def _page(self, rows: list[Any]) -> Page:
        recordings, bad = [], []
        for row in rows:
            try:
                recordings.append(self._recording(row))
            except ValueError as error:
                bad.append(BadRecord(str(error), json_values.compact(row)))
        return Page(tuple(recordings), tuple(bad))

    def _raw_page(self, url: str, until_s: float = math.inf) -> RawPage:
        """Ignores ``count``, and believes ``success`` only where it is false: both are documented for other lists."""
        body = self._client.get_json(url, until_s)
        rows = listing_rows(body)
        if rows is None:
            raise Transient(Reason.BAD_LISTING, f"the listing has no data with records{request_id(body)}")
        return RawPage(rows)

    def _newer_link(self, recording: ListedRecording, refused: StepFailed, until_s: float) -> str:
        """Return another link that the record has by now. ``refused``: how its first link was refused.

        Raises ``refused`` again where the record still has only that link. Raises NotReady where the record is not
        listed: the next answer may list it. Raises Transient, SecretEmpty where the listing fails, for a recording
        must not fail permanently while its newer link could not be asked for.
        """
        half_s = (self._clock.monotonic() + until_s) / 2  # the other half is the audio's
        try:
            links = self._links_now(recording, half_s)
        except StepFailed as error:
            detail = f"{refused.detail}; no newer link: {error.detail}"
            raise Transient(error.reason, detail, retry_after_s=error.retry_after_s) from None
        except Drifted:
            moved = f"{refused.detail}; no newer link: rows moved as it was listed"
            raise Transient(Reason.BAD_LISTING, moved) from None
        if links is None:
            raise NotReady(Reason.NOT_FOUND, f"{refused.detail}; no newer link: the provider does not list it now")
        newer = next((link for link in links if link != recording.audio_url), None)
        if newer is None:
            detail = f"{refused.detail}; no newer link: the provider lists this one still"
            raise type(refused)(refused.reason, detail, retry_after_s=refused.retry_after_s, status=refused.status)
        return newer

    def _links_now(self, recording: ListedRecording, until_s: float) -> list[str] | None:
        """The links of the record as it is listed now; None where the first pages of its moment do not list it."""
        ended_at = recording.ended_at or recording.listed_at or recording.started_at
        fetch = partial(self._fetch, lambda url: self._raw_page(url, until_s), Window(ended_at, ended_at))
        pages = self._pager.walk(fetch, self._identity, may_be_wide=True)
        for page in map(self._page, islice(pages, LINK_PAGES)):
            if same := [one for one in page.recordings if _is_same(one, recording)]:
                return [one.audio_url for one in same if one.audio_url is not None]
        return None

    def _url_from_template(self, recording: ListedRecording) -> str:
        """The audio's URL for a record that gives none. Raises Terminal(NO_AUDIO_URL)."""
        dialog_uuid = self._dialog_uuid(recording)
        if dialog_uuid is None:
            raise Terminal(Reason.NO_AUDIO_URL, "the record has no audio URL and no dialog_uuid; check the mapping")
        template = self._settings.download_url or VENDOR.download_url
        return template.replace("{base_url}", self._base).replace("{dialog_uuid}", quote(dialog_uuid, safe=""))

    def _authorization(self, fresh: bool) -> str:
        key = self._secret(fresh).get("key", "").strip()
        if not key:
            raise ConfigError(f"source {self._settings.name!r}: its secret has no 'key'")
        if not (key.isascii() and key.isprintable()):
            raise ConfigError(f"source {self._settings.name!r}: the 'key' of its secret has characters that no key has")
        return key  # raw: no "Bearer"

    def _dialog_uuid(self, recording: ListedRecording) -> str | None:
        try:
            return json_values.key(self._mapping["dialog_uuid"](json.loads(recording.raw)))
        except (ValueError, KeyError):
            return None

    def _identity(self, row: Any) -> Any:
        return (self._mapping["provider_key"](row) or row) if isinstance(row, dict) else row

    def _recording(self, row: Any) -> ListedRecording:
        if not isinstance(row, dict):
            raise ValueError("it is no object")
        found = self._found
        key = json_values.key(found["provider_key"](row))
        if key is None:
            raise ValueError("it has no id")
        ended_at, listed_at = json_values.moment(found["ended_at"](row)), json_values.moment(found["listed_at"](row))
        # No row is dropped for a date (rule 4).
        started_at = json_values.moment(found["started_at"](row)) or ended_at or listed_at
        if started_at is None:
            raise ValueError("it has no start time that can be read")
        odd: list[str] = []
        duration_s, talk_s = self._duration(row, odd), self._talk(row, odd)
        if ended_at is not None and ended_at < started_at:
            ended_at = None
            odd.append("ended_at")
        if duration_s is None and ended_at is not None and "duration_s" not in odd:
            duration_s = (ended_at - started_at).total_seconds()
        audio_url = found["audio_url"](row)
        queue, team = json_values.text(found["queue"](row)), json_values.text(found["team"](row))
        return ListedRecording(
            source=self._settings.name,
            provider=self._settings.provider,
            provider_key=key,
            started_at=started_at,
            call_date=started_at.astimezone(self._zone).date(),
            raw=json_values.raw(row, odd),
            connection_id=json_values.text(found["connection_id"](row)),
            ended_at=ended_at,
            listed_at=listed_at,
            direction=json_values.direction(found["direction"](row)),
            caller=json_values.phone(found["caller"](row)),
            callee=json_values.phone(found["callee"](row)),
            agent=json_values.text(found["agent"](row)),
            disposition=json_values.text(found["disposition"](row)),
            duration_s=duration_s,
            talk_s=talk_s,
            audio_url=json_values.text(audio_url) if isinstance(audio_url, str) else None,
            queue=queue,
            queue_name=self._settings.queues.get(queue or ""),
            team=team,
            team_name=self._settings.teams.get(team or ""),
        )


CLIENT: Callable[..., Provider] = Conpeek


def listing_rows(answer: Any) -> list[Any] | None:
    """The rows of a listing's answer; None if the answer is an error or no listing."""
    rows = json_values.rows(answer, "data")
    return None if rows is None or answer.get("success") is False else rows


def _nothing(_row: Any) -> None:
    """Extracts a field that is not mapped."""


def _is_same(listed: ListedRecording, recording: ListedRecording) -> bool:
    """Whether both are one recording: same key, same connection (rule 6). An unknown connection matches any."""
    connections = {listed.connection_id, recording.connection_id} - {None}
    return listed.provider_key == recording.provider_key and len(connections) < 2


def _range(window: Window) -> tuple[str, str]:
    """The window's limits in whole seconds of UTC, one second wider at both sides."""
    start = window.start.astimezone(UTC).replace(microsecond=0) - SECOND
    end = window.end.astimezone(UTC).replace(microsecond=0) + SECOND
    if window.end.microsecond:
        end += SECOND
    return _written(start), _written(end)


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _can_be_split(window: Window) -> bool:
    """Whether the halves of the window ask for less than the whole."""
    middle = window.start + window.width / 2
    return _range(Window(window.start, middle)) != _range(window) != _range(Window(middle, window.end))
