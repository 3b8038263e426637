import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that passes only by ``sleep`` and ``advance``."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed.total_seconds()

    def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        with self._lock:
            self._passed += by

    def advance_to(self, moment: datetime) -> None:
        """Forward to ``moment``; a moment that has passed leaves the clock alone."""
        with self._lock:
            self._passed = max(self._passed, moment - self._start)
