"""A closed stretch of time that is read from a provider."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from call_lake.model.times import iso


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A closed stretch of time ``[start, end]``, both aware; the provider turns it into its own clock."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware datetimes")
        # Within one zone Python reckons by the wall clock, which leaps twice a year.
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end < self.start:
            raise ValueError(f"a window ends before it starts: {iso(self.start)} > {iso(self.end)}")

    @property
    def width(self) -> timedelta:
        return self.end - self.start

    def __str__(self) -> str:
        return f"[{iso(self.start)}, {iso(self.end)}]"
