"""How much audio Amazon Transcribe is asked for on one UTC day, so that no provider decides what you spend (rule 30).

The transcriber counts a recording's seconds before it starts the job. If it dies in between, it has counted too many,
never too few.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from call_lake.ports import Clock, Item, OneOf, PreconditionFailed, Table

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class HoursToday:
    """Seconds of audio on one UTC day: how many were counted, and how many may be."""

    day: str
    used_s: float
    limit_s: float

    @property
    def left_s(self) -> float:
        return max(0.0, self.limit_s - self.used_s)


class TranscribedHours:
    """The count of the engine ``aws``, on the item ``transcripts#aws``: ``day`` and ``used_s``. What belongs to another
    day counts as nothing. Functions run at the same time, so each write expects the values that it read."""

    ID = "transcripts#aws"

    def __init__(self, table: Table, clock: Clock, hours_per_day: float) -> None:
        self._table = table
        self._clock = clock
        self._limit_s = hours_per_day * HOUR_S

    def today(self) -> HoursToday:
        """How far the count is now. Raises Transient."""
        return self._today_of(self._item())

    def admit(self, seconds: float) -> HoursToday | None:
        """Count a recording whose job is about to start; return the count with it. None where the day has no room for
        all of it: nothing is counted then. Raises Transient."""
        while True:
            item = self._item()
            today = self._today_of(item)
            if seconds > today.left_s:
                return None
            if self._write(item, today.day, today.used_s + seconds):
                return HoursToday(today.day, today.used_s + seconds, today.limit_s)

    def give_back(self, seconds: float, admitted: HoursToday) -> None:
        """Take a recording out of the count again, for its job did not start. Of another day nothing is left to take.
        Raises Transient."""
        while True:
            item = self._item()
            today = self._today_of(item)
            if today.day != admitted.day or self._write(item, today.day, max(0.0, today.used_s - seconds)):
                return

    def next_day(self) -> datetime:
        """When the count begins again: the next midnight, UTC."""
        return datetime.combine(self._clock.now().astimezone(UTC).date() + timedelta(days=1), time(), UTC)

    def _item(self) -> Item:
        return self._table.get(self.ID) or {}

    def _today_of(self, item: Item) -> HoursToday:
        day = self._clock.now().astimezone(UTC).date().isoformat()
        return HoursToday(day, item["used_s"] if item.get("day") == day else 0.0, self._limit_s)

    def _write(self, item: Item, day: str, used_s: float) -> bool:
        as_read = {name: OneOf((item.get(name),)) for name in ("day", "used_s")}
        try:
            self._table.update(self.ID, {"day": day, "used_s": used_s}, as_read)
        except PreconditionFailed:
            return False
        return True
