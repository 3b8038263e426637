"""One recording as the ledger knows it, and the states it passes through.

The poller's role may write only some attributes of an item, and ``state`` is none of them (docs/adr/0027). So an item
without ``state`` is PUBLISHED. What the poller may write is checked at each read, against the item's own id and, once
the audio is stored, against ``record_sha256``.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import batched
from typing import Any

from call_lake.errors import ItemChanged
from call_lake.ledger.packed_record import unpack
from call_lake.model.layout import Partition
from call_lake.model.recording import RECORDING_ID, Recording, StoredAudio
from call_lake.model.times import parse_iso
from call_lake.observability import log
from call_lake.ports import Item, OneOf, Table

ITEM_VERSION = 1
HISTORY_LENGTH = 20
ITEMS_AT_ONCE = 1000  # in memory
NEVER = "9999-12-31T00:00:00.000Z"
"""``due_at`` of what has FAILED: in the index, but never due."""
LAST_DUE = "9999-12-30"
"""Not before any ``due_at`` but NEVER."""


class State(StrEnum):
    """The state of a recording. ledger.py draws how one follows another."""

    PUBLISHED = "PUBLISHED"  # never written: the attribute is missing
    RETRYING = "RETRYING"
    FAILED = "FAILED"
    STORED = "STORED"
    EXPIRED = "EXPIRED"
    ERASED = "ERASED"


TOMBSTONE = frozenset(
    {"id", "version", "state", "source", "call_date", "connection_id", "erased_at", "erasing", "due_list", "due_at"}
)
"""All that an item keeps when its recording is erased; ``connection_id`` as a digest, ``due_at`` is its day."""
OUTLIVED = "row_retention"
"""``reason`` of a tombstone that RowRetentionDays made, and no person (ADR 0039)."""
MOMENTS = ("first_published_at", "published_at", "not_ready_since", "stored_at", "expired_at")
CALL = ("record", "record_sha256", "audio", "history", "reason", "attempts", "marks", *MOMENTS)
IN_FLIGHT = OneOf((None, State.RETRYING))
NOT_STORED = OneOf((None, State.RETRYING, State.FAILED))


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording as the ledger knows it.

    ``recording``: as the first write froze it; None for an erased one alone. ``not_ready_since``: when the first of the
    latest unbroken row of NotReady attempts was. ``expired_at``: when a copier noticed that ``audio`` has expired.
    ``published_at``: when its newest message was sent. ``is_claimed``: the copier found no item of the poller's.
    ``marks``: how many attempts in a row began alone and came to no verdict; the last of them is the last of
    ``history``.
    """

    recording_id: str
    state: State
    source: str
    call_date: date
    recording: Recording | None
    first_published_at: datetime  # of an erased one, which has no other moment left: when it was erased
    attempts: int = 0
    reason: str | None = None
    not_ready_since: datetime | None = None
    audio: StoredAudio | None = None
    due_at: str | None = None
    expired_at: str | None = None
    history: tuple[dict[str, Any], ...] = field(default=())
    published_at: datetime | None = None
    marks: int = 0
    is_claimed: bool = False

    @property
    def partition(self) -> Partition:
        """Where its audio and its row are."""
        return Partition(self.source, self.call_date)


def erased_list(source: str) -> str:
    """Under which key the index keeps the tombstones of a source, by ``call_date`` (ADR 0032)."""
    return f"erased#{source}"


def state_of(item: Mapping[str, Any]) -> State:
    """The state of a recording's item. Raises ValueError for a word that is none."""
    return State(item.get("state", State.PUBLISHED))


def day_of(item: Mapping[str, Any]) -> date | None:
    """The call date of an item; None where it has none that Call Lake wrote."""
    try:
        day = date.fromisoformat(item["call_date"])
    except (KeyError, TypeError, ValueError):
        return None
    return day if day.isoformat() == item["call_date"] else None  # 20261020 is read, too, but does not sort


def sha256_of(recording: Recording) -> str:
    """What ``record_sha256`` says of the record that the audio was stored with."""
    return hashlib.sha256(json.dumps(recording.to_json()).encode()).hexdigest()


def entry_of(item: Item) -> Entry:
    """Read a recording's item. Raises ItemChanged for one that is not as Call Lake wrote it."""
    try:
        entry = _read(item)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = type(error).__name__  # alone: the text may hold what the record holds
        raise ItemChanged(item["id"], f"{what} while reading it") from error
    if why := _why_changed(item, entry):
        raise ItemChanged(item["id"], why)
    return entry


def entries_of(items: Iterable[Item], on_changed: Callable[[ItemChanged], None] = lambda error: None) -> list[Entry]:
    """Read recordings' items, except those that somebody changed; ``on_changed`` hears of these."""
    entries = []
    for item in items:
        try:
            entries.append(entry_of(item))
        except ItemChanged as error:
            on_changed(error)
    return entries


def log_changed(error: ItemChanged) -> None:
    """Log an item that is left out."""
    log.error("a ledger item was changed by somebody; it is left out", recording_id=error.recording_id, why=error.why)


def _why_changed(item: Item, entry: Entry) -> str | None:
    named = RECORDING_ID.fullmatch(entry.recording_id)
    if named is None or named[1] != entry.source:
        return "its source is not the one in its id"
    if entry.state is State.ERASED:
        return None
    recording = entry.recording
    if recording is None:
        return "its record is missing"
    own = (entry.recording_id, entry.source, entry.call_date, item.get("connection_id"))
    if (recording.recording_id, recording.source, recording.call_date, recording.connection_id or None) != own:
        return "its record is another recording's"
    is_sealed = "record_sha256" in item or entry.state in (State.STORED, State.EXPIRED)
    if is_sealed and item.get("record_sha256") != sha256_of(recording):
        return "its record is not the one that its audio was stored with"
    return None


def _read(item: Item) -> Entry:
    state = state_of(item)
    has_record = "record" in item and state is not State.ERASED
    day = day_of(item)
    if day is None:
        raise ValueError("its call date cannot be read")
    return Entry(
        recording_id=item["id"],
        state=state,
        source=item["source"],
        call_date=day,
        recording=Recording.from_json(unpack(item["record"])) if has_record else None,
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
