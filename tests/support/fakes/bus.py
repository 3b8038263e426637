import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from call_lake.ports import Clock
from tests.support.fakes.calls import Batches, Calls


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    source: str
    detail_type: str
    detail: Mapping[str, Any]
    published_at: datetime


class MemoryBus:
    """One bus; ``events`` is what came to it, in order."""

    def __init__(self, clock: Clock, calls: Calls, source: str = "call-lake") -> None:
        self.events: list[PublishedEvent] = []
        self._clock = clock
        self._source = source
        self._lock = threading.Lock()
        self._puts = Batches(calls, "bus", "publish", 10)
        self.refuse_events = self._puts.refuse

    def publish(self, detail_type: str, details: Sequence[Mapping[str, Any]]) -> None:
        def accept(position: int) -> bool:
            detail = json.loads(json.dumps(details[position]))
            with self._lock:
                self.events.append(PublishedEvent(self._source, detail_type, detail, self._clock.now()))
            return True

        self._puts.send(len(details), accept)
