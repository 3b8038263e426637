"""The inbox: rows that wait for the compactor; the quarantine: rows that the lake cannot take (rules 14, 19, 21).

An object is one or several rows of one partition, one JSON object a line. Its name is made of its content: whoever
repeats a step writes the same object again, and whoever read one may delete it by its key.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import batched

from call_lake.lake_layout import INBOX, QUARANTINE, Partition
from call_lake.ports import ObjectStore
from call_lake.recording import Row

ROWS_PER_OBJECT = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """One inbox object. ``partition`` is None where the key names none."""

    key: str
    size_bytes: int
    partition: Partition | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that the lake cannot take. ``text`` is what lay in the inbox under ``key``."""

    key: str
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """One row of the quarantine: under which key it lies, since when, and why."""

    key: str
    at: datetime
    rejected: Rejected

    @property
    def partition(self) -> Partition | None:
        """That of the inbox object; None where its key named none."""
        return Partition.of_key(self.rejected.key, INBOX)

    @property
    def recording_id(self) -> str | None:
        return id_of(self.rejected.text)


def put_rows(store: ObjectStore, rows: Iterable[Row]) -> list[str]:
    """Store rows for the compactor, the rows of a partition together; return the keys. The same rows, in any order,
    have the same keys."""
    lines: dict[Partition, dict[str, str]] = {}
    for row in rows:
        partition = Partition(row["source"], date.fromisoformat(row["call_date"]))
        # ASCII: a lone surrogate, which a provider's JSON can hold, has no UTF-8.
        lines.setdefault(partition, {})[json.dumps(row, sort_keys=True, separators=(",", ":"))] = row["recording_id"]
    keys = []
    for partition, ids in lines.items():
        for part in batched(sorted(ids), ROWS_PER_OBJECT, strict=False):
            body = "".join(line + "\n" for line in part).encode()
            digest = hashlib.sha256(body).hexdigest()
            name = f"{ids[part[0]]}-{digest[:16]}" if len(part) == 1 else digest[:40]
            key = f"{partition.inbox}{name}.json"
            store.put(key, body, content_type="application/x-ndjson")
            keys.append(key)
    return keys


def list_inbox(store: ObjectStore) -> Iterator[Waiting]:
    """Everything that waits, by key."""
    for info in store.list(INBOX):
        yield Waiting(info.key, info.size, Partition.of_key(info.key, INBOX))


def read_lines(store: ObjectStore, key: str) -> list[str]:
    """The rows of one object as texts; none where another compactor was faster. Bytes that are no UTF-8 are escaped:
    such a row cannot be parsed as JSON, and can still be read by a person."""
    found = store.get(key)
    if found is None:
        return []
    return [line for line in found[0].decode("utf-8", "backslashreplace").split("\n") if line.strip()]


def quarantine(store: ObjectStore, rejected: Rejected) -> str:
    """Set one row aside for a person, with its reason; return the key. The same row has the same key."""
    partition = Partition.of_key(rejected.key, INBOX)
    digest = hashlib.sha256(f"{rejected.key}\n{rejected.text}".encode()).hexdigest()
    key = f"{QUARANTINE}{partition.path if partition else ''}{digest[:40]}.json"
    store.put(key, json.dumps(asdict(rejected)).encode(), content_type="application/json")
    return key


def set_aside(store: ObjectStore) -> Iterator[SetAside]:
    """Every row of the quarantine, by key."""
    for info in store.list(QUARANTINE):
        found = store.get(info.key)
        if found is not None:
            yield SetAside(info.key, info.last_modified, Rejected(**json.loads(found[0])))


def put_back(store: ObjectStore, one: SetAside) -> str:
    """Move one row from the quarantine to the inbox, for the compactor to try again; return its key there.

    The quarantine's object goes last, so that a row is never in neither. The inbox object's name is made of that key:
    moved twice, it is one object; and if the row is refused again, it is set aside under another key than the one that
    is deleted here.
    """
    home = _place_of(one.rejected.text) or one.partition
    digest = hashlib.sha256(f"{one.key}\n{one.rejected.text}".encode()).hexdigest()
    key = f"{home.inbox if home else INBOX}{digest[:40]}.json"
    store.put(key, f"{one.rejected.text}\n".encode(), content_type="application/x-ndjson")
    store.delete([one.key])
    return key


def id_of(line: str) -> str | None:
    """The recording of one row; None for what is no row, which the compactor will set aside."""
    id = _fields_of(line).get("recording_id")
    return id if isinstance(id, str) else None


def _place_of(line: str) -> Partition | None:
    """The partition that a row itself names: where it belongs, should it have lain under another's key."""
    row = _fields_of(line)
    return Partition.of_key(f"{INBOX}source={row.get('source')}/call_date={row.get('call_date')}/", INBOX)


def _fields_of(line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
