"""Rows that the table cannot hold, each set aside with its reason."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from call_lake.bucket.inbox import _fields_of, id_of
from call_lake.model.layout import INBOX, QUARANTINE, Partition
from call_lake.ports import ObjectStore


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


def _place_of(line: str) -> Partition | None:
    """The partition that a row itself names: where it belongs, should it have lain under another's key."""
    row = _fields_of(line)
    return Partition.of_key(f"{INBOX}source={row.get('source')}/call_date={row.get('call_date')}/", INBOX)
