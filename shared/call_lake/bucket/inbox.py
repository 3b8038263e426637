"""The inbox: rows that wait for the compactor (rules 14, 19).

An object is one or several rows of one partition of one table, one JSON object a line. Its name is made of its rows,
except the columns about people, which the ledger's first write froze: a repeated step writes the same object again, and
a reader may delete by its key exactly what it has read.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from call_lake.model.lake_tables import LakeTable, TablePartition, inbox_key
from call_lake.model.layout import INBOX, Partition
from call_lake.model.table import Row
from call_lake.ports import ObjectStore

ROWS_PER_OBJECT = 10_000
BYTES_PER_OBJECT = 8 * 1024 * 1024  # unless one row is larger


@dataclass(frozen=True, slots=True)
class InboxObject:
    """One inbox object. ``place`` is None where the key names no partition of a table."""

    key: str
    size_bytes: int
    place: TablePartition | None


def put_rows(store: ObjectStore, rows: Iterable[Row], table: LakeTable) -> list[str]:
    """Store rows of a table for the compactor, the rows of a partition together; return the keys. The same rows, in any
    order, have the same keys."""
    waiting: dict[Partition, dict[tuple[str, str], str]] = {}
    for row in rows:
        partition = Partition(row["source"], date.fromisoformat(row["call_date"]))
        named_by = _line({name: value for name, value in row.items() if name not in table.unnamed})
        waiting.setdefault(partition, {})[named_by, _line(row)] = row["recording_id"]
    keys = []
    for partition, ids in waiting.items():
        for part in _parts(sorted(ids)):
            body = "".join(f"{line}\n" for _, line in part).encode()
            digest = hashlib.sha256("".join(f"{named_by}\n" for named_by, _ in part).encode()).hexdigest()
            name = f"{ids[part[0]]}-{digest[:16]}" if len(part) == 1 else digest[:40]
            key = inbox_key(table, partition, name)
            store.put(key, body, content_type="application/x-ndjson")
            keys.append(key)
    return keys


def _parts(lines: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Divide pairs of a name's text and a row's line among objects."""
    part: list[tuple[str, str]] = []
    size = 0
    for named_by, line in lines:
        if part and (len(part) == ROWS_PER_OBJECT or size + len(line) >= BYTES_PER_OBJECT):
            yield part
            part, size = [], 0
        part.append((named_by, line))
        size += len(line) + 1
    yield part


def _line(row: Row) -> str:
    # ASCII: a lone surrogate, which a provider's JSON can hold, has no UTF-8.
    return json.dumps(row, sort_keys=True, separators=(",", ":"))


def list_inbox(store: ObjectStore) -> Iterator[InboxObject]:
    """Every object of the inbox, by key."""
    for info in store.list(INBOX):
        yield InboxObject(info.key, info.size, TablePartition.of_key(info.key))


def read_lines(store: ObjectStore, key: str) -> list[str]:
    """The rows of one object as texts; none where another compactor has deleted it. Bytes that are no UTF-8 are
    escaped: such a row cannot be parsed as JSON, but a person can read it."""
    found = store.get(key)
    if found is None:
        return []
    return [line for line in found[0].decode("utf-8", "backslashreplace").split("\n") if line.strip()]


def id_of(line: str) -> str | None:
    """The recording id of one row; None where the line is no row, which the compactor will set aside."""
    id = fields_of(line).get("recording_id")
    return id if isinstance(id, str) else None


def fields_of(line: str) -> Row:
    """One line as a row; empty where it is no JSON object."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
