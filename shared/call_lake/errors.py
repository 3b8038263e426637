"""The errors of Call Lake. An error's type says what happens next, its reason says why (rule 9).

::

    CallLakeError           what happens next
     |- ConfigError         the function fails; an operator corrects the setting that the message names
     |- KeyRefused          nothing is published until an operator gives the stack the key that its ledger knows
     |- SecretEmpty         the source waits until an operator fills its secret; no alarm before its first poll
     |- Drifted             the window is read again, then split (rule 3)
     |- TooWide             the window is split (rule 4)
     |- ItemChanged         nothing of the recording is touched; its message goes to the dead letters
     |- CeilingReached      the poll ends where it is; the next UTC day goes on, or ``call-lake allow``
     `- StepFailed          a provider, a file or AWS failed; one of:
         |- Transient       tried again, later and later, without an end
         |- NotReady        tried again until its deadline of 48 hours; then it becomes Terminal(NEVER_READY)
         `- Terminal        to the dead letters; an operator sends it again with ``call-lake redrive``
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a step did not succeed: the value of the ledger's ``reason`` and of a metric's dimension."""

    # Transient
    HTTP_ERROR = "http_error"  # 5xx, an undocumented status, or an answer that breaks HTTP's own rules
    RATE_LIMITED = "rate_limited"  # 429
    TIMEOUT = "timeout"
    CONNECTION = "connection"  # refused, reset, DNS, TLS
    TRUNCATED = "truncated"  # fewer bytes than HTTP or the file's header promises, or no mark of its end
    BAD_LISTING = "bad_listing"  # HTML, cut JSON, an error body with status 200
    UNAUTHORIZED = "unauthorized"  # 401: the secret is wrong or was just changed
    BUSY = "busy"  # our own limits: bytes in flight, time left
    AWS = "aws"
    UNEXPECTED = "unexpected"  # an error of our own: the log has its traceback
    KILLED = "killed"  # an attempt, alone in its function, from which no verdict came (ADR 0024)
    # NotReady
    NOT_FOUND = "not_found"  # 404, 410
    EMPTY = "empty"
    HEADER_ONLY = "header_only"
    UNFINISHED = "unfinished"  # an MP4 without its index, which its recorder writes last
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
    ITEM_CHANGED = "item_changed"  # by somebody else: see ItemChanged
    POISON = "poison"  # KILLED three times in a row


class CallLakeError(Exception):
    """Base of every error that Call Lake raises on purpose."""


class ConfigError(CallLakeError):
    """A setting is missing or wrong; the message says which one and what to write there."""


class KeyRefused(CallLakeError):
    """The key of recording ids cannot be read, or the ledger's ids were made under another one, or under none
    (docs/runbook.md, The key of recording ids)."""


class SecretEmpty(CallLakeError):
    """The source's secret has no value yet: the operator has still to fill it. This is no outage."""


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


class ItemChanged(CallLakeError):
    """A recording's ledger item is not what Call Lake wrote: its record belongs to another recording, or was changed
    after the audio was stored (docs/adr/0027). Nothing of the recording is deleted or written.

    ``why`` holds no personal data.
    """

    def __init__(self, recording_id: str, why: str) -> None:
        super().__init__(
            f"{recording_id}: somebody changed its ledger item ({why}), so nothing of it was touched; restore the item "
            "(docs/runbook.md#a-changed-ledger-item)"
        )
        self.recording_id = recording_id
        self.why = why


class CeilingReached(CallLakeError):
    """The source has brought as many new recordings as it may on one UTC day (docs/adr/0023)."""


class StepFailed(CallLakeError):
    """A provider, a file or AWS failed: base of the three verdicts below.

    ``retry_after_s``: what the answer asked for. ``status``: HTTP's, where an answer refused. ``sha256``: of a body
    that arrived whole and is not complete by its own header.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        retry_after_s: float | None = None,
        status: int | None = None,
        sha256: str | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.status = status
        self.sha256 = sha256


class Transient(StepFailed):
    """The provider, the network or AWS is in trouble: the same request may succeed later."""


class NotReady(StepFailed):
    """The recording is listed, but its audio is not there yet (or a maintenance page is)."""


class Terminal(StepFailed):
    """Trying again cannot help. Only ``call-lake redrive`` tries it again."""
