"""Erase recordings permanently, and prove it (``call-lake erase``; rules 7, 15 and 18).

The tombstones come first. From then on no poll, copy or compaction brings anything of these recordings back, and each
one deletes what it was just writing. Then everything is deleted. Then the erasure waits, deletes once more, and
searches every place for the proof. It may die anywhere: the same command goes on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from call_lake.errors import Reason, Transient
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.ledger.ledger import Ledger
from call_lake.model.times import iso, parse_iso
from call_lake.operations.erase.bucket_places import InboxObjects, ObjectsNamedById, QuarantineObjects, QueryResults
from call_lake.operations.erase.lake_places import OpenTableFiles, TableRows, UnreferencedFiles
from call_lake.operations.erase.place import Place, Searchable, SearchResult
from call_lake.operations.erase.service_places import DeadLetterQueue, LedgerItems, TranscriptionJobs
from call_lake.operations.erase.targets import EraseProgress, ErasureRequest, Targets, find_targets
from call_lake.operations.erase.transcript_places import TranscriptDocuments, TranscriptStates
from call_lake.ports import Clock, DeadLetters, PartialFailure, Transcriptions, VersionedStore

QUERIES_END_S = 1800.0
"""Athena ends a query after 30 minutes (https://docs.aws.amazon.com/athena/latest/ug/service-limits.html), and Lambda a
function after 15. So after this time nothing runs any more that began before the rows were removed."""
NOT_SEARCHED = (
    "the queues: a message under way cannot be looked into; the copier drops it, and SQS does after a day",
    "the queues and dead letters of transcripts and sound: their messages name recordings, no person, for 14 days",
    "the ledger's backups: DynamoDB's point-in-time recovery goes back 35 days",
    "what is said in other calls: the words in their audio and transcripts",
    "the access log: it keeps who heard or read which recordings, by their ids",
    "Athena's history: it keeps the texts of queries for 45 days",
    "the providers, and whatever was copied out of the bucket",
)

type WaitUntil = Callable[[datetime], None]
type OnFound = Callable[[Targets, int], None]
"""Called with what was found to erase, and with how many query results of everybody go too, before anything changes.
What it raises ends the erasure."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What was erased, or would be, and what each place holds of it. After an erasure this is the proof. It may be
    filed: ``to_json`` holds no number and no name."""

    request: ErasureRequest
    targets: Targets
    places: Mapping[str, SearchResult]
    started_at: datetime
    ended_at: datetime
    dry_run: bool

    @property
    def hits(self) -> int:
        return sum(place.hits for place in self.places.values())

    @property
    def hidden(self) -> int:
        return sum(place.hidden for place in self.places.values())

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left, and everything could be looked into."""
        return not self.hits and not self.hidden

    def to_json(self) -> dict[str, Any]:
        """What may be filed."""
        return {
            "request": self.request.to_json(),
            "dry_run": self.dry_run,
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at),
            "matched": self.targets.matched,
            "erased": 0 if self.dry_run else len(self.targets.ids),
            "recordings": [target.to_json() for target in self.targets.all],
            "places": {name: asdict(place) for name, place in self.places.items()},
            "hits": self.hits,
            "hidden": self.hidden,
            "not_searched": NOT_SEARCHED,
        }


type OnReport = Callable[[ErasureReport], None]
"""Called with the report of an erasure, to keep its proof. What it raises ends the command; the next one goes on."""


@dataclass(frozen=True, slots=True)
class OtherServices:
    """What may hold something of a recording besides the ledger and the bucket. ``transcriptions`` is None where
    nothing was ever transcribed."""

    dead_letters: DeadLetters
    transcriptions: Transcriptions | None


class Eraser:
    """Erases recordings from every place. ``grace_s``: the compactor's, after which unreferenced files are deleted."""

    def __init__(
        self,
        ledger: Ledger,
        store: VersionedStore,
        services: OtherServices,
        clock: Clock,
        grace_s: float,
        on_progress: EraseProgress = lambda line: None,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._on_progress = on_progress
        open_table = OpenTable(store, create=False)
        lake = Lake(store, ledger.table, clock, grace_s, open_table=open_table)
        self._rows = TableRows(store, lake)
        self._old_data = UnreferencedFiles(store, lake.garbage)
        self._old_files: tuple[Place, ...] = (self._old_data, OpenTableFiles(store, open_table))
        self._copies: tuple[Place, ...] = (
            ObjectsNamedById("audio", store, attrgetter("audio")),
            TranscriptionJobs(services.transcriptions),
            TranscriptStates(ledger.table, store, clock),
            TranscriptDocuments(store),
            InboxObjects(store),
            QuarantineObjects(store),
            DeadLetterQueue(services.dead_letters),
        )
        self._results = QueryResults(store)
        self._everywhere: tuple[Searchable, ...] = (
            LedgerItems(ledger.table),
            self._rows,
            *self._copies,
            self._results,
            *self._old_files,
        )

    def dry_run(self, request: ErasureRequest) -> ErasureReport:
        """Report what would be erased, and which places hold something of it. Changes nothing. Raises UnknownRecording,
        LakeDamaged and Transient."""
        started_at = self._clock.now()
        targets = self._find(request)
        targets.must_be_all()
        return ErasureReport(request, targets, self._search(targets), started_at, self._clock.now(), dry_run=True)

    def erase(
        self,
        request: ErasureRequest,
        wait: WaitUntil | None,
        on_found: OnFound = lambda targets, results: None,
        on_report: OnReport = lambda report: None,
    ) -> ErasureReport:
        """Find, erase, then search every place again for the proof.

        ``wait`` returns when the given moment has come. With None the erasure does not wait: queries that are running
        may fail, and functions that are running have to delete what they write themselves. Raises UnknownRecording,
        LakeDamaged and Transient. After any of them, the same call goes on.
        """
        started_at = self._clock.now()
        targets = self._find(request)
        on_found(targets, self._results.search(targets).searched)
        with _failures_are_transient():
            for target in targets.all:
                self._ledger.erase(target.recording_id, target.partition.source, target.partition.call_date)
            # The audio before the rows: it is deleted even where the lake is damaged. As long as there is a row, the
            # next erasure finds the recording's day again. Query results after the rows: until then a query may write
            # a new one.
            self._clear(self._copies, targets)
            targets.must_be_all()
            self._clear((self._rows, self._results), targets)
            if wait is not None and (moment := self._wait_until(targets)) is not None:
                wait(moment)
                self._clear((*self._copies, self._results), targets)
            self._clear(self._old_files, targets)
            proof = self._prove(request, targets)
            report = ErasureReport(request, targets, proof, started_at, self._clock.now(), dry_run=False)
            # Before the tombstones lose their mark: who dies here finds the recordings again, and keeps their proof.
            on_report(report)
            if report.is_clean:
                for target in targets.all:
                    self._ledger.erasure_ended(target.recording_id)
        return report

    def _find(self, request: ErasureRequest) -> Targets:
        return find_targets(request, self._ledger.table, self._store, self._on_progress)

    def _clear(self, places: tuple[Place, ...], targets: Targets) -> None:
        for place in places if targets.all else ():
            self._on_progress(f"deleting: {place.name}")
            place.clear(targets)

    def _wait_until(self, targets: Targets) -> datetime | None:
        """When nothing runs any more that saw the rows or missed the tombstones. None where an earlier erasure has
        waited for that already."""
        items = self._ledger.table.get_many(sorted(targets.ids)).values()
        moments = [parse_iso(item["erased_at"]) for item in items if item.get("erasing")]
        replaced_at = self._old_data.replaced_at(targets)
        latest = max([*moments, *([replaced_at] if replaced_at else [])], default=None)
        return latest + timedelta(seconds=QUERIES_END_S) if latest else None

    def _prove(self, request: ErasureRequest, targets: Targets) -> dict[str, SearchResult]:
        """Search every place, and look for further recordings of the same people."""
        found = self._search(targets)
        if request.names_people:
            again = self._find(request)
            again.must_be_all()
            found["found_again"] = SearchResult(again.searched, len(again.ids - targets.ids))
        return found

    def _search(self, targets: Targets) -> dict[str, SearchResult]:
        found = {}
        for place in self._everywhere:
            self._on_progress(f"searching: {place.name}")
            found[place.name] = place.search(targets)
        return found


@contextmanager
def _failures_are_transient() -> Iterator[None]:
    """Raise the block's PartialFailure as Transient, which says how to go on."""
    try:
        yield
    except PartialFailure as error:
        raise Transient(Reason.AWS, f"{error}; type the same command again, it goes on from here") from error
