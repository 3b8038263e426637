import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from typing import Any

from call_lake.ports import FIRST_DUE, Below, Clock, Expectation, Item, OneOf, PreconditionFailed
from tests.support.fakes.calls import STATEMENT, Calls

INSERT_BATCH = 25
ITEM_BYTES = 400 * 1024
INDEXED = ("id", "due_list", "due_at", "state", "reason")


class MemoryTable:
    """The ledger's table, a year old. ``index_delay_s``: how long a write takes to be seen by ``query_due``."""

    def __init__(self, clock: Clock, calls: Calls) -> None:
        self.index_delay_s = 0.0
        self._clock = clock
        self._calls = calls
        self._created_at = clock.now() - timedelta(days=365)
        self._items: dict[str, Item] = {}
        self._index: dict[str, Item] = {}
        self._coming: list[tuple[datetime, str, Item | None]] = []
        self._lock = threading.RLock()

    def get(self, id: str) -> Item | None:
        def act() -> Item | None:
            with self._lock:
                return _copy(self._items[id]) if id in self._items else None

        item: Item | None = self._calls.run("table", "get", act)
        return item

    def get_many(self, ids: Sequence[str]) -> dict[str, Item]:
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Item] = {}
        for start in range(0, len(wanted), 100):
            batch = wanted[start : start + 100]
            found |= self._calls.run("table", "get_many", partial(self._some, batch))
        return found

    def _some(self, ids: Sequence[str]) -> dict[str, Item]:
        with self._lock:
            return {id: _copy(self._items[id]) for id in ids if id in self._items}

    def update(self, id: str, changes: Mapping[str, Any], expect: Expectation | None = None) -> None:
        def act() -> None:
            with self._lock:
                item = dict(self._items.get(id, {"id": id}))
                standing = self._items.get(id, {})
                if not all(_holds(standing, name, wanted) for name, wanted in (expect or {}).items()):
                    raise PreconditionFailed(id)
                for name, value in changes.items():
                    if value is None:
                        item.pop(name, None)
                    else:
                        item[name] = _copy(value)
                self._write(item)

        self._calls.run("table", "update", act)

    def insert(self, items: Sequence[Item]) -> set[str]:
        """A request is one call, and each statement in it another: what breaks there leaves a part of the request."""
        return {
            item["id"]
            for batch in batched(items, INSERT_BATCH, strict=False)
            for item in self._calls.run("table", "insert", partial(self._insert, batch))
        }

    def _insert(self, items: Sequence[Item]) -> list[Item]:
        assert len({item["id"] for item in items}) == len(items), "an id is there twice"
        return [item for item in items if self._calls.run("table", STATEMENT, partial(self._insert_one, item))]

    def _insert_one(self, item: Item) -> bool:
        with self._lock:
            if item["id"] in self._items:
                return False
            self._write(_copy(item))
            return True

    def _write(self, item: Item) -> None:
        if value_bytes(item) > ITEM_BYTES:
            raise ValueError(f"{item['id']}: item size has exceeded the maximum allowed size")
        self._items[item["id"]] = item
        indexed = (
            {name: item[name] for name in INDEXED if name in item} if "due_list" in item and "due_at" in item else None
        )
        seen_at = self._clock.now() + timedelta(seconds=self.index_delay_s)
        self._coming.append((seen_at, item["id"], indexed))

    def query_due(self, due_list: str, due_before: str, limit: int, *, due_from: str = FIRST_DUE) -> list[Item]:
        def act() -> list[Item]:
            with self._lock:
                self._catch_up()
                found = [
                    _copy(item)
                    for item in self._index.values()
                    if item["due_list"] == due_list and due_from <= item["due_at"] <= due_before
                ]
            return sorted(found, key=lambda item: item["due_at"])[:limit]

        return list(self._calls.run("table", "query_due", act))

    def _catch_up(self) -> None:
        now = self._clock.now()
        for seen_at, id, item in self._coming:
            if seen_at > now:
                continue
            if item is None:
                self._index.pop(id, None)
            else:
                self._index[id] = item
        self._coming = [coming for coming in self._coming if coming[0] > now]

    def created_at(self) -> datetime:
        found: datetime = self._calls.run("table", "created_at", lambda: self._created_at)
        return found

    def scan(self, attributes: Sequence[str], *, may_be_late: bool = False) -> Iterator[Item]:
        def act() -> list[Item]:
            with self._lock:
                return [
                    {name: _copy(item[name]) for name in attributes if name in item} for item in self._items.values()
                ]

        return iter(self._calls.run("table", "scan", act))

    def restore(self, items: Mapping[str, Item]) -> None:
        """As DynamoDB restores a table: the items of ``items()`` alone, in their index too."""
        with self._lock:
            self._items, self._index, self._coming = {}, {}, []
            self._created_at = self._clock.now()
            for item in items.values():
                self._write(_copy(item))

    def items(self, prefix: str = "") -> dict[str, Item]:
        """What stands, for a test to look at: no call of the world."""
        with self._lock:
            return {id: _copy(item) for id, item in self._items.items() if id.startswith(prefix)}


def _holds(item: Item, name: str, wanted: OneOf | Below) -> bool:
    missing = name not in item
    match wanted:
        case OneOf(values):
            return None in values if missing else any(value is not None and item[name] == value for value in values)
        case Below(value):
            return missing or (_comparable(item[name], value) and item[name] < value)


def _comparable(one: Any, other: Any) -> bool:
    """DynamoDB compares values of one type; a string is neither below nor above a number."""
    return isinstance(one, str) == isinstance(other, str)


def _copy(value: Any) -> Any:
    """The value as DynamoDB keeps it: plain text, whole numbers without a fraction, nothing shared with the caller."""
    match value:
        case None | bool():
            return value
        case str():
            return str(value)
        case bytes():
            return value
        case int() if abs(value) < 10**38:
            return int(value)
        case float() if math.isfinite(value) and (value == 0 or 1e-130 <= abs(value) < 1e126):
            return int(value) if value.is_integer() else value
        case list():
            return [_copy(inner) for inner in value]
        case Mapping():
            return {str(name): _copy(inner) for name, inner in value.items()}
        case int() | float():
            raise ValueError(f"a number that DynamoDB cannot hold: {value!r}")
    raise TypeError(f"DynamoDB has no type for {type(value).__name__}")


def value_bytes(value: Any) -> int:
    """Bytes that an item counts: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
        case list():
            return 3 + sum(1 + value_bytes(inner) for inner in value)
        case Mapping():
            return 3 + sum(1 + len(name.encode()) + value_bytes(inner) for name, inner in value.items())
    return len(str(value)) // 2 + 2
