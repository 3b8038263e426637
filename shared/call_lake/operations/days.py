"""Calendar days of a source, as an operator names them: ``--from 2026-10-01 --to 2026-10-31``."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from call_lake.model.windows import Window

LISTED_LATE = timedelta(days=1)
"""Providers filter by when a recording was made or a call ended, which is hours after its start (docs/providers.md)."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days in the source's own time zone, the first and the last one included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def all(self) -> list[date]:
        """Every day, in order."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def window(self, zone: ZoneInfo) -> Window:
        """The window that has to be listed to see all calls of these days."""
        start = datetime.combine(self.first, time(), zone)
        return Window(start, datetime.combine(self.last + timedelta(days=1), time(), zone) + LISTED_LATE)
