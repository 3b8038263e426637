"""Find the recordings to erase: those of the numbers, agents and recording ids that the operator names."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import batched

from call_lake.concurrency import in_threads
from call_lake.errors import CallLakeError, ItemChanged
from call_lake.lake.errors import LakeDamaged
from call_lake.lake.manifest import list_partitions, sizes_between
from call_lake.lake.search import FoundRow, Sought, rows_about
from call_lake.ledger.entry import entry_of, state_of
from call_lake.ledger.packed_record import unpack
from call_lake.model.lake_tables import CALLS, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.phone_numbers import Likeness
from call_lake.model.recording import RECORDING_ID
from call_lake.operations.erase.people import People
from call_lake.ports import Item, ObjectStore, Table

PARTITIONS_AT_ONCE = 16
PARTITIONS_BETWEEN_LINES = 64
JUDGED = ("id", "source", "record", "erasing")
"""What tells of an item whether it is of the people to erase."""

type EraseProgress = Callable[[str], None]
"""Called with one line of text at each step."""


class NoProof(CallLakeError):
    """A text that is not what an erasure ended with. Nothing was erased."""


class UnknownRecording(CallLakeError):
    """Neither the ledger nor the table has this recording id. Nothing was erased."""


@dataclass(frozen=True)
class ErasureRequest:
    """Who is to be erased. Numbers and names may be written in any way (``People``)."""

    numbers: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    recording_ids: frozenset[str] = frozenset()
    proved: "frozenset[Target]" = frozenset()
    """Recordings of an earlier erasure's proof. They are erased though neither ledger nor lake knows them any more."""
    also: frozenset[str] = frozenset()
    """Stored numbers that are perhaps those of ``numbers``, and are erased too."""
    exact: bool = False
    """Whether only what is surely theirs is erased, and names have to be equal letter by letter."""
    mentioned: bool = False
    """Whether calls are erased, too, of which only the provider's record holds a number's digits."""
    countries: Mapping[str, str] = field(default_factory=dict)
    """Of the sources, by name: how their numbers are read."""

    @cached_property
    def people(self) -> People:
        return People(self.numbers, self.agents, self.countries, self.also, exact=self.exact)

    @property
    def ids(self) -> frozenset[str]:
        return self.recording_ids | {target.recording_id for target in self.proved}

    @property
    def names_people(self) -> bool:
        return bool(self.numbers or self.agents)

    def to_json(self) -> dict[str, int | bool]:
        """How many of each. A proof that is filed must not hold what was erased."""
        return {
            "numbers": len(self.numbers),
            "also": len(self.also),
            "agents": len(self.agents),
            "recording_ids": len(self.ids),
            "exact": self.exact,
            "mentioned": self.mentioned,
        }


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One recording to erase. ``state``: of its ledger item before the erasure; None where the ledger has no item."""

    recording_id: str
    partition: Partition
    state: str | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, str | None]:
        place = {"source": self.partition.source, "call_date": self.partition.call_date.isoformat()}
        return {"recording_id": self.recording_id, **place, "state_before": self.state}


@dataclass(frozen=True, slots=True)
class Near:
    """What is perhaps theirs and is not erased. ``numbers`` and ``agents``: stored texts, each with how many recordings
    have it. ``mentioned``: ids of recordings of which only the provider's record holds a number's digits."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    agents: Mapping[str, int] = field(default_factory=dict)
    mentioned: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """This holds numbers and names, so it is no part of a proof."""
        return {"numbers": dict(self.numbers), "agents": dict(self.agents), "mentioned": list(self.mentioned)}


@dataclass(frozen=True)
class Targets:
    """The recordings to erase. ``searched``: how many ledger items and partitions were read to find them. ``matched``:
    how many of the recordings are those that were asked for; the others are of an erasure that did not end. ``agents``:
    how many recordings each agent has. ``damage``: why a partition could not be read, which may hold more targets;
    empty where all could."""

    all: tuple[Target, ...]
    searched: int = 0
    matched: int = 0
    near: Near = field(default_factory=Near)
    agents: Mapping[str, int] = field(default_factory=dict)
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
        raise NoProof(f"it is not what `call-lake erase --proof` wrote: {type(error).__name__} {error}") from None


def _proved(recording_id: str, source: str, call_date: str, state_before: str | None) -> Target:
    """Raises ValueError, and TypeError for what is no text. ``state_before`` is of an erasure long ago."""
    if (found := RECORDING_ID.fullmatch(recording_id)) is None or found[1] != source:
        raise ValueError(f"{recording_id!r} is no recording id of source {source!r}")
    return Target(recording_id, Partition(source, date.fromisoformat(call_date)))


def find_targets(request: ErasureRequest, table: Table, store: ObjectStore, on_progress: EraseProgress) -> Targets:
    """Find in ledger and lake what is to be erased. Where people are named, this includes all recordings of an erasure
    that did not end: a tombstone does not say whose recording it was. Raises UnknownRecording."""
    search = _Search(request)
    partitions = _search_lake(search, table, store, on_progress)
    given = table.get_many(sorted(request.ids))
    for item in given.values():
        if RECORDING_ID.fullmatch(item["id"]):
            search.take(_target(item), _record_of(item))
    known = {target.recording_id for target in search.found}
    search.found |= {target for target in request.proved if target.recording_id not in known}
    if unknown := sorted(request.recording_ids - {target.recording_id for target in search.found}):
        raise UnknownRecording(
            f"the ledger knows no recording {', '.join(unknown)}, and no row that can be read is of it, so nothing was "
            "erased; `call-lake show` finds a recording by its provider's key"
        )
    searched, theirs, unfinished = len(request.ids) + partitions, dict[str, Mapping[str, object]](), set[str]()
    for number, item in enumerate(table.scan(JUDGED) if request.names_people else (), 1):
        searched += 1
        if number % 10_000 == 0:
            on_progress(f"searching the ledger: {number:,} items")
        record = _record_of(item)
        if search.judge(item["id"], str(item.get("source")), record, is_mentioned=search.is_mentioned(record)):
            theirs[item["id"]] = record
        elif item.get("erasing"):
            unfinished.add(item["id"])
    items = table.get_many([*theirs, *unfinished])  # whole: a changed one must not choose what is deleted
    for id, record in theirs.items():
        search.take(_target(items[id]), record)
    return search.targets({_target(items[id]) for id in unfinished}, searched)


class _Search:
    """Collects what is found, and what is near it. ``damage``: why a partition could not be read."""

    def __init__(self, request: ErasureRequest) -> None:
        self.ids = request.ids
        self._people = request.people
        self._takes_mentioned = request.mentioned
        self._looks_inside = request.mentioned or not request.exact
        self.found: set[Target] = set()
        self.damage = ""
        self._agents: dict[str, set[str]] = {}
        self._near_numbers: dict[str, set[str]] = {}
        self._near_agents: dict[str, set[str]] = {}
        self._mentioned: set[str] = set()

    def sought(self, source: str) -> Sought:
        """What to look for in the rows of a source."""
        people = self._people
        return Sought(
            lambda number: people.number(number, source) is not Likeness.DIFFERENT,
            lambda agent: people.agent(agent) is not Likeness.DIFFERENT,
            set(self.ids),
            people.mention if self._looks_inside else None,
        )

    def is_mentioned(self, record: Mapping[str, object]) -> bool:
        return self._looks_inside and self._people.is_mentioned(record)

    def judge(self, id: str, source: str, record: Mapping[str, object], *, is_mentioned: bool) -> bool:
        """Whether a call is theirs. Notes one that is perhaps theirs."""
        numbers = {number: self._people.number(number, source) for number in _numbers_of(record)}
        agent = name if isinstance(name := record.get("agent"), str) else None
        is_agent = self._people.agent(agent)
        if Likeness.SAME in (is_agent, *numbers.values()):
            return True
        near = [number for number, likeness in numbers.items() if likeness is Likeness.PERHAPS]
        for number in near:
            self._near_numbers.setdefault(number, set()).add(id)
        if agent and is_agent is Likeness.PERHAPS:
            self._near_agents.setdefault(agent, set()).add(id)
        if is_mentioned and not near:
            if self._takes_mentioned:
                return True
            self._mentioned.add(id)
        return False

    def take(self, target: Target, record: Mapping[str, object]) -> None:
        self.found.add(target)
        if isinstance(agent := record.get("agent"), str):
            self._agents.setdefault(agent, set()).add(target.recording_id)

    def targets(self, unfinished: set[Target], searched: int) -> Targets:
        """``unfinished``: what an erasure left that did not end."""
        matched = len({target.recording_id for target in self.found})
        everything = tuple(sorted(self.found | unfinished))
        ids = {target.recording_id for target in everything}
        near = Near(
            _counted(self._near_numbers, ids), _counted(self._near_agents, ids), tuple(sorted(self._mentioned - ids))
        )
        agents = _counted(self._agents, set())
        return Targets(everything, searched, matched, near, agents, self.damage)


def _counted(found: Mapping[str, set[str]], without: set[str]) -> dict[str, int]:
    counts = {text: len(ids - without) for text, ids in sorted(found.items())}
    return {text: count for text, count in counts.items() if count}


def _search_lake(search: _Search, table: Table, store: ObjectStore, on_progress: EraseProgress) -> int:
    """Find what has rows. It differs from the ledger only where somebody changed or lost an item. Return how many
    partitions there are."""
    partitions = [listed.partition for listed in list_partitions(store, CALLS)]
    sizes = sizes_between(store, CALLS, date.min, date.max) if partitions else {}

    def read(partition: TablePartition) -> tuple[list[FoundRow], str]:
        try:
            return rows_about(store, partition, search.sought(partition.source), sizes), ""
        except LakeDamaged as error:
            return [], str(error)

    rows, number = list[tuple[Partition, FoundRow]](), 0
    for some in batched(partitions, PARTITIONS_BETWEEN_LINES, strict=False):
        for place, (found, damage) in zip(some, in_threads(read, some, PARTITIONS_AT_ONCE), strict=True):
            rows += [(place.partition, row) for row in found]
            search.damage = search.damage or damage
        number += len(some)
        on_progress(f"searching the table: {number:,} days")
    items = table.get_many(sorted({row.recording_id for _, row in rows}))
    for partition, row in rows:
        record = {"caller": row.caller, "callee": row.callee, "agent": row.agent}
        if row.recording_id in search.ids or search.judge(
            row.recording_id, partition.source, record, is_mentioned=row.is_mentioned
        ):
            item = items.get(row.recording_id)
            search.take(Target(row.recording_id, partition, state_of(item) if item else None), record)
    return number


def _record_of(item: Item) -> Mapping[str, object]:
    """Raises ItemChanged for a record that is none: it may be of the people that are to be erased."""
    if "record" not in item:
        return {}
    try:
        return unpack(item["record"])
    except ValueError as error:
        raise ItemChanged(item["id"], str(error)) from error


def _target(item: Item) -> Target:
    """Raises ItemChanged: what somebody wrote into an item must not choose what is deleted."""
    entry = entry_of(item)
    return Target(entry.recording_id, entry.partition, entry.state)


def _numbers_of(record: Mapping[str, object]) -> list[str]:
    return [number for name in ("caller", "callee") if isinstance(number := record.get(name), str)]
