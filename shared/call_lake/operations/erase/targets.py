"""Whom an erasure is about, and which recordings that comes to."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from call_lake.errors import CallLakeError
from call_lake.lake.errors import LakeDamaged
from call_lake.lake.manifest import list_partitions
from call_lake.lake.search import recordings_in
from call_lake.ledger.entry import State
from call_lake.model.layout import Partition
from call_lake.ports import Item, ObjectStore, Table

ALIKE_DIGITS = 9
"""Numbers that agree in so many last digits are one subscriber, written with and without its prefixes."""

type Tell = Callable[[str], None]


class UnknownRecording(CallLakeError):
    """Neither ledger nor table has such a recording id, so there is nothing to erase; nothing was."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who is to be erased. Numbers and agents match what is stored character by character."""

    numbers: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    recording_ids: frozenset[str] = frozenset()

    @property
    def names_people(self) -> bool:
        return bool(self.numbers or self.agents)

    def matches(self, record: Mapping[str, object]) -> bool:
        """Whether the frozen ``record`` of a ledger item is about them."""
        return not self.numbers.isdisjoint(_numbers_of(record)) or record.get("agent") in self.agents

    def to_json(self) -> dict[str, int]:
        """How many of each; an answer that is filed as a proof must not hold what was erased."""
        return {
            "numbers": len(self.numbers),
            "agents": len(self.agents),
            "recording_ids": len(self.recording_ids),
        }


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One recording to erase. ``state`` is that of its item before; None where the ledger lost the item."""

    recording_id: str
    partition: Partition
    state: str | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, str | None]:
        place = {"source": self.partition.source, "call_date": self.partition.call_date.isoformat()}
        return {"recording_id": self.recording_id, **place, "state": self.state}


@dataclass(frozen=True)
class Targets:
    """Recordings to erase. ``searched``: ledger items and partitions that were read to find them. ``near``: other
    spellings of the numbers asked for that the ledger holds, with the recordings of each. ``damage``: what kept a
    partition from being read; there may be more targets in it."""

    all: tuple[Target, ...]
    searched: int = 0
    near: Mapping[str, int] = field(default_factory=dict)
    damage: str = ""

    @cached_property
    def ids(self) -> frozenset[str]:
        return frozenset(target.recording_id for target in self.all)

    @cached_property
    def by_partition(self) -> dict[Partition, set[str]]:
        found: dict[Partition, set[str]] = {}
        for target in self.all:
            found.setdefault(target.partition, set()).add(target.recording_id)
        return dict(sorted(found.items()))

    def must_be_all(self) -> None:
        """Raises LakeDamaged where a partition could not be read."""
        if self.damage:
            raise LakeDamaged(self.damage)


def find_targets(request: Request, table: Table, store: ObjectStore, tell: Tell) -> Targets:
    """What is to be erased: all that ledger or lake holds of the recording ids and people given, and for people also
    what an erasure that died has left, for which nothing but its tombstone speaks any more. Raises UnknownRecording."""
    found, partitions, damage = _in_lake(request, table, store, tell)
    given = table.get_many(sorted(request.recording_ids))
    found |= {_target(item) for item in given.values() if "call_date" in item}
    if unknown := sorted(request.recording_ids - {target.recording_id for target in found}):
        raise UnknownRecording(
            f"the ledger knows no recording {', '.join(unknown)}, and no row that can be read is of it, so nothing was "
            "erased; `call-lake show` finds a recording by its provider's key"
        )
    searched, near = len(request.recording_ids) + partitions, Counter[str]()
    for number, item in enumerate(table.scan() if request.names_people else (), 1):
        searched += 1
        if number % 10_000 == 0:
            tell(f"searching the ledger: {number:,} items")
        record = json.loads(item.get("record", "{}"))
        if item.get("erasing") or request.matches(record):
            found.add(_target(item))
        else:
            near.update(_near(request.numbers, record))
    return Targets(tuple(sorted(found)), searched, near, damage)


def _in_lake(request: Request, table: Table, store: ObjectStore, tell: Tell) -> tuple[set[Target], int, str]:
    """What has rows: nearly always what the ledger says, but for an item that was lost or changed behind our back. With
    how many partitions there are, and what is wrong with one that cannot be read."""
    wanted = set(request.numbers), set(request.agents), set(request.recording_ids)
    rows, number, damage = list[tuple[Partition, str]](), 0, ""
    for number, listed in enumerate(list_partitions(store), 1):
        try:
            rows += [(listed.partition, id) for id in recordings_in(store, listed.partition, *wanted)]
        except LakeDamaged as error:
            damage = damage or str(error)
        tell(f"searching the table: {number:,} days")
    items = table.get_many(sorted({id for _, id in rows}))
    return {Target(id, partition, items.get(id, {}).get("state")) for partition, id in rows}, number, damage


def _target(item: Item) -> Target:
    partition = Partition(item["source"], date.fromisoformat(item["call_date"]))
    return Target(item["id"], partition, State(item["state"]))


def _numbers_of(record: Mapping[str, object]) -> list[str]:
    return [number for name in ("caller", "callee") if isinstance(number := record.get(name), str)]


def _near(numbers: Iterable[str], record: Mapping[str, object]) -> set[str]:
    ends = {end for number in numbers if len(end := _end_of(number)) == ALIKE_DIGITS}
    return {number for number in _numbers_of(record) if _end_of(number) in ends} if ends else set()


def _end_of(number: str) -> str:
    return "".join(filter(str.isdigit, number))[-ALIKE_DIGITS:]
