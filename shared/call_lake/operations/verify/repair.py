"""Mend what a verification found missing (``call-lake verify --repair``). Deletes nothing, overwrites no audio."""

from dataclasses import replace

from call_lake.bucket.inbox import put_rows
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.table import row_of
from call_lake.model.times import iso, parse_iso
from call_lake.operations.verify.findings import Kind
from call_lake.operations.verify.verifier import Report
from call_lake.polling.publisher import Publisher
from call_lake.ports import Clock, ObjectStore, Queue

ROW_KINDS = frozenset({Kind.NO_ROW, Kind.ROW_DIFFERS, Kind.ROW_TWICE})
AUDIO_KINDS = frozenset({Kind.NO_OBJECT, Kind.OBJECT_DIFFERS})


class Repairer:
    """Repairs one source; every step may be repeated, and is safe beside polls, copies and compactions."""

    def __init__(self, ledger: Ledger, store: ObjectStore, queue: Queue, clock: Clock) -> None:
        self._ledger = ledger
        self._store = store
        self._queue = queue
        self._clock = clock

    def repair(self, report: Report) -> dict[str, str]:
        """What was done, by recording id. Raises Transient where AWS fails; what was done stays."""
        expired = self._ask_what_expired(report)
        done = self._publish(report) | expired
        kinds: dict[str, set[Kind]] = {}
        for finding in report.differences:
            if finding.recording_id and finding.recording_id not in done:
                kinds.setdefault(finding.recording_id, set()).add(finding.kind)
        for id, found in kinds.items():
            entry = self._ledger.entry(id)
            if entry is None or entry.state not in (State.STORED, State.EXPIRED):
                continue
            if Kind.NO_OBJECT in found and entry.state is State.STORED:
                done |= self._fetch_again(entry)
            elif found & ROW_KINDS and not found & AUDIO_KINDS:
                done |= self._write_row(entry)
        return done

    def _publish(self, report: Report) -> dict[str, str]:
        """As the poller does: into the queue, then into the ledger."""
        publisher = Publisher(self._ledger, self._queue, {})
        publisher.publish_new(list(report.unknown.values()))
        done = dict.fromkeys(report.unknown, "published")
        return done | dict.fromkeys(publisher.counts.too_long, "not published: longer than a message may be")

    def _ask_what_expired(self, report: Report) -> dict[str, str]:
        """As the poller does, for what the index does not have: it was stored before AudioRetentionDays was set."""
        ids = [f.recording_id for f in report.findings if f.kind is Kind.EXPIRED and f.recording_id]
        entries = [entry for id in ids if (entry := self._ledger.entry(id)) and entry.state is State.STORED]
        Publisher(self._ledger, self._queue, {}).publish_stored(entries)
        return {entry.recording_id: "sent to the copier, to become EXPIRED" for entry in entries}

    def _fetch_again(self, entry: Entry) -> dict[str, str]:
        """The ledger first: it makes the recording due, so that a poll publishes it if this ends here. A message that
        came first would find STORED and be finished without a download."""
        if not self._ledger.repaired(entry):
            return {}
        again = self._ledger.entry(entry.recording_id)
        if again is not None:
            Publisher(self._ledger, self._queue, {}).publish_due([again])
        return {entry.recording_id: "published, to be fetched again"}

    def _write_row(self, entry: Entry) -> dict[str, str]:
        """Stamped anew, so that it outranks every row that stands (rule 18); the ledger first, as always its truth."""
        if entry.audio is None or entry.recording is None:
            return {}
        stamped = replace(entry.audio, stored_at=parse_iso(iso(self._clock.now())))
        if not self._ledger.restamped(entry, stamped):
            return {}
        put_rows(self._store, [row_of(entry.recording, stamped, expired=entry.state is State.EXPIRED)])
        return {entry.recording_id: "its row is in the inbox again"}
