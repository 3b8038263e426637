"""Erase recordings for good, and prove it (``call-lake erase``; design rules 7, 15 and 18).

The tombstones come first: from then on no poll, copy or compaction brings anything of these recordings back, and each
deletes what it had under way. Then everything is deleted, then comes a wait, then a second look, then the proof. It may
end anywhere and be started again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from call_lake.errors import Reason, Transient
from call_lake.lake.lake import Lake
from call_lake.lake.open_table import OpenTable
from call_lake.ledger.ledger import Ledger
from call_lake.model.layout import AUDIO, TRANSCRIPTS
from call_lake.model.times import iso, parse_iso
from call_lake.operations.erase.bucket_places import InboxObjects, OwnObjects, QuarantineObjects
from call_lake.operations.erase.lake_places import OldFiles, OpenFiles, Rows
from call_lake.operations.erase.place import Place, Search, Searchable
from call_lake.operations.erase.service_places import LedgerItems, Letters, QueryResults, TranscriptionJobs
from call_lake.operations.erase.targets import Request, Targets, Tell, find_targets
from call_lake.ports import Clock, DeadLetters, PartialFailure, Transcriptions, VersionedStore

QUIET_S = 1800.0
"""Athena ends a query after 30 minutes (https://docs.aws.amazon.com/athena/latest/ug/service-limits.html), Lambda a
function after 15: what was under way when the rows went is over then."""
NOT_SEARCHED = (
    "the queues: a message under way cannot be looked into; the copier drops it, and SQS does after a day",
    "the ledger's backups: DynamoDB's point-in-time recovery goes back 35 days",
    "Athena's history: it keeps the texts of queries for 45 days",
    "the providers, and whatever was copied out of the bucket",
)

type Wait = Callable[[datetime], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What was, or would be, erased, and what each place holds of it: after an erasure the proof. It may be filed: no
    number and no name is in ``to_json``."""

    request: Request
    targets: Targets
    places: Mapping[str, Search]
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
        """Nothing is left, and nothing was kept from being looked into."""
        return not self.hits and not self.hidden

    def to_json(self) -> dict[str, Any]:
        return {
            "request": self.request.to_json(),
            "dry_run": self.dry_run,
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at),
            "recordings": [target.to_json() for target in self.targets.all],
            "places": {name: asdict(place) for name, place in self.places.items()},
            "hits": self.hits,
            "hidden": self.hidden,
            "not_searched": NOT_SEARCHED,
        }


class Eraser:
    """``grace_s``: the compactor's, after which files that no manifest names are collected. ``tell`` is given lines of
    progress."""

    def __init__(
        self,
        ledger: Ledger,
        store: VersionedStore,
        dead: DeadLetters,
        transcriptions: Transcriptions | None,
        clock: Clock,
        grace_s: float,
        tell: Tell = lambda line: None,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._tell = tell
        open_table = OpenTable(store, create=False)
        lake = Lake(store, ledger.table, clock, grace_s, open_table=open_table)
        self._rows = Rows(store, lake)
        self._old_data = OldFiles(store, lake.garbage)
        self._old_files: tuple[Place, ...] = (self._old_data, OpenFiles(store, open_table))
        self._copies: tuple[Place, ...] = (
            OwnObjects("audio", store, AUDIO),
            TranscriptionJobs(transcriptions),
            OwnObjects("transcripts", store, TRANSCRIPTS),
            InboxObjects(store),
            QuarantineObjects(store),
            Letters(dead),
        )
        self._results = QueryResults(store)
        self._everywhere: tuple[Searchable, ...] = (
            LedgerItems(ledger.table),
            self._rows,
            *self._copies,
            self._results,
            *self._old_files,
        )

    def dry_run(self, request: Request) -> Report:
        """What would be erased, and where something of it lies. Changes nothing. Raises UnknownRecording, LakeDamaged
        and Transient."""
        started_at = self._clock.now()
        targets = self._find(request)
        targets.must_be_all()
        return Report(request, targets, self._search(targets), started_at, self._clock.now(), dry_run=True)

    def erase(self, request: Request, wait: Wait | None) -> Report:
        """Erase, then search every place again. ``wait`` returns when a moment has come; None spares the waiting:
        queries that run may fail then, and what functions had under way is left to them. Raises UnknownRecording,
        LakeDamaged and Transient; in any case the same call goes on from where this one ended."""
        started_at = self._clock.now()
        targets = self._find(request)
        with _going_on():
            for target in targets.all:
                self._ledger.erase(target.recording_id, target.partition.source, target.partition.call_date)
            # The voice before the rows: it goes even where the lake is damaged, and while a row stands, the day that
            # leads to it is found again. Results of queries after them: until then a query may write a new one.
            self._clear(self._copies, targets)
            targets.must_be_all()
            self._clear((self._rows, self._results), targets)
            if wait is not None and (moment := self._quiet_at(targets)) is not None:
                wait(moment)
                self._clear((*self._copies, self._results), targets)
            self._clear(self._old_files, targets)
            report = Report(request, targets, self._prove(request, targets), started_at, self._clock.now(), False)
            if report.is_clean:
                for target in targets.all:
                    self._ledger.erasure_ended(target.recording_id)
        return report

    def _find(self, request: Request) -> Targets:
        return find_targets(request, self._ledger.table, self._store, self._tell)

    def _clear(self, places: tuple[Place, ...], targets: Targets) -> None:
        for place in places if targets.all else ():
            self._tell(f"deleting: {place.name}")
            place.clear(targets)

    def _quiet_at(self, targets: Targets) -> datetime | None:
        """When nothing is under way any more that saw the rows, or did not see the tombstones. None where an earlier
        erasure has waited for that already."""
        items = self._ledger.table.get_many(sorted(targets.ids)).values()
        moments = [parse_iso(item["erased_at"]) for item in items if item.get("erasing")]
        replaced_at = self._old_data.replaced_at(targets)
        latest = max([*moments, *([replaced_at] if replaced_at else [])], default=None)
        return latest + timedelta(seconds=QUIET_S) if latest else None

    def _prove(self, request: Request, targets: Targets) -> dict[str, Search]:
        """Every place as it is now, and whether there is more of these people than there was."""
        found = self._search(targets)
        if request.names_people:
            again = self._find(request)
            again.must_be_all()
            found["found_again"] = Search(again.searched, len(again.ids - targets.ids))
        return found

    def _search(self, targets: Targets) -> dict[str, Search]:
        found = {}
        for place in self._everywhere:
            self._tell(f"searching: {place.name}")
            found[place.name] = place.search(targets)
        return found


@contextmanager
def _going_on() -> Iterator[None]:
    try:
        yield
    except PartialFailure as error:
        raise Transient(Reason.AWS, f"{error}; type the same command again, it goes on from here") from error
