"""AWS in memory that counts what AWS would bill: not calls, but units of them.

DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
SQS, EventBridge and S3: their pages in docs/prices.json.
"""

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import batched
from math import ceil
from typing import Any

from call_lake.ports import FIRST_DUE, Clock, Expectation, Item, PreconditionFailed
from tests.support.fakes import Calls, FakeClock, MemoryBus, MemoryQueue, MemorySecrets, MemoryStore, MemoryTable, World
from tests.support.fakes.calls import Call, Proceed
from tests.support.fakes.catalog import MemoryCatalog
from tests.support.fakes.ids import ID_KEY, ID_KEY_SECRET
from tests.support.fakes.queue import Received
from tests.support.fakes.table import INDEXED, value_bytes

WRITE_BYTES = 1024  # of one DynamoDB write unit
READ_BYTES = 4096  # of one DynamoDB read unit
CHUNK_BYTES = 64 * 1024  # SQS and EventBridge bill larger payloads as several
LIST_KEYS = 1000  # of one ListObjectsV2 answer
BATCH = 10


class Unit(StrEnum):
    """What is counted; the names are those of ``docs/prices.json`` where a price is for just this."""

    DYNAMODB_WRITE = "dynamodb_write"
    DYNAMODB_READ = "dynamodb_read"
    SQS_REQUEST = "sqs_request"
    S3_WRITE = "s3_write"
    S3_READ = "s3_read"
    EVENT = "event"
    POLLER_RUN = "poller_run"
    COPIER_RUN = "copier_run"
    COMPACTOR_RUN = "compactor_run"


class Meter:
    """Counts, from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[Unit] = Counter()
        self._lock = threading.Lock()

    def add(self, unit: Unit, amount: float) -> None:
        with self._lock:
            self._counts[unit] += amount  # type: ignore[assignment]  # halves of read units

    def take(self) -> dict[Unit, float]:
        """What was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)

    def count_s3(self, call: Call, proceed: Proceed) -> Any:
        """Around every call of a world. Deletions are free: https://aws.amazon.com/s3/pricing/"""
        if call.port != "store":
            return proceed()
        if call.method == "put":
            self.add(Unit.S3_WRITE, 1)  # a refused one, too
        elif call.method in ("get", "get_range", "head"):
            self.add(Unit.S3_READ, 1)
        answer = proceed()
        if call.method == "list":
            self.add(Unit.S3_WRITE, max(1, ceil(len(answer) / LIST_KEYS)))
        return answer


class MeteredTable(MemoryTable):
    """A write is billed by the larger of the item before and after, a refused one by the item that stands; the index is
    written apart, twice where its key changes."""

    def __init__(self, clock: Clock, calls: Calls, meter: Meter) -> None:
        super().__init__(clock, calls)
        self._meter = meter

    def get(self, id: str) -> Item | None:
        item = super().get(id)
        self._meter.add(Unit.DYNAMODB_READ, _read_units(item))
        return item

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        found = super().get_many(ids)
        self._meter.add(Unit.DYNAMODB_READ, sum(_read_units(found.get(id)) for id in dict.fromkeys(ids)))
        return found

    def update(self, id: str, changes: Mapping[str, Any], expect: Expectation | None = None) -> None:
        before = self._items.get(id, {})
        try:
            super().update(id, changes, expect)
        except PreconditionFailed:
            self._meter.add(Unit.DYNAMODB_WRITE, _units(before, WRITE_BYTES))
            raise
        after = self._items[id]
        larger = max(_units(before, WRITE_BYTES), _units(after, WRITE_BYTES))
        self._meter.add(Unit.DYNAMODB_WRITE, larger + _index_units(before, after))

    def _insert_one(self, item: Item) -> bool:
        """A statement is one write; a refused one is billed by the item that stands."""
        is_new = super()._insert_one(item)
        written = self._items[item["id"]]
        index = _index_units({}, written) if is_new else 0
        self._meter.add(Unit.DYNAMODB_WRITE, _units(written, WRITE_BYTES) + index)
        return is_new

    def query_due(self, due_list: str, due_before: str, limit: int, *, due_from: str = FIRST_DUE) -> list[Item]:
        found = super().query_due(due_list, due_before, limit, due_from=due_from)
        size = sum(item_bytes(item) for item in found)
        self._meter.add(Unit.DYNAMODB_READ, max(1, ceil(size / READ_BYTES)) / 2)  # eventually consistent
        return found


class MeteredQueue(MemoryQueue):
    """With the receives and deletions that Lambda makes for its function. Receives of an empty queue are not counted:
    they come from the time that passes (``Assumptions.idle_receives``)."""

    def __init__(self, name: str, clock: Clock, calls: Calls, meter: Meter, **settings: Any) -> None:
        super().__init__(name, clock, calls, **settings)
        self._meter = meter

    def send(self, bodies: Sequence[str], *, attributes: Mapping[str, str] | None = None) -> None:
        for batch in batched(bodies, BATCH, strict=False):
            self._meter.add(Unit.SQS_REQUEST, _chunks(sum(len(body.encode()) for body in batch)))
        super().send(bodies, attributes=attributes)

    def delay(self, receipt_handle: str, seconds: int) -> None:
        self._meter.add(Unit.SQS_REQUEST, 1)
        super().delay(receipt_handle, seconds)

    def receive(self, max_messages: int = BATCH) -> list[Received]:
        received = super().receive(max_messages)
        if received:
            deletion = 1
            self._meter.add(Unit.SQS_REQUEST, _chunks(sum(len(one.body.encode()) for one in received)) + deletion)
        return received


class MeteredBus(MemoryBus):
    def __init__(self, clock: Clock, calls: Calls, meter: Meter) -> None:
        super().__init__(clock, calls)
        self._meter = meter

    def publish(self, detail_type: str, details: Sequence[Mapping[str, Any]]) -> None:
        self._meter.add(Unit.EVENT, sum(_chunks(len(json.dumps(detail).encode())) for detail in details))
        super().publish(detail_type, details)


def metered_world(sources: Sequence[str], meter: Meter, clock: FakeClock | None = None) -> World:
    """An empty account; the queues are as the template makes them."""
    clock, calls = clock or FakeClock(), Calls()
    calls.on_call(meter.count_s3)
    dlq = MeteredQueue("dlq", clock, calls, meter)
    settings = {"visibility_s": 1800, "retention_s": 86_400, "dlq": dlq}
    return World(
        clock=clock,
        calls=calls,
        store=MemoryStore("call-lake-cost", clock, calls),
        table=MeteredTable(clock, calls, meter),
        catalog=MemoryCatalog(calls),
        bus=MeteredBus(clock, calls, meter),
        queues={name: MeteredQueue(f"recordings-{name}", clock, calls, meter, **settings) for name in sources},
        dlq=dlq,
        secrets=MemorySecrets(clock, calls, {ID_KEY_SECRET: json.dumps({"key": ID_KEY})}),
    )


def item_bytes(item: Mapping[str, Any]) -> int:
    """The size that DynamoDB bills: an item's names and values, without the overhead of a map within one."""
    return value_bytes(item) - value_bytes({}) - len(item)


def _units(item: Mapping[str, Any], unit_bytes: int) -> int:
    return max(1, ceil(item_bytes(item) / unit_bytes))


def _read_units(item: Item | None) -> int:
    """Strongly consistent; of what is not there, too."""
    return _units(item or {}, READ_BYTES)


def _index_units(before: Mapping[str, Any], after: Mapping[str, Any]) -> int:
    old, new = _projected(before), _projected(after)
    if old == new:
        return 0
    if old and new and (old["due_list"], old["due_at"]) == (new["due_list"], new["due_at"]):
        return max(_units(old, WRITE_BYTES), _units(new, WRITE_BYTES))
    return sum(_units(entry, WRITE_BYTES) for entry in (old, new) if entry)


def _projected(item: Mapping[str, Any]) -> dict[str, Any]:
    if "due_list" not in item or "due_at" not in item:
        return {}
    return {name: item[name] for name in INDEXED if name in item}


def _chunks(size_bytes: int) -> int:
    return max(1, ceil(size_bytes / CHUNK_BYTES))
