"""The rows of one provider: all, those that listings show now, and those in a window."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import RLock

from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.invented_data import odd_key
from call_lake_local.simulators.world import SimRecording, World

DECOYS_FROM = 10_000_000  # index of the first additional row that a fault brings
_DECOYS = ("no_key", "no_start", "future_rows")
_FUTURE = timedelta(days=400)
type Stamp = Callable[[SimRecording], str]


def subject(recording: SimRecording) -> str:
    return f"{recording.kind}/{recording.index}"


class Catalog:
    """``stamp`` gives the text that the provider's window compares."""

    def __init__(self, world: World, kind: str, clock: SimClock, plan: FaultPlan, stamp: Stamp) -> None:
        self._world, self._kind, self._clock = world, kind, clock
        self._rows = {recording.index: recording for recording in world.recordings.get(kind, ())}
        self._lock = RLock()
        self._cached: tuple[tuple[str, str, int] | None, list[SimRecording]] = (None, [])
        self.set_plan(plan, stamp)

    def set_plan(self, plan: FaultPlan, stamp: Stamp) -> None:
        with self._lock:
            self._plan, self._stamp = plan, stamp
            self._rebuild()

    def insert(self, recording: SimRecording) -> None:
        with self._lock:
            self._rows[recording.index] = recording
            self._rebuild()

    def delete(self, index: int) -> None:
        """Forget a row and its audio. Raises KeyError."""
        with self._lock:
            del self._rows[index]
            self._rebuild()

    def next_index(self) -> int:
        with self._lock:
            return max(self._rows, default=-1) + 1

    def rows(self) -> list[SimRecording]:
        """The rows that really are, by start; not the decoys."""
        with self._lock:
            return sorted(self._rows.values(), key=lambda row: (row.started_at, row.index))

    def row(self, index: int) -> SimRecording | None:
        return self._rows.get(index)

    def key_of(self, recording: SimRecording) -> str:
        if self._kind == "thulium" and self._plan.hits("odd_keys", subject(recording)):
            return odd_key(recording.key, recording.index)
        return recording.key

    def available_at(self, recording: SimRecording) -> datetime:
        """When listings begin to show the row."""
        delay = timedelta()
        if self._plan.hits("late", subject(recording)):
            delay = timedelta(hours=3 + 27 * self._plan.luck("late hours", subject(recording)))
        if self._plan.hits("very_late", subject(recording)):
            delay = timedelta(days=2 + 10 * self._plan.luck("late days", subject(recording)))
        return recording.available_at + delay

    def find(self, key: str) -> SimRecording | None:
        """The visible recording that is listed under ``key``."""
        with self._lock:
            recording = self._by_key.get(key)
            seen = recording is not None and self.available_at(recording) <= self._clock.now()
            return recording if seen else None

    def between(self, first: str, last: str) -> list[SimRecording]:
        """The visible rows with ``first`` <= stamp, and stamp up to and including whatever begins with ``last``;
        an empty text is no bound. Sorted by stamp."""
        with self._lock:
            visible = bisect_right(self._appearances, self._clock.now())
            asked = (first, last, visible)
            if self._cached[0] != asked:  # paging asks for the same window again and again
                start = bisect_left(self._stamps, first)
                bisect = bisect_left if "exclusive_to" in self._plan.active else bisect_right
                end = bisect(self._stamps, last, key=lambda text: text[: len(last)]) if last else None
                now = self._clock.now()
                all_visible = visible == len(self._appearances)
                found = [r for r in self._sorted[start:end] if all_visible or self.available_at(r) <= now]
                self._cached = (asked, found)
            return self._cached[1]

    def _rebuild(self) -> None:
        listed = [*self._rows.values(), *(decoy for name in _DECOYS for decoy in self._decoys(name))]
        self._sorted = sorted(listed, key=lambda row: (self._stamp(row), row.index))
        self._stamps = [self._stamp(row) for row in self._sorted]
        self._appearances = sorted(map(self.available_at, listed))
        self._by_key = {self.key_of(row): row for row in listed if row.broken != "no_key"}
        self._cached = (None, [])

    def _decoys(self, name: str) -> list[SimRecording]:
        if name not in self._plan.active:
            return []
        count = round(self._plan.active[name].rate * len(self._rows)) or 1
        first = DECOYS_FROM + _DECOYS.index(name) * 1_000_000
        return [self._world.decoy(self._kind, first + n, name, _FUTURE) for n in range(count)]
