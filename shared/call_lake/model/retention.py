"""How long rows and transcripts are kept: RowRetentionDays (docs/adr/0039), TranscriptRetentionDays (docs/adr/0047)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta


def first_kept_day(now: datetime, row_retention_days: int) -> date | None:
    """The first call date that is kept; None where all are. A call is kept for at least so many days, in every time
    zone, and for at most two more."""
    return now.date() - timedelta(days=row_retention_days + 1) if row_retention_days else None


@dataclass(frozen=True, slots=True)
class TranscriptsKept:
    """``days``: TranscriptRetentionDays; 0: as long as the audio. ``audio_days``: AudioRetentionDays; 0: forever."""

    days: int
    audio_days: int

    @property
    def expire(self) -> bool:
        """Whether any transcript is ever too old."""
        return bool(self.days or self.audio_days)

    def must_go(self, call_date: date, now: datetime) -> bool:
        """Whether the transcripts of this day are too old, whatever became of the audio."""
        first = first_kept_day(now, self.days)
        return first is not None and call_date < first

    def may_go(self, call_date: date, now: datetime) -> bool:
        """Whether the transcripts of this day are too old, or are so once the audio of the day is gone."""
        first = first_kept_day(now, self.audio_days)
        return self.must_go(call_date, now) or (first is not None and call_date < first)
