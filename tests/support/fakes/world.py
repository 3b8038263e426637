from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from tests.support.fakes.bus import MemoryBus
from tests.support.fakes.calls import Calls
from tests.support.fakes.catalog import MemoryCatalog
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.ids import ID_KEY, ID_KEY_SECRET
from tests.support.fakes.queue import MemoryQueue
from tests.support.fakes.secrets import MemorySecrets
from tests.support.fakes.store import MemoryStore
from tests.support.fakes.table import MemoryTable


@dataclass(frozen=True, slots=True)
class World:
    """One AWS account in memory: a bucket, a table, a catalogue, a bus, a queue for each source, one DLQ, secrets."""

    clock: FakeClock
    calls: Calls
    store: MemoryStore
    table: MemoryTable
    catalog: MemoryCatalog
    bus: MemoryBus
    queues: Mapping[str, MemoryQueue]
    dlq: MemoryQueue
    secrets: MemorySecrets

    @classmethod
    def make(
        cls,
        sources: Sequence[str] = ("thulium", "conpeek"),
        *,
        clock: FakeClock | None = None,
        queue: type[MemoryQueue] = MemoryQueue,
    ) -> Self:
        """A new, empty world; the queues are as the template makes them."""
        clock, calls = clock or FakeClock(), Calls()
        dlq = MemoryQueue("dlq", clock, calls)
        queues = {
            source: queue(f"recordings-{source}", clock, calls, retention_s=86_400, dlq=dlq) for source in sources
        }
        secrets = MemorySecrets(clock, calls)
        for source in sources:
            secrets.set(source, user="api", password="invented", key="invented")
        secrets.set(ID_KEY_SECRET, key=ID_KEY)
        return cls(
            clock=clock,
            calls=calls,
            store=MemoryStore("call-lake-test", clock, calls),
            table=MemoryTable(clock, calls),
            catalog=MemoryCatalog(calls),
            bus=MemoryBus(clock, calls),
            queues=queues,
            dlq=dlq,
            secrets=secrets,
        )
