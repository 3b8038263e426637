"""What became of each recording's transcript, by engine: an item of the ledger apart from the recording's.

The id of an item is ``transcript#<engine>#<recording id>``. Its ``transcript_state`` moves like this::

    WAITING -> RUNNING -> READY        WAITING: the day's hours are used up, or the job has to start again
       |          |                    RUNNING: Amazon Transcribe works on it
       '----------'-> FAILED, SKIPPED  SKIPPED: this engine never will (its format, its length)

EXPIRED follows from READY, WAITING and RUNNING: the day's documents and rows were too old (rule 33).

WAITING and RUNNING are of the engine ``aws`` alone. READY follows from every state: a document that is there counts.
Where somebody asks again, WAITING and RUNNING follow from READY, FAILED and SKIPPED. ERASED follows from every state,
and nothing follows ERASED.

The transcriber writes only over what it has read (``as_read``), so that it never undoes what the transcript reader
wrote meanwhile.

What is WAITING, RUNNING or FAILED is in the index, each state in a list: ``transcript#<engine>#<state>``. WAITING and
RUNNING are there by when somebody has to look at them, FAILED by when it failed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import batched

from call_lake.ledger.entry import LAST_DUE
from call_lake.model.layout import Partition
from call_lake.model.times import iso, parse_iso
from call_lake.ports import Clock, Expectation, Item, OneOf, PreconditionFailed, Table

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
    EXPIRED = "EXPIRED"
    ERASED = "ERASED"


ANY: Expectation = {STATE: OneOf((None, *(state for state in TranscriptState if state is not TranscriptState.ERASED)))}
"""Expectation: whatever is known, but not ERASED."""


_MAY_EXPIRE: Expectation = {
    STATE: OneOf((TranscriptState.READY, TranscriptState.WAITING, TranscriptState.RUNNING)),
}


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

    def has_read(self, document: str) -> bool:
        """Whether its state is that of the document with this ETag."""
        return self.document == document and self.state in (TranscriptState.READY, TranscriptState.FAILED)


def as_read(entry: TranscriptEntry | None) -> Expectation:
    """Expectation: the item is as it was read. None: there was no item."""
    if entry is None:
        return {STATE: OneOf((None,))}
    return {STATE: OneOf((entry.state,)), "changed_at": OneOf((iso(entry.changed_at),))}


def due_list(engine: str, state: TranscriptState) -> str:
    """The list of the index that holds an engine's transcripts in this state: WAITING, RUNNING or FAILED."""
    return f"transcript#{engine}#{state.lower()}"


class TranscriptLedger:
    """The transcripts of one engine. Writes return whether they changed the item: False where it is not as ``expect``
    says, and an ERASED one never changes. Raises Transient."""

    def __init__(self, table: Table, clock: Clock, engine: str) -> None:
        self._table = table
        self._clock = clock
        self.engine = engine

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

    def unknown(self, recording_id: str, partition: Partition) -> TranscriptEntry:
        """The entry to begin with, of a recording that has none. It is not in the table."""
        now = self._clock.now()
        return TranscriptEntry(
            recording_id, self.engine, partition.source, partition.call_date, TranscriptState.WAITING, now
        )

    def waiting(self, entry: TranscriptEntry, due: datetime, reason: str, expect: Expectation) -> bool:
        """It cannot start now; look again at ``due``. ``entry`` has the seconds and the attempts."""
        more = {"reason": reason, "seconds": entry.seconds, "attempts": entry.attempts}
        return self._change(entry.recording_id, entry.partition, TranscriptState.WAITING, due, expect, **more)

    def running(self, entry: TranscriptEntry, look_at: datetime, expect: Expectation) -> bool:
        """A job was started, the ``attempts``-th of ``entry``. If nothing is heard of it, the sweep looks at
        ``look_at``."""
        more = {"reason": None, "seconds": entry.seconds, "attempts": entry.attempts}
        return self._change(entry.recording_id, entry.partition, TranscriptState.RUNNING, look_at, expect, **more)

    def ready(self, recording_id: str, partition: Partition, document: str) -> bool:
        """Its row is in the inbox; ``document`` is the ETag of what it was made of."""
        more = {"reason": None, "document": document}
        return self._change(recording_id, partition, TranscriptState.READY, None, ANY, **more)

    def failed(
        self,
        recording_id: str,
        partition: Partition,
        reason: str,
        expect: Expectation = ANY,
        *,
        document: str | None = None,
    ) -> bool:
        """No transcript, until somebody asks again. ``reason`` holds no words of a call. ``document``: the ETag of the
        document that says so, or that cannot be read."""
        more = {"reason": reason} | ({"document": document} if document else {})
        return self._change(recording_id, partition, TranscriptState.FAILED, self._clock.now(), expect, **more)

    def skipped(self, recording_id: str, partition: Partition, reason: str, expect: Expectation = ANY) -> bool:
        """This engine never transcribes it."""
        return self._change(recording_id, partition, TranscriptState.SKIPPED, None, expect, reason=reason)

    def expired(self, recording_id: str, partition: Partition) -> bool:
        """Its document and its row are too old, and go now."""
        more = {"reason": None, "document": None}
        return self._change(recording_id, partition, TranscriptState.EXPIRED, None, _MAY_EXPIRE, **more)

    def due(self, state: TranscriptState, limit: int) -> list[str]:
        """Recordings that are WAITING or RUNNING and have to be looked at now, soonest first. Eventually consistent:
        read the entry before you act."""
        return self._listed(state, iso(self._clock.now()), limit)

    def listed(self, state: TranscriptState, limit: int) -> list[str]:
        """Recordings that are WAITING, RUNNING or FAILED, due or not, at most ``limit``. Eventually consistent."""
        return self._listed(state, LAST_DUE, limit)

    def waits_until(self, moment: datetime) -> bool:
        """Whether a recording is WAITING for exactly this moment. Eventually consistent."""
        waiting = due_list(self.engine, TranscriptState.WAITING)
        return bool(self._table.query_due(waiting, iso(moment), 1, due_from=iso(moment)))

    def forget_document(self, recording_id: str) -> bool:
        """Let the reader read the document of a READY transcript again, though it is the same one."""
        try:
            self._table.update(self._id(recording_id), {"document": None}, {STATE: OneOf((TranscriptState.READY,))})
        except PreconditionFailed:
            return False
        return True

    def erase(self, recording_id: str, partition: Partition) -> None:
        """Note that nothing of this recording may come back. Only for an item that exists: the recording's own
        tombstone guards all others."""
        if self._table.get(self._id(recording_id)):
            more = {"reason": None, "document": None, "seconds": None, "attempts": None}
            self._change(recording_id, partition, TranscriptState.ERASED, None, ANY, **more)

    def _listed(self, state: TranscriptState, before: str, limit: int) -> list[str]:
        found = self._table.query_due(due_list(self.engine, state), before, limit)
        return [recording_of(item["id"]) for item in found]

    def _id(self, recording_id: str) -> str:
        return f"transcript#{self.engine}#{recording_id}"

    def _change(
        self,
        recording_id: str,
        partition: Partition,
        state: TranscriptState,
        due: datetime | None,
        expect: Expectation,
        **more: object,
    ) -> bool:
        changes = {
            "version": ITEM_VERSION,
            STATE: state,
            "source": partition.source,
            "call_date": partition.call_date.isoformat(),
            "changed_at": iso(self._clock.now()),
            "due_list": due_list(self.engine, state) if due else None,
            "due_at": iso(due) if due else None,
        }
        if expect[STATE] == OneOf((TranscriptState.ERASED,)):
            return False
        try:
            self._table.update(self._id(recording_id), changes | more, expect)
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
