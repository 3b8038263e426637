"""Which partitions table ``calls`` shows: its partition projection (template.yaml) lists the sources and the days."""

from datetime import date, timedelta

from call_lake.model.layout import Partition
from call_lake.settings import CompactorSettings


def why_misplaced(partition: Partition | None, settings: CompactorSettings, today: date) -> str:
    """Say why the table would not show this partition; empty where it shows it. ``today``: the date in UTC."""
    if partition is None:
        return "the key names no partition"
    if partition.source not in settings.sources:
        return f"source {partition.source} is none of the stack's sources"
    # In a source's time zone tomorrow may have begun already.
    first, last = settings.first_call_date, today + timedelta(days=1)
    if not date.fromisoformat(first) <= partition.call_date <= last:
        return f"call_date {partition.call_date} is not within {first} and {last}"
    return ""
