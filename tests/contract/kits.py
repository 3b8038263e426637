"""What a contract test is given: the ports of one implementation, and what it needs beside them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from call_lake.model.layout import Partition
from call_lake.ports import Catalog, EventBus, Queue, Secrets, Table, VersionedStore
from tests.support.fakes import Received

DEADLINE_S = 30.0

type Refuse = Callable[[Mapping[int, str], int], None]
"""Refuse these (position, text) pairs of the next batch call so many times."""


@dataclass(frozen=True)
class StoreKit:
    store: VersionedStore
    refuse: Refuse
    conflict: Callable[[], None]
    """Answer the next conditional write with 409."""
    small_pages: Callable[[], None]
    keep_versions: Callable[[], None]
    """From now on the bucket keeps what is replaced or deleted."""


@dataclass(frozen=True)
class QueueKit:
    queue: Queue
    refuse: Refuse
    receive: Callable[[], Sequence[Received]]
    delete: Callable[[str], None]
    receive_dead: Callable[[], Sequence[Received]]


@dataclass(frozen=True)
class TableKit:
    table: Table
    small_pages: Callable[[], None]


@dataclass(frozen=True)
class CatalogKit:
    """A database with the tables ``calls`` and ``calls_open``."""

    catalog: Catalog
    add_column: Callable[[], None]
    """A deployment gives ``calls`` one column more."""
    move: Callable[[Partition], None]
    """Somebody gives a partition of ``calls`` another location."""


@dataclass(frozen=True)
class BusKit:
    bus: EventBus
    refuse: Refuse
    events: Callable[[], list[dict[str, Any]]]
    """What came to the bus until now: ``source``, ``detail-type``, ``detail``."""


@dataclass(frozen=True)
class SecretsKit:
    secrets: Secrets
    name: str
    fill: Callable[[str], None]


class Cloud(ABC):
    name: str

    @abstractmethod
    def now(self) -> datetime: ...

    @abstractmethod
    def pause(self) -> None: ...

    @abstractmethod
    def store(self) -> StoreKit: ...

    @abstractmethod
    def queue(self) -> QueueKit: ...

    @abstractmethod
    def table(self) -> TableKit: ...

    @abstractmethod
    def catalog(self) -> CatalogKit: ...

    @abstractmethod
    def bus(self) -> BusKit: ...

    @abstractmethod
    def secrets(self) -> SecretsKit: ...

    def eventually[T](self, probe: Callable[[], T]) -> T:
        """What ``probe`` gives as soon as it is true, or its last answer after the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := probe()) and time.monotonic() < deadline:
            self.pause()
        return found
