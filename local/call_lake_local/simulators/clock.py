"""The providers' clock: the real one until a test sets it."""

from datetime import UTC, datetime, timedelta


class SimClock:
    def __init__(self, now: datetime | None = None) -> None:
        self._set = now

    def now(self) -> datetime:
        """Aware UTC."""
        return self._set or datetime.now(UTC)

    def set(self, now: datetime | None) -> None:
        """Stand still at ``now`` (aware); None goes back to real time."""
        self._set = now.astimezone(UTC) if now else None

    def advance(self, seconds: float) -> None:
        """Move a set clock; the real one moves by itself."""
        if self._set:
            self._set += timedelta(seconds=seconds)
