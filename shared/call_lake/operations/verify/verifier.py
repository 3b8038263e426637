"""Compare what a source lists now with ledger, audio objects and rows (``call-lake verify``).

It downloads lists and headers, but no audio; that is redownload.py. It asks in the order in which a recording moves on:
ledger, inbox, rows. So a recording that moves on meanwhile is seen twice rather than not at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import batched

from call_lake.bucket.inventory import audio_keys, ids_in_inbox, ids_in_quarantine
from call_lake.concurrency import in_threads
from call_lake.errors import ItemChanged
from call_lake.lake.registration import unregistered
from call_lake.ledger.entry import Entry, State, entries_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import CALLS, LakeTable
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.model.recording_ids import RecordingIds
from call_lake.operations.days import Days
from call_lake.operations.verify.findings import Finding, Kind, StoredParts, TableRow, about, differences_of
from call_lake.operations.verify.listing import SourceListing, VerifyProgress
from call_lake.ports import Catalog, Clock, ObjectInfo, ObjectStore, Provider
from call_lake.settings import SourceSettings

DAYS_AT_ONCE = 7
STATES_WITH_ROW = (State.STORED, State.EXPIRED)

type RowReader = Callable[[str, Sequence[date]], list[TableRow]]
"""Called with a source and call dates: the rows of these partitions, as a query of the table sees them now."""


@dataclass(slots=True)
class VerifyReport:
    """The result for one source. ``listed``: recordings of these days that the provider has now. ``checked``: those and
    those that the ledger has of these days. ``gone``: ids of the checked that were erased; ``erased``: how many.
    ``right``: how many of the others have no difference. ``unknown``: recordings that the ledger does not have, for the
    repair. ``hidden``: by the name of a table, committed partitions that are not registered in it, for the repair.
    ``known``: ids of the checked ones that the ledger has. ``redownloaded``: how many were downloaded again, and how
    many of them had the stored bytes; None if nobody asked.
    """

    source: str
    listed: int
    checked: int
    findings: list[Finding]
    unknown: Mapping[str, Recording] = field(default_factory=dict)
    hidden: Mapping[str, Sequence[Partition]] = field(default_factory=dict)
    known: Sequence[str] = ()
    redownloaded: tuple[int, int] | None = None
    gone: Collection[str] = ()

    @property
    def erased(self) -> int:
        return len(self.gone)

    @property
    def differences(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_difference]

    @property
    def right(self) -> int:
        # A document may be of a recording that is erased, or that the ledger lacks: neither is counted.
        counted = {*self.known, *self.unknown}.difference(self.gone)
        differing = {finding.recording_id for finding in self.differences if finding.recording_id in counted}
        return self.checked - self.erased - len(differing)


@dataclass(frozen=True, slots=True)
class StackData:
    """Where one stack keeps recordings. ``audio_kept``: after which time the bucket itself deletes audio, None for
    never. ``tables``: those that the stack keeps."""

    ledger: Ledger
    store: ObjectStore
    catalog: Catalog
    rows: RowReader
    audio_kept: timedelta | None = None
    tables: Sequence[LakeTable] = (CALLS,)


@dataclass(frozen=True, slots=True)
class _Partitions:
    """What the bucket and the table hold under some days, by recording id: keys of audio objects, and rows. ``inbox``:
    ids with a row that waits."""

    audio: Mapping[str, Sequence[str]]
    inbox: set[str]
    rows: Mapping[str, Sequence[TableRow]]


class Verifier:
    """Verifies one source. ``ids``: under the stack's key. ``threads``: HEAD requests at once."""

    def __init__(
        self,
        settings: SourceSettings,
        provider: Provider,
        data: StackData,
        clock: Clock,
        ids: RecordingIds,
        *,
        threads: int = 10,
    ) -> None:
        self._settings = settings
        self._ids = ids
        self._source = settings.name
        self._provider = provider
        self._data = data
        self._ledger = data.ledger
        self._store = data.store
        self._clock = clock
        self._threads = threads
        self._erased: set[str] = set()

    def verify(self, days: Days, in_ledger: Mapping[str, date], on_progress: VerifyProgress) -> VerifyReport:
        """Compare these days. ``in_ledger``: ids and call dates of the source's recordings of these days, as
        ``Ledger.days`` gave them before. Raises Transient where AWS fails."""
        listing = SourceListing(self._settings, self._provider, self._ledger, self._clock, days, self._ids)
        listing.read(on_progress)
        self._erased = set()
        expected = dict(in_ledger) | listing.known
        findings = listing.findings(is_used=bool(expected))
        by_day: dict[date, list[str]] = {day: [] for day in days.all()}
        for id, day in expected.items():
            by_day.setdefault(day, []).append(id)
        for number, some in enumerate(batched(sorted(by_day), DAYS_AT_ONCE, strict=False)):
            on_progress("comparing", number * DAYS_AT_ONCE, len(by_day))
            findings += self._compare(some, sorted(id for day in some for id in by_day[day]), listing, days)
        hidden = self._hidden(days)
        findings += [hidden_from(table, partition) for table, found in hidden.items() for partition in found]
        return VerifyReport(
            self._source,
            listed=len(listing.known) + len(listing.unknown),
            checked=len(expected) + len(listing.unknown),
            findings=findings,
            unknown=listing.unknown,
            hidden=hidden,
            known=list(expected),
            gone=self._erased,
        )

    def _hidden(self, days: Days) -> dict[str, list[Partition]]:
        """By the name of a table: committed partitions of these days that no query of it sees."""
        found = {table.name: unregistered(self._store, self._data.catalog, table) for table in self._data.tables}
        wanted = {Partition(self._source, day) for day in days.all()}
        return {name: [one for one in partitions if one in wanted] for name, partitions in found.items()}

    # -- the recordings of some days

    def _compare(self, some: Sequence[date], ids: Sequence[str], listing: SourceListing, days: Days) -> list[Finding]:
        entries, findings = self._entries(ids)
        seen = {*entries, *(finding.recording_id for finding in findings)}
        stored = self._partitions(some)
        heads = self._heads(entries)
        aside = self._set_aside(entries, stored)
        self._erased |= {id for id, entry in entries.items() if entry.state is State.ERASED}
        for id, entry in entries.items():
            parts = StoredParts(heads.get(id), stored.rows.get(id, ()), id in stored.inbox, aside.get(id))
            found = differences_of(entry, parts, self._clock.now(), self._data.audio_kept)
            if not found and listing.is_complete and id not in listing.known and self._should_be_listed(entry, days):
                found = [about(Kind.UNLISTED, entry, "the provider does not list it any more")]
            findings += found
        return findings + self._elsewhere(stored, seen, listing)

    def _entries(self, ids: Sequence[str]) -> tuple[dict[str, Entry], list[Finding]]:
        """The ledger's entries by id, and a finding for each item that somebody changed."""
        changed: list[ItemChanged] = []
        entries = entries_of(self._ledger.table.get_many(ids).values(), changed.append)
        findings = [Finding(self._source, Kind.CHANGED, e.why, recording_id=e.recording_id) for e in changed]
        return {entry.recording_id: entry for entry in entries}, findings

    def _partitions(self, some: Sequence[date]) -> _Partitions:
        audio: dict[str, list[str]] = {}
        inbox: set[str] = set()
        for day in some:
            audio |= audio_keys(self._store, self._source, day)
            inbox |= ids_in_inbox(self._store, self._source, day)
        rows: dict[str, list[TableRow]] = {}
        for row in self._data.rows(self._source, some):
            rows.setdefault(row.recording_id, []).append(row)
        return _Partitions(audio, inbox, rows)

    def _heads(self, entries: Mapping[str, Entry]) -> dict[str, ObjectInfo | None]:
        keys = {id: e.audio.key for id, e in entries.items() if e.state in STATES_WITH_ROW and e.audio is not None}
        return dict(zip(keys, in_threads(self._store.head, list(keys.values()), self._threads), strict=True))

    def _set_aside(self, entries: Mapping[str, Entry], stored: _Partitions) -> dict[str, str]:
        """Recordings in the quarantine, each with why. Asked last, because rows move from the inbox to the quarantine,
        and only where a row is missing."""
        missed = [e for id, e in entries.items() if e.state in STATES_WITH_ROW and id not in stored.rows]
        days = {entry.recording.call_date for entry in missed if entry.recording}
        found: dict[str, str] = {}
        for day in days:
            found |= ids_in_quarantine(self._store, self._source, day)
        return found

    def _should_be_listed(self, entry: Entry, days: Days) -> bool:
        if entry.state is State.ERASED or entry.recording is None:
            return False
        listed_at = entry.recording.listed_at or entry.recording.started_at
        window = days.window(self._settings.zone)
        return window.start <= listed_at < window.end

    def _elsewhere(self, stored: _Partitions, seen: Set[str | None], listing: SourceListing) -> list[Finding]:
        """Find objects and rows under these days that belong to other recordings. Some of them are right: if a call of
        an earlier day was listed late, its whole day is read, with all of that day's recordings."""
        strange = (stored.audio.keys() | stored.rows.keys()) - seen - listing.unknown.keys()
        known, findings = self._entries(sorted(strange))
        for id in sorted(strange - {finding.recording_id for finding in findings}):
            own = _day_of(known[id]) if id in known else None
            keys = [
                key for key in stored.audio.get(id, ()) if own is None or Partition(self._source, own).path not in key
            ]
            days = [row.call_date for row in stored.rows.get(id, ()) if row.call_date != own]
            places = ", ".join([*keys, *(f"a row under {day}" for day in days)])
            if places and id in known:
                findings.append(about(Kind.ROW_MISPLACED, known[id], f"the ledger has another day for {places}"))
            elif places:
                what = f"neither ledger nor provider knows {places}"
                findings.append(Finding(self._source, Kind.ORPHAN, what, recording_id=id))
        return findings


def hidden_from(table: str, partition: Partition) -> Finding:
    """The finding for a committed partition that is not registered."""
    what = f"no query of {table} sees {partition}, or not as the table is now"
    return Finding(partition.source, Kind.NOT_REGISTERED, what, call_date=partition.call_date)


def _day_of(entry: Entry) -> date | None:
    return entry.recording.call_date if entry.recording else None
