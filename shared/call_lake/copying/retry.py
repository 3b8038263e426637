"""How long to wait before the next attempt (rule 9)."""

import random
from datetime import datetime, timedelta

from call_lake.errors import NotReady, Reason, StepFailed, Terminal
from call_lake.ports import Clock
from call_lake.settings import RETRY_AFTER_MAX_S, CopierSettings

RETRY_AFTER_SPREAD_S = 300.0
"""Recordings that got the same Retry-After are tried again spread over this time, or over a quarter of the Retry-After
if that is less."""
RESTS_FROM_S = 120.0
"""A shorter Retry-After delays only the recording that got it. A source that answers so now and then would rest
most of the time, and its messages would be received too often."""
QUEUE_ATTEMPTS = 20
"""After so many failed attempts a recording waits in the ledger: SQS counts every delivery of a message, and moves it
to the dead letters at 1,000."""


class RetryPolicy:
    """When a recording is tried again, and where it waits until then. All times are seconds."""

    def __init__(self, settings: CopierSettings, jitter: random.Random) -> None:
        self.base_s = settings.retry_base_s
        self.ceiling_s = settings.retry_ceiling_s
        self.queue_max_s = settings.queue_delay_max_s
        self.not_ready_deadline_s = settings.not_ready_deadline_s
        self._jitter = jitter

    def delay_s(self, error: StepFailed, attempts: int) -> float:
        """Exponential from ``base_s`` to ``ceiling_s``, less up to a quarter of jitter; never sooner than
        Retry-After."""
        spread = self._jitter.random()
        delay = min(self.ceiling_s, self.base_s * 2.0 ** min(attempts, 32)) * (1.0 - 0.25 * spread)
        asked = error.retry_after_s or 0.0
        asked += spread * min(0.25 * asked, RETRY_AFTER_SPREAD_S)
        return max(delay, min(asked, RETRY_AFTER_MAX_S))

    def waits_in_queue(self, delay_s: float, attempts: int) -> bool:
        """Whether the message itself waits. If not it is done, and a poll publishes the recording when it is due."""
        return delay_s <= self.queue_max_s and attempts < QUEUE_ATTEMPTS

    def verdict(self, error: StepFailed, not_ready_since: datetime | None, now: datetime) -> StepFailed:
        """The error itself, or Terminal(NEVER_READY) where audio has not been ready for too long (ADR 0013)."""
        patience = timedelta(seconds=self.not_ready_deadline_s)
        if isinstance(error, NotReady) and not_ready_since is not None and now - not_ready_since > patience:
            minutes = self.not_ready_deadline_s / 60
            long = f"{minutes / 60:g} h" if minutes >= 60 else f"{minutes:g} min"
            return Terminal(Reason.NEVER_READY, f"{error.reason} for more than {long} ({error.detail})")
        return error


class RateLimitedSources:
    """Which sources asked for no requests, and until when: a long Retry-After to one recording counts for all of its
    source. Each function instance learns this for itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, datetime] = {}

    def note(self, source: str, error: StepFailed) -> None:
        """Let the source rest if the error says so: RATE_LIMITED with a Retry-After of RESTS_FROM_S or more."""
        asked_s = error.retry_after_s or 0.0
        if error.reason is Reason.RATE_LIMITED and asked_s >= RESTS_FROM_S:
            self._until[source] = self._clock.now() + timedelta(seconds=min(asked_s, RETRY_AFTER_MAX_S))

    def left_s(self, source: str) -> float:
        """For how many seconds the source still rests; 0 for one that may be asked."""
        now = self._clock.now()
        return max((self._until.get(source, now) - now).total_seconds(), 0.0)
