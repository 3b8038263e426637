"""The quarantine: rows that their table cannot hold, each with its reason (rule 21)."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import count

from call_lake.bucket.inbox import fields_of, id_of
from call_lake.model.lake_tables import CALLS, TABLES, TablePartition, inbox_key, quarantine_key, table_of_key
from call_lake.model.layout import Partition
from call_lake.model.times import iso
from call_lake.ports import ObjectStore, PreconditionFailed


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that the table cannot hold. ``text`` is line number ``line`` of the inbox object ``key``."""

    key: str
    text: str
    reason: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """One object of the quarantine: its key, since when it exists, and the row in it."""

    key: str
    at: datetime
    rejected: RejectedRow

    @property
    def partition(self) -> Partition | None:
        """The partition of the inbox object; None where its key named none."""
        place = TablePartition.of_key(self.rejected.key)
        return place.partition if place else None

    @property
    def recording_id(self) -> str | None:
        return id_of(self.rejected.text)


def quarantine(store: ObjectStore, rejected: RejectedRow) -> str:
    """Set one row aside for a person, with its reason; return the key. The same row has the same key.

    The key is made of the place where the row was, and not of its text, for a number in it could be guessed from a hash
    (ADR 0026). Where another text has the key, because somebody wrote the inbox object again, the next key is taken.
    A row whose key names no table is kept beside those of table ``calls``. Raises WriteConflict.
    """
    table = table_of_key(rejected.key) or CALLS
    place = TablePartition.of_key(rejected.key)
    for number in count():
        digest = hashlib.sha256(f"{rejected.key}\n{rejected.line}\n{number}".encode()).hexdigest()
        key = quarantine_key(table, place.partition if place else None, digest[:40])
        if _put(store, key, rejected):
            return key
    raise AssertionError("unreachable")


def _put(store: ObjectStore, key: str, rejected: RejectedRow) -> bool:
    """Whether the row is under the key now. False where another one is."""
    try:
        store.put(key, json.dumps(asdict(rejected)).encode(), if_none_match=True, content_type="application/json")
    except PreconditionFailed:
        found = store.get(key)
        return found is not None and json.loads(found[0])["text"] == rejected.text
    return True


def list_quarantine(store: ObjectStore) -> Iterator[QuarantinedRow]:
    """Every row that was set aside, by table and key."""
    for table in TABLES:
        for info in store.list(table.quarantine):
            found = store.get(info.key)
            if found is not None:
                yield QuarantinedRow(info.key, info.last_modified, RejectedRow(**json.loads(found[0])))


def put_back(store: ObjectStore, one: QuarantinedRow) -> str:
    """Move one row from the quarantine to the inbox, for the compactor to try again; return its key there.

    The quarantine's object is deleted last, so that the row is always in at least one of the two. The inbox object's
    name is made of the quarantine's key and its time. So a row that is moved twice makes one object, and a row that is
    refused again gets another key in the quarantine than the one that is deleted here.
    """
    home = _place_of(one.rejected.text) or one.partition
    digest = hashlib.sha256(f"{one.key}\n{iso(one.at)}".encode()).hexdigest()
    key = inbox_key(table_of_key(one.key) or CALLS, home, digest[:40])
    store.put(key, f"{one.rejected.text}\n".encode(), content_type="application/x-ndjson")
    store.delete([one.key])
    return key


def _place_of(line: str) -> Partition | None:
    """The partition that the row itself names; its inbox key may have named another."""
    row = fields_of(line)
    return Partition.of_values(str(row.get("source")), str(row.get("call_date")))
