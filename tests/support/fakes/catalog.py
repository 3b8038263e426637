from collections.abc import Sequence

from call_lake.model.layout import Partition
from tests.support.fakes.calls import Batches, Calls

ELSEWHERE = -1


class MemoryCatalog:
    """A Glue database whose tables exist as soon as somebody registers a partition."""

    def __init__(self, calls: Calls) -> None:
        self.batches = Batches(calls, "catalog", "register", 100)
        self._calls = calls
        self._found: dict[str, dict[Partition, int]] = {}
        self._descriptions: dict[str, int] = {}

    def registered(self, table: str) -> set[Partition]:
        def act() -> set[Partition]:
            now = self._descriptions.get(table, 0)
            return {one for one, described in self._found.get(table, {}).items() if described == now}

        found: set[Partition] = self._calls.run("catalog", "registered", act)
        return found

    def register(self, table: str, partitions: Sequence[Partition]) -> None:
        def accept(position: int) -> bool:
            self._found.setdefault(table, {})[partitions[position]] = self._descriptions.get(table, 0)
            return True

        self.batches.send(len(partitions), accept)

    def unregister(self, table: str, partition: Partition) -> None:
        self._calls.run("catalog", "unregister", lambda: self._found.get(table, {}).pop(partition, None))

    # -- what somebody else does, without a call of the world

    def seen(self, table: str) -> set[Partition]:
        """The partitions that a query reads."""
        return set(self._found.get(table, ()))

    def drop(self, table: str) -> None:
        """Somebody drops the table and makes it again."""
        self._found.pop(table, None)

    def move(self, table: str, partition: Partition) -> None:
        """Somebody gives a partition another location, so no query finds its rows."""
        self._found[table][partition] = ELSEWHERE

    def add_column(self, table: str) -> None:
        """A deployment describes the table in another way. The partitions stay as they were."""
        self._descriptions[table] = self._descriptions.get(table, 0) + 1
