"""Compare the transcripts of some days: documents, ledger and rows (``call-lake verify``).

A document is what an engine wrote. The transcript reader makes a row of it, and the ledger says READY.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import batched

from call_lake.bucket.inventory import ids_in_inbox
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptLedger, TranscriptState
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import DOCUMENTS, Partition, TranscriptPlace
from call_lake.model.transcribing import document_written
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Finding, Kind
from call_lake.ports import Clock, ObjectInfo, ObjectStore, Queue

YOUNG = timedelta(hours=6)
"""A document without a row is on its way for so long: the queue tries it again and again."""

SENT_AT_ONCE = 100

type RowKeys = Callable[[Partition], set[tuple[str, str]]]
"""Recording id and engine of every row that a partition of table ``transcripts`` has."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One engine's transcripts of one partition, by recording id: the documents, what the ledger knows, and which have
    a row. ``waits``: recordings with a row in the inbox."""

    engine: str
    partition: Partition
    documents: dict[str, ObjectInfo]
    entries: dict[str, TranscriptEntry]
    rows: set[str]
    waits: set[str]


@dataclass(slots=True)
class TranscriptReport:
    """``unread``: documents that have to become rows, for the repair; each with its recording."""

    findings: list[Finding] = field(default_factory=list)
    unread: list[tuple[str, ObjectInfo]] = field(default_factory=list)


class TranscriptVerifier:
    """Verifies the transcripts of these engines. ``rows``: reads the lake. ``young``: for so long a document without a
    row is on its way."""

    def __init__(
        self,
        store: ObjectStore,
        ledgers: Sequence[TranscriptLedger],
        rows: RowKeys,
        clock: Clock,
        *,
        young: timedelta = YOUNG,
    ) -> None:
        self._young = young
        self._store = store
        self._ledgers = ledgers
        self._rows = rows
        self._clock = clock

    def verify(
        self, source: str, days: Days, in_ledger: Mapping[str, date], on_progress: Callable[[int], None]
    ) -> TranscriptReport:
        """Compare the days of one source. ``in_ledger``: ids and call dates of its recordings of these days.
        ``on_progress`` gets the number of days that are done. Raises Transient and LakeDamaged."""
        known: dict[date, list[str]] = {}
        for id, day in in_ledger.items():
            known.setdefault(day, []).append(id)
        report = TranscriptReport()
        for number, day in enumerate(days.all()):
            for heard in self._heard(Partition(source, day), known.get(day, ())):
                for id in sorted({*heard.documents, *heard.entries, *heard.rows}):
                    self._compare(report, heard, id)
            on_progress(number + 1)
        return report

    def days_with_documents(self, source: str, days: Days) -> list[date]:
        """Those of the days that have a document of one of the engines, in order. Raises Transient."""
        folders = (f"{DOCUMENTS}{ledger.engine}/{source}/" for ledger in self._ledgers)
        places = (TranscriptPlace.of_key(info.key) for folder in folders for info in self._store.list(folder))
        return sorted({place.partition.call_date for place in places if place and place.partition.call_date in days})

    def _heard(self, partition: Partition, known: Iterable[str]) -> Iterator[Heard]:
        rows = self._rows(partition)
        waits = ids_in_inbox(self._store, partition.source, partition.call_date, TRANSCRIPTS)
        for ledger in self._ledgers:
            documents = {
                place.recording_id: info
                for info in self._store.list(partition.transcripts_of(ledger.engine))
                if (place := TranscriptPlace.of_key(info.key))
            }
            with_row = {id for id, engine in rows if engine == ledger.engine}
            entries = ledger.entries(sorted({*documents, *with_row, *known}))
            yield Heard(ledger.engine, partition, documents, entries, with_row, waits)

    def _compare(self, report: TranscriptReport, heard: Heard, id: str) -> None:
        entry, document = heard.entries.get(id), heard.documents.get(id)
        if found := difference_of(heard, id, self._clock.now() - self._young):
            kind, what = found
            cause = " ".join(filter(None, (entry.state, entry.reason))) if entry else "not in the ledger"
            place = heard.partition
            report.findings.append(Finding(place.source, kind, what, cause, id, place.call_date, group=heard.engine))
            if kind is Kind.NO_TRANSCRIPT and document:
                report.unread.append((id, document))


def difference_of(heard: Heard, id: str, since: datetime) -> tuple[Kind, str] | None:
    """What is wrong with an engine's transcript of a recording; None for nothing. A document that was written after
    ``since`` is on its way. What waits or runs is in ``call-lake status``."""
    document, entry = heard.documents.get(id), heard.entries.get(id)
    state = entry.state if entry else None
    if state is TranscriptState.FAILED:
        return Kind.TRANSCRIPT_FAILED, f"engine {heard.engine} has no transcript of it"
    if document is None:
        if id in heard.rows or state is TranscriptState.READY:
            return Kind.NO_DOCUMENT, f"engine {heard.engine} wrote a transcript, and its document is gone"
        return None
    if state is TranscriptState.ERASED:
        return Kind.DOCUMENT_ERASED, f"{document.key} is there, and the recording is erased"
    has_row = id in heard.rows or id in heard.waits
    if has_row and entry and entry.has_read(document.etag):
        return None
    if document.last_modified > since:
        return Kind.ON_ITS_WAY, f"{document.key} is new, and was not read yet"
    why = "the row is of an older one" if has_row else "table transcripts has no row of it"
    return Kind.NO_TRANSCRIPT, f"{document.key} was not read: {why}"


def read_again(
    store: ObjectStore, ledgers: Sequence[TranscriptLedger], documents: Iterable[ObjectInfo], queue: Queue
) -> int:
    """Have the reader read these documents, also those that it has read, and return how many there are. Raises
    Transient and PartialFailure."""
    by_engine = {ledger.engine: ledger for ledger in ledgers}
    sent = 0
    for some in batched(documents, SENT_AT_ONCE, strict=False):
        for info in some:
            if (place := TranscriptPlace.of_key(info.key)) and place.engine in by_engine:
                by_engine[place.engine].forget_document(place.recording_id)
        queue.send([document_written(store.bucket, info.key, info.etag) for info in some])
        sent += len(some)
    return sent
