"""Hold a source's listing, read anew, against ledger, audio objects and rows (``call-lake verify``).

Nothing is downloaded but lists and headers. The places are asked in the order in which a recording goes through them,
ledger, inbox, rows: one that moves on meanwhile is seen twice rather than not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import batched

from call_lake.bucket.inventory import audio_keys, ids_in_inbox, ids_in_quarantine
from call_lake.ledger.entry import Entry, State, entry_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.layout import Partition
from call_lake.model.recording import Recording
from call_lake.operations.verify.findings import Finding, Kind, RowSeen, Seen, judge, story
from call_lake.operations.verify.listing import Days, Relisting, Tell
from call_lake.ports import Clock, ObjectInfo, ObjectStore, Provider
from call_lake.settings import SourceSettings

DAYS_AT_ONCE = 7
KEPT = (State.STORED, State.EXPIRED)
"""What has a row."""

type RowReader = Callable[[str, Sequence[date]], list[RowSeen]]
"""The rows of a source's partitions, as a reader of the table sees them now."""


@dataclass(slots=True)
class Report:
    """One source. ``listed``: recordings of these days that the provider has now. ``checked``: those, and what the
    ledger has of these days. ``right``: of the checked, those without a difference. ``unknown``: for the repair."""

    source: str
    listed: int
    checked: int
    findings: list[Finding]
    unknown: Mapping[str, Recording] = field(default_factory=dict)

    @property
    def differences(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_difference]

    @property
    def right(self) -> int:
        return self.checked - len({finding.recording_id for finding in self.differences if finding.recording_id})


@dataclass(frozen=True, slots=True)
class _Partitions:
    """What stands under some days."""

    audio: Mapping[str, Sequence[str]]
    inbox: set[str]
    rows: Mapping[str, Sequence[RowSeen]]


class Verifier:
    """Verifies one source. ``audio_kept``: after which the bucket itself deletes audio, None for never. ``threads``:
    HEAD requests at once."""

    def __init__(
        self,
        settings: SourceSettings,
        provider: Provider,
        ledger: Ledger,
        store: ObjectStore,
        rows: RowReader,
        clock: Clock,
        *,
        audio_kept: timedelta | None = None,
        threads: int = 10,
    ) -> None:
        self._settings = settings
        self._source = settings.name
        self._provider = provider
        self._ledger = ledger
        self._store = store
        self._rows = rows
        self._clock = clock
        self._audio_kept = audio_kept
        self._threads = threads

    def verify(self, days: Days, in_ledger: Mapping[str, date], tell: Tell) -> Report:
        """``in_ledger``: recording ids of the source with call dates among ``days`` (``Ledger.days``), read before.
        Raises Transient where AWS fails."""
        listing = Relisting(self._settings, self._provider, self._ledger, self._clock, days)
        listing.read(tell)
        expected = dict(in_ledger) | listing.known
        findings = listing.findings(is_used=bool(expected))
        by_day: dict[date, list[str]] = {day: [] for day in days.all()}
        for id, day in expected.items():
            by_day.setdefault(day, []).append(id)
        for number, some in enumerate(batched(sorted(by_day), DAYS_AT_ONCE, strict=False)):
            tell("comparing", number * DAYS_AT_ONCE, len(by_day))
            findings += self._compare(some, sorted(id for day in some for id in by_day[day]), listing, days)
        listed = len(listing.known) + len(listing.unknown)
        return Report(self._source, listed, len(expected) + len(listing.unknown), findings, listing.unknown)

    # -- the recordings of some days

    def _compare(self, some: Sequence[date], ids: Sequence[str], listing: Relisting, days: Days) -> list[Finding]:
        entries = {id: entry_of(item) for id, item in self._ledger.table.get_many(ids).items()}
        stand = self._partitions(some)
        heads = self._heads(entries)
        aside = self._set_aside(entries, stand)
        findings: list[Finding] = []
        for id, entry in entries.items():
            seen = Seen(heads.get(id), stand.rows.get(id, ()), id in stand.inbox, aside.get(id))
            found = judge(entry, seen, self._clock.now(), self._audio_kept)
            if not found and listing.whole and id not in listing.known and self._should_be_listed(entry, days):
                found = [_about(Kind.UNLISTED, entry, "the provider does not list it any more")]
            findings += found
        return findings + self._strangers(stand, entries, listing)

    def _partitions(self, some: Sequence[date]) -> _Partitions:
        audio: dict[str, list[str]] = {}
        inbox: set[str] = set()
        for day in some:
            audio |= audio_keys(self._store, self._source, day)
            inbox |= ids_in_inbox(self._store, self._source, day)
        rows: dict[str, list[RowSeen]] = {}
        for row in self._rows(self._source, some):
            rows.setdefault(row.recording_id, []).append(row)
        return _Partitions(audio, inbox, rows)

    def _heads(self, entries: Mapping[str, Entry]) -> dict[str, ObjectInfo | None]:
        keys = {id: e.audio.key for id, e in entries.items() if e.state in KEPT and e.audio is not None}
        if self._threads == 1:
            return {id: self._store.head(key) for id, key in keys.items()}
        with ThreadPoolExecutor(self._threads) as pool:
            return dict(zip(keys, pool.map(self._store.head, keys.values()), strict=True))

    def _set_aside(self, entries: Mapping[str, Entry], stand: _Partitions) -> dict[str, str]:
        """Asked last, and only where a row is missed: a row leaves the inbox for the lake or for the quarantine."""
        missed = [e for id, e in entries.items() if e.state in KEPT and id not in stand.rows]
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

    def _strangers(self, stand: _Partitions, entries: Mapping[str, Entry], listing: Relisting) -> list[Finding]:
        """Objects and rows under these days that belong to none of the days' recordings. A day is looked into also
        where one recording of it was listed on the next: the others' places are right, and nobody asked for them."""
        strange = (stand.audio.keys() | stand.rows.keys()) - entries.keys() - listing.unknown.keys()
        known = {id: entry_of(item) for id, item in self._ledger.table.get_many(sorted(strange)).items()}
        findings = []
        for id in sorted(strange):
            own = _day_of(known[id]) if id in known else None
            keys = [
                key for key in stand.audio.get(id, ()) if own is None or Partition(self._source, own).path not in key
            ]
            days = [row.call_date for row in stand.rows.get(id, ()) if row.call_date != own]
            places = ", ".join([*keys, *(f"a row under {day}" for day in days)])
            if places and id in known:
                findings.append(_about(Kind.ROW_MISPLACED, known[id], f"the ledger has another day for {places}"))
            elif places:
                what = f"neither ledger nor provider knows {places}"
                findings.append(Finding(self._source, Kind.ORPHAN, what, recording_id=id))
        return findings


def _day_of(entry: Entry) -> date | None:
    return entry.recording.call_date if entry.recording else None


def _about(kind: Kind, entry: Entry, what: str) -> Finding:
    return Finding(entry.source, kind, what, story(entry), entry.recording_id, _day_of(entry))
