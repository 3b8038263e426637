"""How long to wait before the next attempt (design rule 9)."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from call_lake.errors import NotReady, Reason, StepFailed, Terminal
from call_lake.ports import Clock
from call_lake.settings import RETRY_AFTER_MAX_S

RETRY_AFTER_SPREAD_S = 300.0
"""What was told one moment comes back over so long, or a quarter of what it was told."""
QUIET_FROM_S = 120.0
"""A shorter Retry-After is the one request's own affair, for a pace is kept anyway: a source that answers so now and
then would rest most of the time, and resting all day in such steps its messages would be received too often."""
QUEUE_ATTEMPTS = 20
"""So many failed attempts may wait in the queue. SQS counts every delivery, and buries a message at 1,000 of them."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds; ``queue_max_s`` is the longest delay that a message waits in SQS, longer ones wait in the ledger."""

    base_s: float
    ceiling_s: float
    queue_max_s: float
    not_ready_deadline_s: float

    def delay_s(self, error: StepFailed, attempts: int, jitter: random.Random) -> float:
        """Exponential from ``base_s`` to ``ceiling_s``, with a quarter of jitter; never sooner than Retry-After."""
        spread = jitter.random()
        delay = min(self.ceiling_s, self.base_s * 2.0 ** min(attempts, 32)) * (1.0 - 0.25 * spread)
        asked = error.retry_after_s or 0.0
        asked += spread * min(0.25 * asked, RETRY_AFTER_SPREAD_S)
        return max(delay, min(asked, RETRY_AFTER_MAX_S))

    def waits_in_queue(self, delay_s: float, attempts: int) -> bool:
        """Else the message is finished, and the ledger publishes the recording when it is due."""
        return delay_s <= self.queue_max_s and attempts < QUEUE_ATTEMPTS

    def verdict(self, error: StepFailed, not_ready_since: datetime | None, now: datetime) -> StepFailed:
        """``error``, or what it has become: audio that is not ready for so long will never be (ADR 0013)."""
        patience = timedelta(seconds=self.not_ready_deadline_s)
        if isinstance(error, NotReady) and not_ready_since is not None and now - not_ready_since > patience:
            minutes = self.not_ready_deadline_s / 60
            long = f"{minutes / 60:g} h" if minutes >= 60 else f"{minutes:g} min"
            return Terminal(Reason.NEVER_READY, f"{error.reason} for more than {long} ({error.detail})")
        return error


class Quiet:
    """Which sources have asked to be left alone, and until when: what one recording was told counts for all of its
    source. Each function instance learns it for itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, datetime] = {}

    def heed(self, source: str, error: StepFailed) -> None:
        if error.reason is Reason.RATE_LIMITED and (error.retry_after_s or 0.0) >= QUIET_FROM_S:
            self._until[source] = self._clock.now() + timedelta(
                seconds=min(error.retry_after_s or 0.0, RETRY_AFTER_MAX_S)
            )

    def left_s(self, source: str) -> float:
        """0 for a source that may be asked."""
        now = self._clock.now()
        return max((self._until.get(source, now) - now).total_seconds(), 0.0)
