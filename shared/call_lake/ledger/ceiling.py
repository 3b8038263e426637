"""How many new recordings a source may bring on one UTC day, so that no provider decides what the customer spends.

A poll counts new recordings before it sends their messages. One that dies in between has counted too many, never too
few. ``call-lake allow`` lets more through (docs/adr/0023).
"""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from call_lake.ports import Clock, Item, OneOf, PreconditionFailed, Table

REACHED = "ceiling reached"


@dataclass(frozen=True, slots=True)
class Today:
    """The new recordings of one source on one UTC day: how many were counted, and how many may be."""

    source: str
    day: str
    count: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.count)

    @property
    def is_reached(self) -> bool:
        return self.left == 0

    def __str__(self) -> str:
        """What ``call-lake status`` shows of a ceiling that is reached."""
        return (
            f"{REACHED}: {self.count:,} new recordings today; the rest waits until 00:00 UTC; "
            f"`call-lake allow {self.source} --more N` lets more through"
        )


class Ceiling:
    """The count of one source, on its item ``source#<name>``. ``per_day``: the source's setting ``new_per_day``.

    Polls write ``new_day`` and ``new_count``, the command line ``allowed_day`` and ``allowed_more``. What belongs to
    another day counts as nothing. Polls run at the same time, so each write expects the values that it read.
    """

    def __init__(self, table: Table, clock: Clock, source: str, per_day: int) -> None:
        self._table = table
        self._clock = clock
        self._source = source
        self._per_day = per_day
        self._id = f"source#{source}"

    def today(self) -> Today:
        """How far the count is now."""
        return self._today_of(self._item(), self._day())

    def admit(self, number: int) -> tuple[int, Today]:
        """Count new recordings that are about to be published. Return how many of ``number`` may be, and the count with
        them. Writes nothing where none may be."""
        while True:
            item, day = self._item(), self._day()
            today = self._today_of(item, day)
            admitted = min(number, today.left)
            if not admitted:
                return 0, today
            if written := self._write(item, {"new_day": day, "new_count": today.count + admitted}):
                return admitted, self._today_of(written, day)

    def allow(self, more: int) -> Today:
        """Let ``more`` new recordings through today, beyond those that came or may come already."""
        while True:
            item, day = self._item(), self._day()
            today = self._today_of(item, day)
            changes: dict[str, Any] = {
                "allowed_day": day,
                "allowed_more": max(today.count, today.limit) + more - self._per_day,
            }
            if str(item.get("trouble")).startswith(REACHED):
                changes["trouble"] = None
            if written := self._write(item, changes):
                return self._today_of(written, day)

    def _item(self) -> Item:
        return self._table.get(self._id) or {}

    def _day(self) -> str:
        return self._clock.now().astimezone(UTC).date().isoformat()

    def _today_of(self, item: Item, day: str) -> Today:
        count = item["new_count"] if item.get("new_day") == day else 0
        more = item["allowed_more"] if item.get("allowed_day") == day else 0
        return Today(self._source, day, count, self._per_day + more)

    def _write(self, item: Item, changes: dict[str, Any]) -> Item | None:
        """The new item; None where another writer has changed these attributes since ``item`` was read."""
        try:
            self._table.update(self._id, changes, {name: OneOf((item.get(name),)) for name in changes})
        except PreconditionFailed:
            return None
        return {name: value for name, value in {**item, **changes}.items() if value is not None}
