"""What became of each recording's transcript, by engine: an item of the ledger apart from the recording's.

The id of an item is ``transcript#<engine>#<recording id>``. Its ``transcript_state`` moves like this::

    WAITING -> RUNNING -> READY        WAITING: the day's hours are used up, or the engine had no room
       |          |                    RUNNING: Amazon Transcribe works on it
       '----------'-> FAILED, SKIPPED  SKIPPED: this engine never will (its format, its length)

READY follows from every state: a document that is there counts, whoever asked for it. ERASED follows from every state,
and nothing follows ERASED. What is WAITING, RUNNING or FAILED is in the index under ``transcript#<engine>``, by when
somebody has to look at it; FAILED by ``NEVER``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import batched

from call_lake.ledger.entry import LAST_DUE, NEVER
from call_lake.model.layout import Partition
from call_lake.model.times import iso, parse_iso
from call_lake.ports import Clock, Item, OneOf, PreconditionFailed, Table

ITEM_VERSION = 1
IDS_AT_ONCE = 1000
STATE = "transcript_state"
"""Not ``state``: that attribute is a recording's."""


class TranscriptState(StrEnum):
    """The state of one engine's transcript of one recording."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    READY = "READY"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    ERASED = "ERASED"


MAY_CHANGE = OneOf((None, *(state for state in TranscriptState if state is not TranscriptState.ERASED)))


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """One transcript as the ledger knows it. ``seconds``: of audio, as asked; None if unknown. ``document``: the ETag
    of the document that the row was made of. ``attempts``: how many jobs were started."""

    recording_id: str
    engine: str
    source: str
    call_date: date
    state: TranscriptState
    changed_at: datetime
    reason: str | None = None
    seconds: float | None = None
    attempts: int = 0
    document: str | None = None
    due_at: str | None = None

    @property
    def partition(self) -> Partition:
        """Where the recording's rows are."""
        return Partition(self.source, self.call_date)


class TranscriptLedger:
    """The transcripts of one engine. Writes raise PreconditionFailed for nothing: they return whether they changed
    the item, and an ERASED one never changes."""

    def __init__(self, table: Table, clock: Clock, engine: str) -> None:
        self._table = table
        self._clock = clock
        self.engine = engine
        self._due_list = f"transcript#{engine}"

    def entry(self, recording_id: str) -> TranscriptEntry | None:
        """What is known; None if nothing is."""
        item = self._table.get(self._id(recording_id))
        return entry_of(item) if item else None

    def entries(self, recording_ids: Iterable[str]) -> dict[str, TranscriptEntry]:
        """What is known of these recordings, by id."""
        found: dict[str, TranscriptEntry] = {}
        for some in batched(recording_ids, IDS_AT_ONCE, strict=False):
            items = self._table.get_many([self._id(one) for one in some])
            found |= {entry.recording_id: entry for entry in map(entry_of, items.values())}
        return found

    def waiting(
        self, recording_id: str, partition: Partition, due: datetime, reason: str, seconds: float | None = None
    ) -> bool:
        """The engine could not take it now; look again at ``due``."""
        more = {"reason": reason, "seconds": seconds}
        return self._change(recording_id, partition, TranscriptState.WAITING, iso(due), **more)

    def running(
        self, recording_id: str, partition: Partition, look_after: timedelta, seconds: float | None, attempts: int
    ) -> bool:
        """A job was started; if nothing is heard of it within ``look_after``, the sweep looks."""
        due = iso(self._clock.now() + look_after)
        more = {"reason": None, "seconds": seconds, "attempts": attempts}
        return self._change(recording_id, partition, TranscriptState.RUNNING, due, **more)

    def ready(self, recording_id: str, partition: Partition, document: str) -> bool:
        """Its row is in the inbox; ``document`` is the ETag of what it was made of."""
        more = {"reason": None, "document": document}
        return self._change(recording_id, partition, TranscriptState.READY, None, **more)

    def failed(self, recording_id: str, partition: Partition, reason: str) -> bool:
        """No transcript, until somebody asks again. ``reason`` holds no words of a call."""
        return self._change(recording_id, partition, TranscriptState.FAILED, NEVER, reason=reason)

    def skipped(self, recording_id: str, partition: Partition, reason: str) -> bool:
        """This engine never transcribes it."""
        return self._change(recording_id, partition, TranscriptState.SKIPPED, None, reason=reason)

    def due(self, limit: int) -> list[str]:
        """Recordings that are WAITING or RUNNING and have to be looked at, soonest first. Eventually consistent: read
        the entry before you act."""
        items = self._table.query_due(self._due_list, iso(self._clock.now()), limit)
        return [recording_of(item["id"]) for item in items]

    def unfinished(self, limit: int) -> list[str]:
        """Recordings that are WAITING or RUNNING, due or not."""
        return [recording_of(item["id"]) for item in self._table.query_due(self._due_list, LAST_DUE, limit)]

    def failures(self, limit: int) -> list[str]:
        """Recordings that FAILED."""
        items = self._table.query_due(self._due_list, NEVER, limit, due_from=NEVER)
        return [recording_of(item["id"]) for item in items]

    def erase(self, recording_id: str, partition: Partition) -> None:
        """Note that nothing of this recording may come back. Only for an item that exists: the recording's own
        tombstone guards all others."""
        if self._table.get(self._id(recording_id)):
            more = {"reason": None, "document": None, "seconds": None}
            self._change(recording_id, partition, TranscriptState.ERASED, None, **more)

    def _id(self, recording_id: str) -> str:
        return f"transcript#{self.engine}#{recording_id}"

    def _change(
        self, recording_id: str, partition: Partition, state: TranscriptState, due_at: str | None, **more: object
    ) -> bool:
        changes = {
            "version": ITEM_VERSION,
            STATE: state,
            "source": partition.source,
            "call_date": partition.call_date.isoformat(),
            "changed_at": iso(self._clock.now()),
            "due_list": self._due_list if due_at else None,
            "due_at": due_at,
        }
        try:
            self._table.update(self._id(recording_id), changes | more, {STATE: MAY_CHANGE})
        except PreconditionFailed:
            return False
        return True


def recording_of(item_id: str) -> str:
    """The recording id in an item's id. Raises ValueError for an item of another kind."""
    kind, _, recording_id = item_id.split("#")
    if kind != "transcript":
        raise ValueError(f"{item_id} is no transcript's item")
    return recording_id


def entry_of(item: Item) -> TranscriptEntry:
    """Read an item. Raises KeyError and ValueError for one that Call Lake did not write."""
    _, engine, recording_id = item["id"].split("#")
    return TranscriptEntry(
        recording_id=recording_id,
        engine=engine,
        source=item["source"],
        call_date=date.fromisoformat(item["call_date"]),
        state=TranscriptState(item[STATE]),
        changed_at=parse_iso(item["changed_at"]),
        reason=item.get("reason"),
        seconds=item.get("seconds"),
        attempts=int(item.get("attempts", 0)),
        document=item.get("document"),
        due_at=item.get("due_at"),
    )
