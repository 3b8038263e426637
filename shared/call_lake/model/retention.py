"""How long rows are kept: RowRetentionDays (docs/adr/0039)."""

from datetime import date, datetime, timedelta


def first_kept_day(now: datetime, row_retention_days: int) -> date | None:
    """The first call date that is kept; None where all are. A call is kept for at least so many days, in every time
    zone, and for at most two more."""
    return now.date() - timedelta(days=row_retention_days + 1) if row_retention_days else None
