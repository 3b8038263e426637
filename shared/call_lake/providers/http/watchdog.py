"""Act when something takes too long, with one thread for all requests: a timer would start a thread for each."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class _Watch:
    until_s: float
    act: Callable[[], None]


class Watchdog:
    """Many threads may use one watchdog. Its thread starts with the first watch and lives as long as the process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[_Watch] = set()
        self._wakes_s = 0.0  # when the thread looks again by itself
        self._runs = False

    @contextmanager
    def watch(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Run ``act``, in a separate thread, if the block takes longer than so many seconds."""
        watch = _Watch(time.monotonic() + seconds, act)
        with self._changed:
            self._watches.add(watch)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="watchdog", daemon=True).start()
            elif watch.until_s < self._wakes_s:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watches.discard(watch)

    def _run(self) -> None:
        with self._changed:
            while True:
                now_s = time.monotonic()
                for late in [watch for watch in self._watches if watch.until_s <= now_s]:
                    self._watches.discard(late)
                    # Apart: whatever becomes of it, the others are still watched.
                    threading.Thread(target=late.act, daemon=True).start()
                self._wakes_s = min((watch.until_s for watch in self._watches), default=float("inf"))
                self._changed.wait(None if self._wakes_s == float("inf") else self._wakes_s - now_s)


WATCHDOG = Watchdog()
"""The one of this process."""
