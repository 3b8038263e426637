"""The ledger: what became of every recording. Items are kept permanently and only move forward (rules 6, 7, 9).

::

    (absent) -> PUBLISHED -> RETRYING -> STORED -> EXPIRED      (each of them -> ERASED)
                     \\         |  ^
                      `------> FAILED   (leaves FAILED by ``redrive`` or by an attempt that succeeds after all)

The poller writes an item once, without a state, which reads as PUBLISHED. Every other state is the copier's or the
operator's: the poller's role may not write that attribute (docs/adr/0027). When the poller sends a recording again, it
moves ``due_at`` alone, and only where ``due_list`` and ``due_at`` are as it read them. Whatever settles a recording
changes one of the two, so it wins.

STORED becomes EXPIRED where the bucket's own rule deleted the audio (expiry.py). It goes back to PUBLISHED only by an
operator's repair of a lost object (``repaired``).

Each recording is one DynamoDB item under its recording id. Sources and jobs have other items (source_state.py,
jobs.py). An item is in the sparse index ``due`` under its source while it waits for a poll, from ``due_at`` on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from call_lake.errors import NotReady, Reason, StepFailed, Transient
from call_lake.ledger.entry import (
    CALL,
    HISTORY_LENGTH,
    IN_FLIGHT,
    ITEM_VERSION,
    LAST_DUE,
    NEVER,
    NOT_STORED,
    OUTLIVED,
    TOMBSTONE,
    Entry,
    State,
    day_of,
    entries_of,
    entry_of,
    erased_among,
    erased_list,
    log_changed,
    sha256_of,
    state_of,
)
from call_lake.ledger.identity import possible_ids, same_recording, under_its_own_id
from call_lake.ledger.packed_record import packed, unpack
from call_lake.model.recording import RECORDING_ID, Recording, StoredAudio
from call_lake.model.times import iso
from call_lake.ports import ABSENT, Clock, Item, OneOf, PreconditionFailed, Table

INDEX_LIMIT = 1_000_000
UNSETTLED_AT_ONCE = 10_000
NOT_STORED_STATES = (State.PUBLISHED, State.RETRYING, State.FAILED)
REPAIRED = "repaired"
MARKED = "it was tried alone, and its function ended, or still runs: no verdict has followed"
ASKED_AGAIN = "asked_again"
SINCE_KEPT_S = 60.0  # less than any restore takes


class Ledger:
    """``republish_after_s``: how long a published recording may be silent before it is due again."""

    def __init__(self, table: Table, clock: Clock, republish_after_s: float) -> None:
        self.table = table
        self._clock = clock
        self._republish_after = timedelta(seconds=republish_after_s)
        self._since: tuple[float, datetime] | None = None

    # -- the poller's side

    def connections(self, ids: Sequence[str]) -> dict[str, str | None]:
        """The ids that are known, each with the connection id that its first write froze."""
        return {id: item.get("connection_id") for id, item in self.table.get_many(ids).items()}

    def discovered(self, recording: Recording) -> bool:
        """Write a new recording, which is PUBLISHED then; False where it is known already (rule 7)."""
        try:
            self.table.update(recording.recording_id, self._new_item(recording), ABSENT)
        except PreconditionFailed:
            return False
        return True

    def discovered_all(self, recordings: Iterable[Recording]) -> set[str]:
        """As ``discovered``, for different recordings at once; return the ids of those that were new."""
        return self.table.insert([{"id": one.recording_id} | self._new_item(one) for one in recordings])

    def due(self, source: str, limit: int) -> list[Entry]:
        """Recordings of the source that a poll has to publish again now, longest due first."""
        keys = [found["id"] for found in self.table.query_due(source, iso(self._clock.now()), limit)]
        items = self.table.get_many(keys)
        now = iso(self._clock.now())
        due = [items[key] for key in keys if key in items and items[key].get("due_at", NEVER) <= now]
        return entries_of(due, log_changed)

    def republished(self, entry: Entry) -> None:
        """Note that the recording is in its queue again. One that was settled or tried meanwhile stays as it is."""
        now = self._clock.now()
        changes = {"published_at": iso(now), "due_at": iso(now + self._republish_after)}
        self._update_if(entry.recording_id, changes, due_list=OneOf((entry.source,)), due_at=OneOf((entry.due_at,)))

    # -- the copier's side

    def claim(self, recording: Recording) -> Entry:
        """The entry of a recording that arrived by message, created where the poller's write is missing.

        What counts is what the first write froze. A known key with another connection id is another recording (rule 6).
        So the recording is looked for under each of its possible ids, whichever the message carries.

        Raises ItemChanged.
        """
        for id in possible_ids(recording):
            known = self.table.get(id)
            entry = entry_of(known) if known is not None else None
            if entry and known and same_recording(known.get("connection_id"), recording):
                return entry
        # As the message says, for the poller's write may still come.
        item = self._discovered_or_known(recording)
        if other := under_its_own_id(item.get("connection_id"), recording):
            item = self._discovered_or_known(other)
        return replace(entry_of(item), is_claimed=True)

    def _discovered_or_known(self, recording: Recording) -> Item:
        self.discovered(recording)
        id = recording.recording_id
        return self.table.get(id) or {"id": id} | self._new_item(recording)

    def exists_since(self) -> datetime:
        """Since when the ledger has lost nothing: since its table was made, for a lost table is restored as a new one.
        AWS is asked again after SINCE_KEPT_S: a table may be restored while a function is warm. Raises Transient."""
        asked_s, since = self._since or (0.0, None)
        if since is None or self._clock.monotonic() - asked_s >= SINCE_KEPT_S:
            since = self.table.created_at()
            self._since = (self._clock.monotonic(), since)
        return since

    def entry(self, id: str) -> Entry | None:
        """The entry of a recording id, None where the ledger has none."""
        item = self.table.get(id)
        return entry_of(item) if item else None

    def retrying(self, entry: Entry, error: StepFailed, delay_s: float, *, in_queue: bool) -> None:
        """Note a failed attempt. ``in_queue``: the message itself waits; else it is due after ``delay_s``."""
        now = self._clock.now()
        wait = self._republish_after + timedelta(seconds=delay_s) if in_queue else timedelta(seconds=delay_s)
        changes = self._failure(entry, error) | {"state": State.RETRYING, "due_at": iso(now + wait)}
        self._update_if(entry.recording_id, changes, state=IN_FLIGHT, source=OneOf((entry.source,)))

    def failed(self, entry: Entry, error: StepFailed) -> None:
        """Mark FAILED; only ``redrive`` brings it back."""
        changes = self._failure(entry, error) | {"state": State.FAILED, "due_at": NEVER}
        self._update_if(entry.recording_id, changes, state=IN_FLIGHT, source=OneOf((entry.source,)))

    def marked(self, entry: Entry) -> bool:
        """Count an attempt as KILLED before it begins; ``unmarked`` or a failure takes that back (ADR 0024). False
        where the recording was settled, or marked by another attempt, since ``entry`` was read."""
        changes = self._failure(entry, Transient(Reason.KILLED, MARKED))
        changes |= {"state": State.RETRYING, "marks": entry.marks + 1}
        as_read = OneOf((entry.marks or None,))
        return self._update_if(
            entry.recording_id, changes, state=IN_FLIGHT, marks=as_read, source=OneOf((entry.source,))
        )

    def unmarked(self, entry: Entry) -> None:
        """Make the item what it was before ``marked``, unless another attempt came to a verdict meanwhile."""
        changes = {
            "state": entry.state if entry.state is not State.PUBLISHED else None,
            "reason": entry.reason,
            "attempts": entry.attempts,
            "not_ready_since": iso(entry.not_ready_since) if entry.not_ready_since else None,
            "history": list(entry.history),
            "marks": entry.marks or None,
        }
        source = OneOf((entry.source,))
        self._update_if(entry.recording_id, changes, state=IN_FLIGHT, source=source, marks=OneOf((entry.marks + 1,)))

    def stored(
        self, recording: Recording, audio: StoredAudio, due_list: str | None = None, unmarked: Entry | None = None
    ) -> Entry | None:
        """Mark STORED, and return None. If another attempt or an erasure came first, return the entry as it is then.
        ``due_list``: under which key the index keeps what can expire, by ``stored_at``; None where nothing does.
        ``unmarked``: the entry before this attempt's own mark, which is taken back. Raises ItemChanged."""
        id = recording.recording_id
        settled = {"due_list": due_list, "due_at": iso(audio.stored_at) if due_list else None}
        settled |= {"reason": None, "marks": None}
        changes: dict[str, Any] = {
            "state": State.STORED,
            "audio": audio.to_json(),
            "stored_at": iso(audio.stored_at),
        } | settled
        changes |= {"record_sha256": sha256_of(recording)}
        if unmarked is not None:
            changes |= {"attempts": unmarked.attempts, "history": list(unmarked.history)}
        if self._update_if(id, changes, state=NOT_STORED, source=OneOf((recording.source,))):
            return None
        entry = self.entry(id)
        if entry is None:
            raise RuntimeError(f"{id} vanished from the ledger; its items are never deleted")
        return entry

    def restamped(self, entry: Entry, audio: StoredAudio) -> bool:
        """Move ``stored_at`` forward, so that the recording's row outranks a loser's (rule 13). False where its state
        is not the entry's any more. Then no row may be written: it would name audio that has expired."""
        changes = {"audio": audio.to_json(), "stored_at": iso(audio.stored_at)}
        return self._update_if(entry.recording_id, changes, state=OneOf((entry.state,)))

    # -- the operator's side

    def failures(self, source: str) -> list[Entry]:
        """Every FAILED recording of the source, in no order. Read from the index, which may be some seconds behind.
        Items that somebody changed are left out; ``call-lake verify`` reports them."""
        listed = self.table.query_due(source, NEVER, INDEX_LIMIT, due_from=NEVER)
        items = self.table.get_many([found["id"] for found in listed])
        return [entry for entry in entries_of(items.values()) if entry.state is State.FAILED]

    def waiting(self, source: str, most: int) -> list[Entry]:
        """Recordings of the source that are neither stored nor failed nor erased, at most so many, the one that is due
        first at the beginning. Read like ``failures``."""
        listed = [found["id"] for found in self.table.query_due(source, LAST_DUE, most)]
        items = self.table.get_many(listed)
        entries = entries_of(items[id] for id in listed if id in items)
        return [entry for entry in entries if entry.state in (State.PUBLISHED, State.RETRYING)]

    def redriven(self, id: str) -> bool:
        """Make a FAILED recording due again, with its deadlines counted from now. False where it is not FAILED."""
        return self._update_if(id, self._from_now(), state=OneOf((State.FAILED,)))

    def repaired(self, entry: Entry) -> bool:
        """Make a STORED recording due again because its object is lost, with its deadlines counted from now.

        The one way back from STORED, for an operator's repair: a person, or another program, deleted the object. What
        the object was stays in the history. False where another repair or an erasure changed the entry meanwhile.
        """
        if entry.audio is None or entry.recording is None:
            return False
        was = f"{entry.audio.key} of SHA-256 {entry.audio.facts.sha256} was gone"
        note = {"at": iso(self._clock.now()), "reason": REPAIRED, "detail": was}
        changes = self._from_now() | {
            "due_list": entry.source,
            "audio": None,
            "stored_at": None,
            "history": [*entry.history, note][-HISTORY_LENGTH:],
        }
        as_it_was = OneOf((iso(entry.audio.stored_at),))
        return self._update_if(entry.recording_id, changes, state=OneOf((State.STORED,)), stored_at=as_it_was)

    def asked_again(self, entry: Entry, answer: str, *, has_more: bool) -> Entry:
        """Note in the history of a STORED recording what the provider answered when it was asked for the audio again;
        return the entry with it. An entry that was repaired or erased meanwhile stays as it is. Raises Transient."""
        if entry.audio is None:
            return entry
        note = {"at": iso(self._clock.now()), "reason": ASKED_AGAIN, "detail": answer, "has_more": has_more}
        history = [*entry.history, note][-HISTORY_LENGTH:]
        as_it_was = OneOf((iso(entry.audio.stored_at),))
        is_stored = OneOf((State.STORED,))
        is_noted = self._update_if(entry.recording_id, {"history": history}, state=is_stored, stored_at=as_it_was)
        return replace(entry, history=tuple(history)) if is_noted else entry

    def days(self, first: date, last: date) -> Iterator[tuple[str, str, date]]:
        """Recording id, source and call date of everything that was called on these days. Reads the whole ledger.
        An item whose date somebody changed beyond reading is on the first day: its reader gets ItemChanged.

        An item of the last seconds may be missing: it is new, and its recording is still on its way. What is yielded is
        never old, for the first write freezes it (rule 6).
        """
        for item in self.table.scan(("id", "call_date"), may_be_late=True):
            if named := RECORDING_ID.fullmatch(item["id"]):
                day = day_of(item) or first
                if first <= day <= last:
                    yield item["id"], named[1], day

    def erased(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are tombstones."""
        return erased_among(self.table, ids)

    def erase(self, id: str, source: str, call_date: date) -> None:
        """Turn the item of a recording, in any state, into a tombstone; permanently. A missing item gets one, too.

        The tombstone says ``erasing`` until ``erasure_ended``, so that an erasure that died is found again: nothing
        else is left to find it by. It keeps only a digest of the connection id, which begins with the call's start;
        the digest still tells collisions apart, and the record brings it. In the index it is under ``erased_list`` by
        its day, so that erased recordings are counted without a scan.
        """
        self._bury(id, self.table.get(id) or {}, source, call_date, {"erasing": True})

    def outlived(self, id: str, source: str, call_date: date) -> None:
        """As ``erase``, for a recording that is older than RowRetentionDays. The tombstone says so. It does not say
        ``erasing``: while something is left, its day's manifest is there to find it by (ADR 0039). A recording of
        another source or day is left: a row that names it is set aside, and may be under any day."""
        item = self.table.get(id) or {}
        named = RECORDING_ID.fullmatch(id)
        if named and named[1] == source and day_of(item) in (None, call_date):
            self._bury(id, item, source, call_date, {"reason": OUTLIVED})

    def unsettled_before(self, source: str, day: date) -> list[tuple[str, date]]:
        """Recording id and call date of what is not stored, and was called before ``day``: failures, and up to
        ``UNSETTLED_AT_ONCE`` that still wait. The index may be some seconds behind."""
        listed = self.table.query_due(source, LAST_DUE, UNSETTLED_AT_ONCE)
        listed += self.table.query_due(source, NEVER, INDEX_LIMIT, due_from=NEVER)
        items = self.table.get_many([found["id"] for found in listed])
        days = ((id, day_of(item)) for id, item in items.items() if state_of(item) in NOT_STORED_STATES)
        return [(id, called) for id, called in days if called is not None and called < day]

    def _bury(self, id: str, item: Item, source: str, call_date: date, more: Mapping[str, Any]) -> None:
        # By name, too: what another writer adds between this look and the write.
        changes = dict.fromkeys((*item.keys() - TOMBSTONE, *CALL)) | {
            "version": ITEM_VERSION,
            "state": State.ERASED,
            "source": item.get("source", source),
            "call_date": item.get("call_date", call_date.isoformat()),
            "erased_at": iso(self._clock.now()),
            "connection_id": _connection_digest_in(item),
            "due_list": erased_list(source),
            "due_at": (day_of(item) or call_date).isoformat(),
            **more,
        }
        self._update_if(id, changes, state=OneOf((*NOT_STORED.values, State.STORED, State.EXPIRED)))

    def erasure_ended(self, id: str) -> None:
        """Note that nothing is left of the recording anywhere."""
        self._update_if(id, {"erasing": None}, state=OneOf((State.ERASED,)))

    # -- inside

    def _new_item(self, recording: Recording) -> Item:
        """All of a new item but its id."""
        now = self._clock.now()
        item = {
            "version": ITEM_VERSION,
            "source": recording.source,
            "call_date": recording.call_date.isoformat(),
            "record": packed(recording),
            "first_published_at": iso(now),
            "published_at": iso(now),
            "due_list": recording.source,
            "due_at": iso(now + self._republish_after),
        }
        return item | ({"connection_id": recording.connection_id} if recording.connection_id else {})

    def _from_now(self) -> dict[str, Any]:
        """PUBLISHED again, as if the recording had just been found."""
        began = ("first_published_at", "published_at", "due_at")
        return dict.fromkeys(began, iso(self._clock.now())) | {"state": None, "attempts": 0, "not_ready_since": None}

    def _failure(self, entry: Entry, error: StepFailed) -> dict[str, Any]:
        now = self._clock.now()
        note = {"at": iso(now), "reason": error.reason, "detail": error.detail[:300]}
        if error.sha256 is not None:
            note["sha256"] = error.sha256
        return {
            "reason": error.reason,
            "attempts": entry.attempts + 1,
            "not_ready_since": iso(entry.not_ready_since or now) if isinstance(error, NotReady) else None,
            "history": [*entry.history, note][-HISTORY_LENGTH:],
            "marks": None,
        }

    def _update_if(self, id: str, changes: dict[str, Any], **expected: OneOf) -> bool:
        try:
            self.table.update(id, changes, expected)
        except PreconditionFailed:
            return False
        return True


def _connection_digest_in(item: Item) -> str | None:
    """As the record brings it; None where there is none, or where somebody changed the record beyond reading."""
    try:
        digest = unpack(item.get("record")).get("connection_digest")
    except ValueError:
        return None
    return digest if isinstance(digest, str) else None
