"""A provider in memory: recordings with the moment of their listing, and their audio."""

import io
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from call_lake.errors import NotReady, Reason, TooWide
from call_lake.model.recording import ListedRecording, Recording
from call_lake.model.windows import Window
from call_lake.ports import AudioStream, BadRecord, Page
from tests.support.fakes.calls import Calls
from tests.support.fakes.ids import IDS


def make_recording(
    number: int,
    source: str = "thulium",
    *,
    listed_at: datetime | None = None,
    started_at: datetime | None = None,
    connection_id: str | None = "default",
    key: str | None = None,
) -> Recording:
    """An invented recording; the number alone makes it unlike others."""
    key = key or f"sales/2026-10-20/call {number}.wav"
    started_at = started_at or datetime(2026, 10, 20, 10, 0, tzinfo=UTC) + timedelta(minutes=number % 60)
    listed = ListedRecording(
        source=source,
        provider=source,
        provider_key=key,
        started_at=started_at,
        call_date=started_at.date(),
        raw=f'{{"filename": "{key}"}}',
        connection_id=f"{int(started_at.timestamp())}.{number}" if connection_id == "default" else connection_id,
        listed_at=listed_at or started_at + timedelta(minutes=5),
        direction="inbound",
        caller=f"+48 800 000 {number:03d}",
        callee="+48 800 999 000",
        agent=f"Agent {number % 3}",
        disposition="ANSWERED",
        duration_s=60.0 + number,
        talk_s=50.0 + number,
    )
    return IDS.identified(listed)


def make_wav(number: int, seconds: float = 0.05) -> bytes:
    """A valid mono WAV at 8 kHz, unlike that of any other number."""
    body = io.BytesIO()
    with wave.open(body, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes((number + 1).to_bytes(8, "little") * max(1, int(seconds * 2000)))
    return body.getvalue()


def raising(error: Exception) -> Callable[..., None]:
    """For ``on_list`` and ``on_audio``."""

    def act(*_: object) -> None:
        raise error

    return act


@dataclass
class _Stream:
    body: bytes
    declared_length: int | None
    content_type: str | None = "audio/x-wav"
    other_host: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), 4096):
            yield self.body[start : start + 4096]


@dataclass
class FakeProvider:
    """Lists by ``listed_at``. ``on_list`` and ``on_audio`` may raise, as a provider in trouble does."""

    calls: Calls | None = None
    unit: timedelta = timedelta(minutes=1)
    rows_per_window: int = 180
    page_size: int = 100
    wide: int = 250
    rows: list[Recording] = field(default_factory=list)
    bad: list[tuple[datetime, BadRecord]] = field(default_factory=list)
    audio: dict[str, bytes] = field(default_factory=dict)
    on_list: Callable[[Window], None] = lambda window: None
    on_audio: Callable[[Recording], None] = lambda recording: None
    walked: int = 0
    requests: int = 0
    downloads: int = 0
    other_host: str | None = None

    def add(self, *recordings: Recording) -> None:
        for recording in recordings:
            self.rows.append(recording)
            self.audio.setdefault(recording.provider_key, make_wav(len(self.audio)))

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        found = [
            row
            for row in self.rows
            if row.listed_at and window.start - self.unit <= row.listed_at <= window.end + self.unit
        ]
        bad = tuple(record for at, record in self.bad if window.start <= at <= window.end)
        for offset in range(0, max(len(found), 1), self.page_size):
            yield self._call("list", partial(self._page, window, found, bad, offset))
            if len(found) > self.wide and not may_be_wide:
                raise TooWide(len(found))

    def _page(self, window: Window, found: list[Recording], bad: tuple[BadRecord, ...], offset: int) -> Page:
        self.on_list(window)
        rows = tuple(found[offset : offset + self.page_size])
        self.requests += 1
        self.walked += offset + len(rows)
        return Page(rows, bad if offset == 0 else ())

    @contextmanager
    def open_audio(self, recording: Recording, *, deadline_s: float) -> Iterator[AudioStream]:
        yield self._call("audio", lambda: self._open(recording))

    def _open(self, recording: Recording) -> AudioStream:
        self.on_audio(recording)
        self.downloads += 1
        if recording.provider_key not in self.audio:
            raise NotReady(Reason.NOT_FOUND, "404")
        body = self.audio[recording.provider_key]
        return _Stream(body, len(body), other_host=self.other_host)

    def _call[T](self, method: str, act: Callable[[], T]) -> T:
        answer: T = self.calls.run("provider", method, act) if self.calls else act()
        return answer
