"""Threads: run one step for many items at once, and share a budget of memory and disk."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager

from call_lake.errors import Reason, Transient

STEP_BYTES = 8 * 1024 * 1024
"""A body of unknown length claims its bytes in steps of this size."""


def in_threads[A, B](step: Callable[[A], B], items: Sequence[A], threads: int) -> list[B]:
    """Run ``step`` for every item in at most ``threads`` threads; return the results in the order of ``items``.

    With one thread, or one item, the steps run in the calling thread, one after the other. Raises the error of the
    first item, in their order, whose step failed. Once the steps of the items before it have ended, no further step
    starts.
    """
    if threads == 1 or len(items) < 2:
        return [step(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(step, items))


def in_groups[A, B](step: Callable[[A], B], items: Sequence[A], threads: int, linger_s: float) -> Iterator[list[B]]:
    """Run ``step`` for every item in at most ``threads`` threads; yield the results in groups, while others still run.

    A group is complete when every step has ended, or ``linger_s`` seconds after its first one has. With one thread, or
    one item, the steps run in the calling thread and are one group. Raises the error of a step with its group.
    """
    if threads == 1 or len(items) < 2:
        yield [step(item) for item in items]
        return
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        running = {pool.submit(step, item): None for item in items}  # in their order, as a set is not
        while running:
            wait(running, return_when=FIRST_COMPLETED)
            ended, _ = wait(running, linger_s)
            yield [future.result() for future in running if future in ended]
            running = {future: None for future in running if future not in ended}


class Claim:
    """One body's share of the budget."""

    def __init__(self, budget: "BytesBudget") -> None:
        self._budget = budget
        self.held_bytes = 0

    def cover(self, total_bytes: int) -> None:
        """Grow to at least ``total_bytes``. Raises Transient(BUSY)."""
        if total_bytes > self.held_bytes:
            self._budget._take(self, max(STEP_BYTES, total_bytes - self.held_bytes))


class BytesBudget:
    """A limit for the bytes in flight over all threads. The first to ask is served first; a body under way goes before
    new ones. ``wait_s``: how long a claim waits for room; None: without an end."""

    def __init__(self, limit_bytes: int, wait_s: float | None = 60.0) -> None:
        self._limit = limit_bytes
        self._wait_s = wait_s
        self._changed = threading.Condition()
        self._queue: deque[Claim] = deque()
        self._used = 0
        self._holders = 0

    @contextmanager
    def claim(self, first_bytes: int) -> Iterator[Claim]:
        """Hold ``first_bytes`` and what the claim grows to, until the end of the block. A body larger than the whole
        budget is admitted alone. Raises Transient(BUSY) after ``wait_s``."""
        claim = Claim(self)
        try:
            self._take(claim, first_bytes)
            yield claim
        finally:
            with self._changed:
                self._used -= claim.held_bytes
                self._holders -= claim.held_bytes > 0
                self._changed.notify_all()

    def _take(self, claim: Claim, more_bytes: int) -> None:
        with self._changed:
            growing = claim.held_bytes > 0
            # Behind new bodies, one under way would wait for room that it holds itself.
            (self._queue.appendleft if growing else self._queue.append)(claim)
            try:
                if not self._changed.wait_for(lambda: self._may_take(claim, more_bytes), self._wait_s):
                    raise Transient(Reason.BUSY, f"no room for {more_bytes} more bytes in flight")
                self._used += more_bytes
                self._holders += not growing
                claim.held_bytes += more_bytes
            finally:
                self._queue.remove(claim)
                self._changed.notify_all()

    def _may_take(self, claim: Claim, more_bytes: int) -> bool:
        if self._used + more_bytes <= self._limit or self._used == claim.held_bytes:
            return self._queue[0] is claim
        if claim.held_bytes and sum(waiting.held_bytes > 0 for waiting in self._queue) == self._holders:
            raise Transient(Reason.BUSY, "every body under way waits for the others' room")
        return False
