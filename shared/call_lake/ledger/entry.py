"""One recording as the ledger knows it, and the states it passes through."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import batched
from typing import Any

from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.times import parse_iso
from call_lake.ports import Item, OneOf, Table

ITEM_VERSION = 1
HISTORY_LENGTH = 20
ITEMS_AT_ONCE = 1000  # in memory
NEVER = "9999-12-31T00:00:00.000Z"
"""``due_at`` of what has FAILED: in the index, but never due."""


class State(StrEnum):
    """The state of a recording. ledger.py draws how one follows another."""

    PUBLISHED = "PUBLISHED"
    RETRYING = "RETRYING"
    FAILED = "FAILED"
    STORED = "STORED"
    EXPIRED = "EXPIRED"
    ERASED = "ERASED"


TOMBSTONE = frozenset({"id", "version", "state", "source", "call_date", "connection_id", "erased_at", "erasing"})
"""All that an item keeps when its recording is erased; ``connection_id`` as a digest."""
MOMENTS = ("first_published_at", "published_at", "not_ready_since", "stored_at", "expired_at")
CALL = ("record", "audio", "history", "reason", "attempts", "marks", *MOMENTS)
IN_FLIGHT = OneOf((State.PUBLISHED, State.RETRYING))
NOT_STORED = OneOf((State.PUBLISHED, State.RETRYING, State.FAILED))


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording as the ledger knows it.

    ``recording``: as the first write froze it; None once erased. ``not_ready_since``: when the first of the latest
    unbroken row of NotReady attempts was. ``expired_at``: when a copier noticed that ``audio`` has expired.
    ``published_at``: when its newest message was sent. ``marks``: how many attempts in a row began alone and came to no
    verdict; the last of them is the last of ``history``.
    """

    recording_id: str
    state: State
    source: str
    recording: Recording | None
    first_published_at: datetime
    attempts: int = 0
    reason: str | None = None
    not_ready_since: datetime | None = None
    audio: StoredAudio | None = None
    due_at: str | None = None
    expired_at: str | None = None
    history: tuple[dict[str, Any], ...] = field(default=())
    published_at: datetime | None = None
    marks: int = 0


def entry_of(item: Item) -> Entry:
    """Read a ledger item. Raises KeyError, ValueError for an item that no version of Call Lake wrote."""
    return Entry(
        recording_id=item["id"],
        state=State(item["state"]),
        source=item["source"],
        recording=Recording.from_json(json.loads(item["record"])) if "record" in item else None,
        first_published_at=parse_iso(item.get("first_published_at") or item["erased_at"]),
        attempts=int(item.get("attempts", 0)),
        reason=item.get("reason"),
        not_ready_since=parse_iso(item["not_ready_since"]) if "not_ready_since" in item else None,
        audio=StoredAudio.from_json(item["audio"]) if "audio" in item else None,
        due_at=item.get("due_at"),
        expired_at=item.get("expired_at"),
        history=tuple(item.get("history", ())),
        published_at=parse_iso(item["published_at"]) if "published_at" in item else None,
        marks=int(item.get("marks", 0)),
    )


def erased_among(table: Table, ids: Iterable[str]) -> set[str]:
    """Those of the recordings that have a tombstone. Raises Transient."""
    found: set[str] = set()
    for some in batched(ids, ITEMS_AT_ONCE, strict=False):
        items = table.get_many(some)
        found |= {id for id, item in items.items() if item.get("state") == State.ERASED}
    return found
