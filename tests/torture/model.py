"""The judge of the torture test: which rows a query had to see, from what the lake had confirmed to writers by then.

Times are of the system's monotonic clock, in ns, which is the same in every process. A reader notes the time right
before and right after it planned its query. A writer notes it right before it began and right after the lake returned.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NEVER = 2**63


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit. ``versions``: ``stored_at`` in ms by recording id. Every query after ``done`` has to see them."""

    partition: str
    versions: Mapping[str, int]
    done: int


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure. From ``begun``, before the tombstone was written, a query need not see the row. After ``done`` it
    must not. ``done`` is NEVER where too many swaps were lost."""

    partition: str
    recording_id: str
    begun: int
    done: int


@dataclass(frozen=True, slots=True)
class WriterTotals:
    """What a writer did altogether. ``collected``: files that it deleted. ``conflicts``: swaps that it lost."""

    collected: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class QuerySeen:
    """One query and its answer. ``rows``: id and ``stored_at`` in ms, None where it ended in ``error``. ``read_s``:
    from the plan to the end."""

    reader: str
    partition: str
    before: int
    after: int
    read_s: float
    rows: Sequence[tuple[str, int]] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What is wrong with an answer. ``kind``: twice, missing, stale, risen (an erased row that is there), error."""

    kind: str
    reader: str
    detail: str


class History:
    def __init__(self, committed: Iterable[Committed], erased: Iterable[Erased]) -> None:
        self._promised: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for one in committed:
            for name, stored_at in one.versions.items():
                self._promised[one.partition][name].append((one.done, stored_at))
        # A writer may erase a recording a second time: the first time counts.
        self._erased = {one.recording_id: one for one in sorted(erased, key=lambda one: one.begun, reverse=True)}

    def anomalies(self, seen: QuerySeen, grace_s: float) -> Iterator[Anomaly]:
        """Find what is wrong with a query. Only one that takes longer than the grace period may meet a deleted file."""

        def found(kind: str, detail: str) -> Anomaly:
            return Anomaly(kind, seen.reader, f"{seen.partition} {detail}")

        if seen.rows is None:
            if seen.read_s < grace_s:
                yield found("error", seen.error)
            return
        counts = Counter(name for name, _ in seen.rows)
        yield from (found("twice", name) for name, count in counts.items() if count > 1)
        newest: dict[str, int] = {}
        for name, stored_at in seen.rows:
            newest[name] = max(stored_at, newest.get(name, stored_at))
        for name, promises in self._promised[seen.partition].items():
            erased = self._erased.get(name)
            if erased and erased.begun < seen.after:
                continue
            wanted = max((stored_at for done, stored_at in promises if done < seen.before), default=None)
            if wanted is None:
                continue
            if name not in newest:
                yield found("missing", name)
            elif newest[name] < wanted:
                yield found("stale", name)
        for name in newest:
            erased = self._erased.get(name)
            if erased and erased.done < seen.before:
                yield found("risen", name)


type Note = Committed | Erased | WriterTotals | QuerySeen


def as_json(one: Note) -> dict[str, Any]:
    return {"type": type(one).__name__, **{name: getattr(one, name) for name in one.__dataclass_fields__}}


def from_json(data: dict[str, Any]) -> Note:
    kinds: dict[str, Any] = {
        "Committed": Committed,
        "Erased": Erased,
        "WriterTotals": WriterTotals,
        "QuerySeen": QuerySeen,
    }
    kind = kinds[data.pop("type")]
    if kind is QuerySeen and data["rows"] is not None:
        data["rows"] = [(name, stored_at) for name, stored_at in data["rows"]]
    made: Note = kind(**data)
    return made
