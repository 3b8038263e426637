"""Call Lake's domain: find recordings, copy them, describe them in a lake (docs/architecture.md).

An analyst needs one function of it: ``call_lake.read`` (docs/dataframes.md).
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any


def read(
    first: date | str,
    last: date | str,
    *,
    table: str = "calls",
    sources: Collection[str] = (),
    columns: Sequence[str] | None = None,
    bucket: str | None = None,
) -> Any:
    """The rows of these days as a ``pyarrow.Table``, read from the files that the manifests name.

    ``first`` and ``last``: days like ``"2026-10-01"``, or dates; both belong to it. ``table``: ``calls``,
    ``calls_open``, ``transcripts`` or ``sound``. ``sources`` and ``columns``: all, where none is named. ``bucket``: the
    stack's; without it ``CALL_LAKE_BUCKET``, which ``call-lake env`` prints.

    Days without rows give a table without rows. Raises ValueError for a day that is none, and for an unknown table or
    column.
    """
    days = _day(first), _day(last)
    if days[1] < days[0]:
        raise ValueError(f"the last day, {days[1]}, is before the first one, {days[0]}")
    from call_lake.wiring import analyst  # `import call_lake` alone loads neither pyarrow nor boto3

    return analyst.read(table, *days, sources, columns, bucket)


def _day(value: date | str) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        day = None
    if type(day) is date and value in (day, day.isoformat()):  # 20261001 and 2026-W40-4 are read, too
        return day
    raise ValueError(f"{value!r} is no day: write it like '2026-10-01', or give a date")
