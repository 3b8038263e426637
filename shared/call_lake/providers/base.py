"""The interface that every provider implements. Providers know HTTP and their own JSON, nothing of AWS."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from call_lake.recording import Recording, Window


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A listed record without what a recording needs. ``raw`` is personal data: never log it."""

    why: str
    raw: str


@dataclass(frozen=True, slots=True)
class Page:
    recordings: tuple[Recording, ...]
    bad: tuple[BadRecord, ...] = ()


class AudioStream(Protocol):
    """The body of one recording while it arrives."""

    declared_length: int | None
    """Bytes that the provider promised (Content-Length), None if it did not say."""
    content_type: str | None

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of the body. Raises Transient on time-outs, resets, truncation, and when the deadline passes."""


class Provider(Protocol):
    unit: timedelta
    """The smallest step of the provider's clock: a minute, a second (rule 4)."""

    def list_window(self, window: Window, *, may_be_wide: bool = False) -> Iterator[Page]:
        """Every recording of the closed window, page by page, in no order, repeats and neighbours included.

        ``may_be_wide``: the window cannot be split further, so page to its end whatever the depth.
        Raises TooWide before it walks deep into a wide window, Drifted when rows moved between two pages (pages
        already given stay valid: a returned row is never wrong), Transient, Terminal(FORBIDDEN), SecretEmpty.
        """

    def open_audio(self, recording: Recording, *, deadline_s: float) -> AbstractContextManager[AudioStream]:
        """Start to read the audio; the whole body has to arrive within ``deadline_s`` seconds.

        Where the audio's URL is the record's own and may have expired, another is asked for before this fails.

        Raises Transient, NotReady (404, 410), Terminal (403, host not allowed, no URL), SecretEmpty.
        """
