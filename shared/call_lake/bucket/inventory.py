"""List what the bucket holds of the recordings of one partition. Reads no object whose key says enough."""

import json
import re
from datetime import date

from call_lake.bucket.inbox import id_of, read_lines
from call_lake.model.lake_tables import CALLS, LakeTable
from call_lake.model.layout import Partition
from call_lake.ports import ObjectStore

ONE_ROW = re.compile(r"([a-z0-9-]{1,32}-[0-9a-f]{32})-[0-9a-f]{16}\.json")
"""Name of an inbox object of a single row (inbox.py); those of several rows have to be read."""


def audio_keys(store: ObjectStore, source: str, day: date) -> dict[str, list[str]]:
    """The keys of the audio objects of one day, by recording id."""
    found: dict[str, list[str]] = {}
    for info in store.list(Partition(source, day).audio):
        found.setdefault(info.key.rpartition("/")[2].rpartition(".")[0], []).append(info.key)
    return found


def ids_in_inbox(store: ObjectStore, source: str, day: date, table: LakeTable = CALLS) -> set[str]:
    """The ids of recordings with a row of the table that waits for the compactor."""
    found: set[str] = set()
    for info in store.list(table.at(Partition(source, day)).inbox):
        named = ONE_ROW.fullmatch(info.key.rpartition("/")[2])
        if named:
            found.add(named[1])
        else:
            found.update(id for line in read_lines(store, info.key) if (id := id_of(line)))
    return found


def ids_in_quarantine(store: ObjectStore, source: str, day: date) -> dict[str, str]:
    """The ids of recordings with a row of table ``calls`` in the quarantine, each with the reason."""
    found = {}
    for info in store.list(CALLS.at(Partition(source, day)).quarantine):
        body = store.get(info.key)
        rejected = json.loads(body[0]) if body else {}
        if id := id_of(rejected.get("text", "")):
            found[id] = str(rejected.get("reason"))
    return found
