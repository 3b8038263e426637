"""Moments as text, in the one form that sorts."""

from datetime import UTC, datetime

YEARS = range(1990, 2100)
"""No call of these services was recorded before, or is by now. Programs write such a date for "none": 0001-01-01,
1899-12-30, 1900-01-01, 1970-01-01, 1980-01-01, 2999-12-31, 9999-12-31."""


def iso(moment: datetime) -> str:
    """UTC in a fixed width with milliseconds (``2026-10-25T01:30:00.000Z``): sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_iso(text: str) -> datetime:
    """The inverse of ``iso``; also takes any ISO 8601 text that names its offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the first and the last day of the calendar, elsewhere
        raise ValueError(f"{text!r} is outside the calendar") from None
