"""What a simulated month is made of: a clock with lanes, providers that are watched, queues that count."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from call_lake.model.messages import recording_from_message
from call_lake_local.simulators.clock import SimClock
from tests.support.fakes import FakeClock, MemoryQueue, Received

SOURCES = ("thulium", "conpeek")


class LaneClock(FakeClock):
    """A clock that can be turned to where another lane is."""

    def turn_to(self, moment: datetime) -> None:
        with self._lock:
            self._passed = moment - self._start


class ProviderClock(SimClock):
    """The providers live in the same time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a provider, and what it answered."""

    at: datetime
    source: str
    path: str
    status: int

    @property
    def is_listing(self) -> bool:
        return self.path.endswith(("/recordings", "/cdr_dialog_recording"))


class Watched(BaseAdapter):
    """Notes every request on its way to the simulated providers."""

    def __init__(self, adapter: BaseAdapter, clock: FakeClock) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self._adapter = adapter
        self._clock = clock

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        at, url = self._clock.now(), urlsplit(request.url or "")
        response = self._adapter.send(request, *args, **kwargs)
        self.asked.append(Asked(at, (url.hostname or "").partition(".")[0], url.path, response.status_code))
        return response

    def close(self) -> None:
        self._adapter.close()


class CountedQueue(MemoryQueue):
    """``published``: messages by recording. ``peak``: the most messages that it held. ``deliveries``: of one message,
    the most."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.published: Counter[str] = Counter()
        self.peak = self.deliveries = 0

    def receive(self, max_messages: int = 10) -> list[Received]:
        received = super().receive(max_messages)
        self.deliveries = max([self.deliveries, *(one.receive_count for one in received)])
        return received

    def send(self, bodies: Sequence[str], *, attributes: Mapping[str, str] | None = None) -> None:
        super().send(bodies, attributes=attributes)
        self.published.update(recording_from_message(body).recording_id for body in bodies)
        self.peak = max(self.peak, len(self))
