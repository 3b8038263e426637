"""Repair what a verification found missing (``call-lake verify --repair``). It deletes nothing and overwrites no
audio."""

from dataclasses import replace

from call_lake.bucket.inbox import put_rows
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS
from call_lake.model.table import row_of
from call_lake.model.times import iso, parse_iso
from call_lake.operations.verify.findings import Finding, Kind
from call_lake.operations.verify.verifier import VerifyReport, hidden_from
from call_lake.polling.publisher import Publisher
from call_lake.ports import Catalog, Clock, ObjectStore, Queue

ROW_KINDS = frozenset({Kind.NO_ROW, Kind.ROW_DIFFERS, Kind.ROW_TWICE})
AUDIO_KINDS = frozenset({Kind.NO_OBJECT, Kind.OBJECT_DIFFERS})


class Repairer:
    """Repairs one source. Every step may be repeated, and is safe beside polls, copies and compactions."""

    def __init__(self, ledger: Ledger, store: ObjectStore, catalog: Catalog, queue: Queue, clock: Clock) -> None:
        self._ledger = ledger
        self._store = store
        self._catalog = catalog
        self._queue = queue
        self._clock = clock

    def repair(self, report: VerifyReport) -> dict[str, str]:
        """Repair, and return what was done: by recording id, or by what was found of a partition. Raises Transient and
        PartialFailure where AWS fails; what was done stays."""
        expired = self._ask_what_expired(report)
        done = self._register(report) | self._publish(report) | expired
        kinds: dict[str, set[Kind]] = {}
        for finding in report.differences:
            if self._comes_back(finding, report):
                continue
            if finding.recording_id and finding.recording_id not in done:
                kinds.setdefault(finding.recording_id, set()).add(finding.kind)
        for id, found in kinds.items():
            if Kind.CHANGED in found:
                continue
            entry = self._ledger.entry(id)
            if entry is None or entry.state not in (State.STORED, State.EXPIRED):
                continue
            if Kind.NO_OBJECT in found and entry.state is State.STORED:
                done |= self._fetch_again(entry)
            elif found & ROW_KINDS and not found & AUDIO_KINDS:
                done |= self._write_row(entry)
        return done

    @staticmethod
    def _comes_back(finding: Finding, report: VerifyReport) -> bool:
        """Whether a missing row is seen again once its partition is registered."""
        days = {partition.call_date for partition in report.hidden.get(CALLS.name, ())}
        return finding.kind is Kind.NO_ROW and finding.call_date in days

    def _register(self, report: VerifyReport) -> dict[str, str]:
        done: dict[str, str] = {}
        for table, partitions in report.hidden.items():
            self._catalog.register(table, partitions)
            done |= {hidden_from(table, partition).what: "registered" for partition in partitions}
        return done

    def _publish(self, report: VerifyReport) -> dict[str, str]:
        """Publish what the ledger does not know, as the poller does: into the queue, then into the ledger."""
        publisher = Publisher(self._ledger, self._queue, {})
        publisher.publish_new(list(report.unknown.values()))
        done = dict.fromkeys(report.unknown, "published")
        return done | dict.fromkeys(publisher.counts.too_long, "not published: longer than a message may be")

    def _ask_what_expired(self, report: VerifyReport) -> dict[str, str]:
        """Publish stored recordings whose audio has expired, as the poller does. The poller itself does not find those
        that were stored before AudioRetentionDays was set: they are not in the index."""
        ids = [f.recording_id for f in report.findings if f.kind is Kind.EXPIRED and f.recording_id]
        entries = [entry for id in ids if (entry := self._ledger.entry(id)) and entry.state is State.STORED]
        Publisher(self._ledger, self._queue, {}).publish_stored(entries)
        return {entry.recording_id: "sent to the copier, to become EXPIRED" for entry in entries}

    def _fetch_again(self, entry: Entry) -> dict[str, str]:
        """The ledger first: it makes the recording due, so a poll publishes it if this dies here. If the message came
        first, the copier would find STORED and download nothing."""
        if not self._ledger.repaired(entry):
            return {}
        again = self._ledger.entry(entry.recording_id)
        if again is not None:
            Publisher(self._ledger, self._queue, {}).publish_due([again])
        return {entry.recording_id: "published, to be fetched again"}

    def _write_row(self, entry: Entry) -> dict[str, str]:
        """Write the row with a new ``stored_at``, so that it outranks every row in the lake (rule 18). The ledger is
        written first, because rows follow it."""
        if entry.audio is None or entry.recording is None:
            return {}
        stamped = replace(entry.audio, stored_at=parse_iso(iso(self._clock.now())))
        if not self._ledger.restamped(entry, stamped):
            return {}
        put_rows(self._store, [row_of(entry.recording, stamped, expired=entry.state is State.EXPIRED)], CALLS)
        return {entry.recording_id: "its row is in the inbox again"}
