"""Find the recordings to erase: those of the numbers, agents and recording ids that the operator names."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from call_lake.errors import CallLakeError, ItemChanged
from call_lake.lake.errors import LakeDamaged
from call_lake.lake.manifest import list_partitions
from call_lake.lake.search import recordings_in
from call_lake.ledger.entry import entry_of, state_of
from call_lake.model.layout import Partition
from call_lake.model.recording import RECORDING_ID
from call_lake.ports import Item, ObjectStore, Table

ALIKE_DIGITS = 9
"""Two numbers with the same last nine digits are one subscriber, written with and without prefixes."""

type EraseProgress = Callable[[str], None]
"""Called with one line of text at each step."""


class NoProof(CallLakeError):
    """A text that is not what an erasure ended with. Nothing was erased."""


class UnknownRecording(CallLakeError):
    """Neither the ledger nor the table has this recording id. Nothing was erased."""


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Who is to be erased. Numbers and agents have to be equal to the stored text, character by character."""

    numbers: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    recording_ids: frozenset[str] = frozenset()
    proved: "frozenset[Target]" = frozenset()
    """Recordings of an earlier erasure's proof. They are erased though neither ledger nor lake knows them any more."""

    @property
    def ids(self) -> frozenset[str]:
        return self.recording_ids | {target.recording_id for target in self.proved}

    @property
    def names_people(self) -> bool:
        return bool(self.numbers or self.agents)

    def matches(self, record: Mapping[str, object]) -> bool:
        """Whether a recording is about them. ``record``: the one in its ledger item."""
        return not self.numbers.isdisjoint(_numbers_of(record)) or record.get("agent") in self.agents

    def to_json(self) -> dict[str, int]:
        """How many of each. A proof that is filed must not hold what was erased."""
        return {
            "numbers": len(self.numbers),
            "agents": len(self.agents),
            "recording_ids": len(self.ids),
        }


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One recording to erase. ``state``: of its ledger item before the erasure; None where the ledger has no item."""

    recording_id: str
    partition: Partition
    state: str | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, str | None]:
        place = {"source": self.partition.source, "call_date": self.partition.call_date.isoformat()}
        return {"recording_id": self.recording_id, **place, "state": self.state}


@dataclass(frozen=True)
class Targets:
    """The recordings to erase. ``searched``: how many ledger items and partitions were read to find them. ``near``:
    other spellings of the given numbers in the ledger, with the number of recordings of each. ``damage``: why a
    partition could not be read, which may hold more targets; empty where all could."""

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


def proved_by(text: str) -> frozenset[Target]:
    """The recordings of an erasure's proof, ``ErasureReport.to_json`` as text. Raises NoProof."""
    try:
        proof = json.loads(text)
        if proof["dry_run"] is not False:
            raise NoProof("it is of a dry run, which erased nothing")
        return frozenset(_proved(**one) for one in proof["recordings"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise NoProof(f"it is not what `call-lake erase --json` printed: {type(error).__name__} {error}") from None


def _proved(recording_id: str, source: str, call_date: str, state: str | None) -> Target:
    """Raises ValueError, and TypeError for what is no text. ``state`` is that of an erasure long ago."""
    if (found := RECORDING_ID.fullmatch(recording_id)) is None or found[1] != source:
        raise ValueError(f"{recording_id!r} is no recording id of source {source!r}")
    return Target(recording_id, Partition(source, date.fromisoformat(call_date)))


def find_targets(request: ErasureRequest, table: Table, store: ObjectStore, on_progress: EraseProgress) -> Targets:
    """Find in ledger and lake what is to be erased. Where people are named, this includes all recordings of an erasure
    that did not end: a tombstone does not say whose recording it was. Raises UnknownRecording."""
    found, partitions, damage = _in_lake(request, table, store, on_progress)
    given = table.get_many(sorted(request.ids))
    found |= {_target(item) for item in given.values() if RECORDING_ID.fullmatch(item["id"])}
    known = {target.recording_id for target in found}
    found |= {target for target in request.proved if target.recording_id not in known}
    if unknown := sorted(request.recording_ids - {target.recording_id for target in found}):
        raise UnknownRecording(
            f"the ledger knows no recording {', '.join(unknown)}, and no row that can be read is of it, so nothing was "
            "erased; `call-lake show` finds a recording by its provider's key"
        )
    searched, near = len(request.ids) + partitions, Counter[str]()
    for number, item in enumerate(table.scan() if request.names_people else (), 1):
        searched += 1
        if number % 10_000 == 0:
            on_progress(f"searching the ledger: {number:,} items")
        record = _record_of(item)
        if item.get("erasing") or request.matches(record):
            found.add(_target(item))
        else:
            near.update(_near(request.numbers, record))
    return Targets(tuple(sorted(found)), searched, near, damage)


def _in_lake(
    request: ErasureRequest, table: Table, store: ObjectStore, on_progress: EraseProgress
) -> tuple[set[Target], int, str]:
    """Find what has rows. It differs from the ledger only where somebody changed or lost an item. Also return how many
    partitions there are, and why one could not be read."""
    wanted = set(request.numbers), set(request.agents), set(request.ids)
    rows, number, damage = list[tuple[Partition, str]](), 0, ""
    for number, listed in enumerate(list_partitions(store), 1):
        try:
            rows += [(listed.partition, id) for id in recordings_in(store, listed.partition, *wanted)]
        except LakeDamaged as error:
            damage = damage or str(error)
        on_progress(f"searching the table: {number:,} days")
    items = table.get_many(sorted({id for _, id in rows}))
    states = {id: state_of(item) for id, item in items.items()}
    return {Target(id, partition, states.get(id)) for partition, id in rows}, number, damage


def _record_of(item: Item) -> Mapping[str, object]:
    """Raises ItemChanged for a record that is none: it may be of the people that are to be erased."""
    try:
        record = json.loads(item.get("record", "{}"))
    except (TypeError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise ItemChanged(item["id"], "its record cannot be read")
    return record


def _target(item: Item) -> Target:
    """Raises ItemChanged: what somebody wrote into an item must not choose what is deleted."""
    entry = entry_of(item)
    return Target(entry.recording_id, entry.partition, entry.state)


def _numbers_of(record: Mapping[str, object]) -> list[str]:
    return [number for name in ("caller", "callee") if isinstance(number := record.get(name), str)]


def _near(numbers: Iterable[str], record: Mapping[str, object]) -> set[str]:
    ends = {end for number in numbers if len(end := _end_of(number)) == ALIKE_DIGITS}
    return {number for number in _numbers_of(record) if _end_of(number) in ends} if ends else set()


def _end_of(number: str) -> str:
    return "".join(filter(str.isdigit, number))[-ALIKE_DIGITS:]
