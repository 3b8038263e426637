"""How long to wait before the next attempt (design rule 9)."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from call_lake.errors import NotReady, Reason, StepFailed, Terminal

RETRY_AFTER_MAX_S = 86_400.0
"""A longer Retry-After is a slip (a date of another century), and must not stop anything for good."""
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
        delay = min(self.ceiling_s, self.base_s * 2.0 ** min(attempts, 32))
        delay *= 1.0 - 0.25 * jitter.random()
        return max(delay, min(error.retry_after_s or 0.0, RETRY_AFTER_MAX_S))

    def waits_in_queue(self, delay_s: float, attempts: int) -> bool:
        """Else the message is finished, and the ledger publishes the recording when it is due."""
        return delay_s <= self.queue_max_s and attempts < QUEUE_ATTEMPTS

    def verdict(self, error: StepFailed, first_published_at: datetime, now: datetime) -> StepFailed:
        """``error``, or what it has become: audio that is not ready by its deadline will never be."""
        if isinstance(error, NotReady) and now - first_published_at > timedelta(seconds=self.not_ready_deadline_s):
            hours = self.not_ready_deadline_s / 3600
            return Terminal(Reason.NEVER_READY, f"{error.reason} for more than {hours:g} h ({error.detail})")
        return error
