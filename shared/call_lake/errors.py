"""Errors say in their type what happens next; their reason says why (design rule 9).

``Transient`` is tried again for ever, ``NotReady`` until its deadline, ``Terminal`` never by itself.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a step did not succeed: the value of the ledger's ``reason`` and of a metric's dimension."""

    # Transient
    HTTP_ERROR = "http_error"  # 5xx, a status that nobody documents, or an answer that breaks HTTP's own rules
    RATE_LIMITED = "rate_limited"  # 429
    TIMEOUT = "timeout"
    CONNECTION = "connection"  # refused, reset, DNS, TLS
    TRUNCATED = "truncated"  # fewer bytes than HTTP or the file's header promises, or no mark of its end
    BAD_LISTING = "bad_listing"  # HTML, cut JSON, an error body with status 200
    UNAUTHORIZED = "unauthorized"  # 401: the secret is wrong or was just changed
    BUSY = "busy"  # our own limits: bytes in flight, time left
    AWS = "aws"
    # NotReady
    NOT_FOUND = "not_found"  # 404, 410
    EMPTY = "empty"
    HEADER_ONLY = "header_only"
    HTML = "html_instead_of_audio"
    JSON = "json_instead_of_audio"
    # Terminal
    FORBIDDEN = "forbidden"  # 403
    NOT_AUDIO = "not_audio"
    TOO_LARGE = "too_large"
    ENCRYPTED = "encrypted"  # PGP
    HOST_NOT_ALLOWED = "host_not_allowed"
    NEVER_READY = "never_ready"  # NotReady for longer than its deadline
    NO_AUDIO_URL = "no_audio_url"


class CallLakeError(Exception):
    """Base of every error that Call Lake raises on purpose."""


class ConfigError(CallLakeError):
    """A setting is missing or wrong; the message says which one and what to write there."""


class SecretEmpty(CallLakeError):
    """The source's secret has no value yet: the operator has still to fill it. Not an outage."""


class Drifted(CallLakeError):
    """Rows were inserted or deleted while a window was read: read it again, then split it (rule 3)."""


class TooWide(CallLakeError):
    """A window holds more rows than the provider should be asked for at once: split it (rule 4).

    ``rows``: the provider's own count, or None where it gives none. ``fits``: how many rows the provider could list at
    once, where it says that.
    """

    def __init__(self, rows: int | None, *, fits: int | None = None) -> None:
        super().__init__(f"window holds {rows if rows is not None else 'too many'} rows")
        self.rows = rows
        self.fits = fits


class StepFailed(CallLakeError):
    """A provider or a file failed: base of the three verdicts below. ``status``: HTTP's, where an answer refused."""

    def __init__(
        self, reason: Reason, detail: str, *, retry_after_s: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.status = status


class Transient(StepFailed):
    """The provider or the network is in trouble: the same request may succeed later."""


class NotReady(StepFailed):
    """The recording is listed, but its audio is not there yet (or a maintenance page is)."""


class Terminal(StepFailed):
    """Trying again cannot help; it comes back only by ``call-lake redrive``."""
