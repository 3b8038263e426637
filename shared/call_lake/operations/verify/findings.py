"""What a verification finds: compare one recording's ledger entry with its audio object and its rows."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from call_lake.ledger.entry import NEVER, Entry, State
from call_lake.ledger.ledger import ASKED_AGAIN
from call_lake.model.recording import StoredAudio
from call_lake.model.times import iso, parse_iso
from call_lake.ports import ObjectInfo

YOUNG = timedelta(days=1)
"""A recording that is unfinished for less than this is on its way: a lost message is sent again after a day."""


class Kind(StrEnum):
    """What a finding is about. The kinds in ``WARNINGS`` and ``INFORMATION`` are not differences."""

    UNREADABLE = "window_unreadable"
    UNUSABLE = "record_unusable"
    UNKNOWN = "not_in_ledger"
    BEFORE_FIRST = "before_first_poll"
    ON_ITS_WAY = "on_its_way"
    WAITING = "still_waiting"
    FAILED = "failed"
    NO_OBJECT = "object_missing"
    OBJECT_DIFFERS = "object_differs"
    AFTER_EXPIRY = "object_after_expiry"
    NO_ROW = "row_missing"
    QUARANTINED = "row_in_quarantine"
    ROW_DIFFERS = "row_differs"
    ROW_TWICE = "row_twice"
    ROW_MISPLACED = "row_on_another_day"
    NOT_REGISTERED = "partition_not_registered"
    UNLISTED = "no_longer_listed"
    EXPIRED = "object_expired"
    CHANGED = "item_changed"
    ORPHAN = "unknown_to_all"
    UNUSED = "source_not_set_up"
    SHORTER = "audio_shorter_than_header"
    HAS_MORE = "audio_has_more_now"
    MISPLACED = "audio_of_another"
    AUDIO_DIFFERS = "audio_differs"
    ENCODED_ANEW = "audio_encoded_anew"
    GONE = "audio_gone_at_provider"
    NOT_COMPARED = "audio_not_compared"
    NO_TRANSCRIPT = "transcript_not_read"
    NO_DOCUMENT = "transcript_document_missing"
    DOCUMENT_ERASED = "transcript_of_erased"
    TRANSCRIPT_FAILED = "transcript_failed"


INFORMATION = frozenset({Kind.UNLISTED, Kind.EXPIRED, Kind.ORPHAN, Kind.UNUSED})
WARNINGS = frozenset({Kind.SHORTER, Kind.ENCODED_ANEW, Kind.GONE, Kind.NOT_COMPARED, Kind.TRANSCRIPT_FAILED})
"""Each is listed, because somebody may want to listen to it or to try again."""

TO_DO = {
    Kind.UNREADABLE: "verify these days again; if it stays, docs/runbook.md, section A gap",
    Kind.UNUSABLE: "ask the provider's support, or correct the source's `mapping` (docs/providers.md)",
    Kind.UNKNOWN: "call-lake verify --repair publishes it",
    Kind.BEFORE_FIRST: "call-lake backfill reads these days; verify --repair publishes these recordings alone",
    Kind.ON_ITS_WAY: "nothing; verify again later",
    Kind.WAITING: "call-lake show; the reason says what is in its way",
    Kind.FAILED: "remove the cause (docs/runbook.md), then call-lake redrive",
    Kind.NO_OBJECT: "call-lake verify --repair fetches it again, if the provider still has it",
    Kind.OBJECT_DIFFERS: "somebody wrote over it: restore it, or delete it and fetch it again with verify --repair",
    Kind.AFTER_EXPIRY: "somebody brought it back: delete it, or wait until AudioRetentionDays does",
    Kind.NO_ROW: "call-lake verify --repair writes it to the inbox again",
    Kind.QUARANTINED: "mend its reason (docs/runbook.md, section Rows in quarantine)",
    Kind.ROW_DIFFERS: "call-lake verify --repair writes the ledger's row over it",
    Kind.ROW_TWICE: "call-lake verify --repair writes one row over them",
    Kind.ROW_MISPLACED: "no command mends this: report it",
    Kind.NOT_REGISTERED: "call-lake verify --repair registers it; the compactor does so within an hour",
    Kind.UNLISTED: "nothing: it is kept here",
    Kind.EXPIRED: "nothing: AudioRetentionDays is over; a poll, or verify --repair at once, makes it EXPIRED",
    Kind.CHANGED: "restore the item (docs/runbook.md, section A changed ledger item)",
    Kind.ORPHAN: "find out who wrote it; Call Lake did not",
    Kind.UNUSED: "fill its secret to use it (docs/runbook.md)",
    Kind.SHORTER: "listen to it (call-lake get); if its end is missing, ask the provider for the whole file",
    Kind.HAS_MORE: "delete its object, then call-lake verify --repair fetches what the provider has now",
    Kind.MISPLACED: "listen to both (call-lake get); delete the wrong object, then call-lake verify --repair",
    Kind.AUDIO_DIFFERS: "listen to it (call-lake get) and at the provider; if it is another call's: docs/runbook.md",
    Kind.ENCODED_ANEW: "a hash cannot prove it: listen to it (call-lake get) and at the provider, if it matters",
    Kind.GONE: "nothing: it is kept here",
    Kind.NOT_COMPARED: "verify --redownload again later",
    Kind.NO_TRANSCRIPT: "call-lake verify --repair has its document read again",
    Kind.NO_DOCUMENT: "restore the document from a version of it; its row stays as it is",
    Kind.DOCUMENT_ERASED: "call-lake erase of this recording again deletes it",
    Kind.TRANSCRIPT_FAILED: "remove the cause, then call-lake transcribe --failed",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """``what``: what is missing or differs, and where. ``cause``: as far as the ledger knows it. Neither holds personal
    data. ``group``: findings of one source and kind with the same text here have one cause."""

    source: str
    kind: Kind
    what: str
    cause: str = ""
    recording_id: str | None = None
    call_date: date | None = None
    group: str = ""

    @property
    def is_difference(self) -> bool:
        return self.kind not in INFORMATION | WARNINGS

    @property
    def is_listed(self) -> bool:
        """Whether a person has to see it, beside its number."""
        return self.kind not in INFORMATION

    @property
    def to_do(self) -> str:
        return TO_DO[self.kind]

    def to_json(self) -> dict[str, Any]:
        day = self.call_date.isoformat() if self.call_date else None
        facts = {name: value for name, value in asdict(self).items() if name != "group"}
        return facts | {"call_date": day, "difference": self.is_difference, "to_do": self.to_do}


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings of one source with one cause, at least one. ``example`` is that of the earliest call."""

    findings: Sequence[Finding]

    @property
    def example(self) -> Finding:
        return min(self.findings, key=lambda one: one.call_date or date.max)

    @property
    def days(self) -> tuple[date | None, date | None]:
        """The first and the last call date; None where no finding has one."""
        known = [one.call_date for one in self.findings if one.call_date]
        return (min(known), max(known)) if known else (None, None)


def grouped(findings: Iterable[Finding]) -> list[FindingGroup]:
    """One group for each cause, in the order in which each was met first."""
    groups: dict[tuple[str, Kind, str], list[Finding]] = {}
    for one in findings:
        groups.setdefault((one.source, one.kind, one.group), []).append(one)
    return [FindingGroup(found) for found in groups.values()]


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of table ``calls``, as a query sees it now."""

    recording_id: str
    call_date: date
    audio_uri: str | None
    audio_sha256: str | None


@dataclass(frozen=True, slots=True)
class StoredParts:
    """What the bucket and the table hold of one recording. ``head``: its audio object. ``waits``: whether a row is in
    the inbox. ``set_aside``: why its row is in the quarantine, None where it is not."""

    head: ObjectInfo | None = None
    rows: Sequence[TableRow] = ()
    waits: bool = False
    set_aside: str | None = None


def differences_of(entry: Entry, parts: StoredParts, now: datetime, audio_kept: timedelta | None) -> list[Finding]:
    """Find one recording's differences. ``audio_kept``: after this time S3 itself deletes audio, None for never."""
    found: list[tuple[Kind, str]] = []
    if entry.state in (State.STORED, State.EXPIRED) and entry.audio is not None:
        of_object = list(_object(entry, entry.audio, parts.head, now, audio_kept))
        uris = {None if entry.state is State.EXPIRED else entry.audio.uri}
        if Kind.EXPIRED in dict(of_object):
            uris.add(None)  # the copier writes the row before the ledger: until then, either row is right
        found += of_object
        found += _rows(entry, entry.audio, parts, uris, now)
        if entry.audio.facts.note is not None and entry.state is State.STORED:
            found.append(shorter(entry))
    elif entry.state is State.FAILED:
        found.append((Kind.FAILED, "it failed permanently and is not stored"))
    elif entry.state is not State.ERASED:
        age = now - entry.first_published_at
        young = age < YOUNG
        text = "published, not stored yet" if young else f"not stored after {age.days} days"
        found.append((Kind.ON_ITS_WAY if young else Kind.WAITING, text))
    return [about(kind, entry, what) for kind, what in found]


def about(kind: Kind, entry: Entry, what: str) -> Finding:
    """A finding about one recording, with what the ledger knows of it."""
    day = entry.recording.call_date if entry.recording else None
    return Finding(entry.source, kind, what, summary_of(entry), entry.recording_id, day, group=entry.reason or "")


def answer_of(entry: Entry) -> dict[str, Any] | None:
    """What the provider answered when it was asked again for the audio that is stored now; None if it was not."""
    if entry.audio is None:
        return None
    stored_at = entry.audio.stored_at
    answers = [note for note in entry.history if note["reason"] == ASKED_AGAIN and parse_iso(note["at"]) > stored_at]
    return answers[-1] if answers else None


def shorter(entry: Entry) -> tuple[Kind, str]:
    """What is to be said of a recording whose audio is shorter than its header (ADR 0020)."""
    what = f"{entry.audio.key} has {entry.audio.facts.bytes} bytes, its header promises more" if entry.audio else ""
    answer = answer_of(entry)
    if answer is None:
        return Kind.SHORTER, what
    kind = Kind.HAS_MORE if answer["has_more"] else Kind.SHORTER
    return kind, f"{what}; asked again at {answer['at']}: {answer['detail']}"


def _object(
    entry: Entry, audio: StoredAudio, head: ObjectInfo | None, now: datetime, audio_kept: timedelta | None
) -> Iterator[tuple[Kind, str]]:
    if entry.state is State.EXPIRED:
        if head is not None:
            yield Kind.AFTER_EXPIRY, f"{audio.key} is in the bucket though it had expired"
        return
    if head is None:
        if audio_kept is not None and now - audio.stored_at >= audio_kept:
            yield Kind.EXPIRED, f"{audio.key} is past the bucket's retention"
        else:
            yield Kind.NO_OBJECT, f"{audio.key} is not in the bucket"
        return
    if head.size != audio.facts.bytes:
        yield Kind.OBJECT_DIFFERS, f"{audio.key} has {head.size} bytes, the ledger says {audio.facts.bytes}"
    elif head.sha256 is None:
        yield Kind.OBJECT_DIFFERS, f"{audio.key} has no SHA-256 checksum in S3, so Call Lake did not write it"
    elif head.sha256 != audio.facts.sha256:
        yield Kind.OBJECT_DIFFERS, f"{audio.key} has SHA-256 {head.sha256}, the ledger says {audio.facts.sha256}"


def _rows(
    entry: Entry, audio: StoredAudio, parts: StoredParts, uris: Container[str | None], now: datetime
) -> Iterator[tuple[Kind, str]]:
    if not parts.rows:
        yield _missing_row(audio, parts, now)
        return
    if len(parts.rows) > 1:
        yield Kind.ROW_TWICE, f"the table has {len(parts.rows)} rows of it"
    days = {row.call_date for row in parts.rows}
    if entry.recording is not None and days != {entry.recording.call_date}:
        other = min(days - {entry.recording.call_date})
        yield Kind.ROW_MISPLACED, f"a row lies under {other}, the ledger says {entry.recording.call_date}"
    for row in parts.rows:
        if row.audio_sha256 != audio.facts.sha256:
            yield Kind.ROW_DIFFERS, f"its row says SHA-256 {row.audio_sha256}, the ledger says {audio.facts.sha256}"
        elif row.audio_uri not in uris and entry.state is State.EXPIRED and parts.waits:
            yield Kind.ON_ITS_WAY, "its row without audio_uri waits in the inbox for the compactor"
        elif row.audio_uri not in uris:
            wanted = entry.state if entry.state is State.EXPIRED else audio.uri
            yield Kind.ROW_DIFFERS, f"its row says {row.audio_uri}, the ledger says {wanted}"


def _missing_row(audio: StoredAudio, parts: StoredParts, now: datetime) -> tuple[Kind, str]:
    if parts.waits:
        young = now - audio.stored_at < YOUNG
        return (Kind.ON_ITS_WAY if young else Kind.WAITING), "its row waits in the inbox for the compactor"
    if parts.set_aside is not None:
        return Kind.QUARANTINED, f"its row was set aside: {parts.set_aside}"
    return Kind.NO_ROW, "the table has no row of it, and none waits in the inbox"


def summary_of(entry: Entry) -> str:
    """Say in one line what the ledger knows: state, since when, attempts, the last failure, when it is due."""
    if entry.state is State.STORED and entry.audio is not None:
        return f"STORED at {iso(entry.audio.stored_at)}"
    if entry.state is State.EXPIRED:
        return f"EXPIRED, noticed at {entry.expired_at}"
    facts = [f"{entry.state}, first published {iso(entry.first_published_at)}, {entry.attempts} failed attempts"]
    if entry.history:
        last = entry.history[-1]
        facts.append(f"last {last['reason']} at {last['at']}: {last['detail']}")
    if entry.due_at and entry.due_at != NEVER:
        facts.append(f"due {entry.due_at}")
    return ", ".join(facts)
