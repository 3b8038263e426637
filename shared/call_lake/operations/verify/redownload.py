"""Download stored recordings again, and compare them with the ledger (``call-lake verify``). Nothing is stored.

Equal bytes are right. Where the bytes differ, this decides by evidence which of two things happened (ADR 0028): the
recording was stored with other audio, or the provider encodes it again for each download. What is unclear is a
difference.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched

from call_lake.audio.inspection import inspect
from call_lake.audio.spool import Spooled, spool
from call_lake.concurrency import BytesBudget
from call_lake.errors import NotReady, Reason, SecretEmpty, StepFailed, Transient
from call_lake.ledger.entry import Entry, State, entries_of
from call_lake.ledger.ledger import Ledger
from call_lake.model.recording import AudioFacts
from call_lake.operations.verify.findings import Finding, Kind, about, answer_of, shorter
from call_lake.operations.verify.listing import VerifyProgress
from call_lake.operations.verify.verifier import VerifyReport
from call_lake.ports import Clock, Provider
from call_lake.settings import SourceSettings

ASK_AFTER = timedelta(days=1)
ASKED_AT_ONCE = 50
"""One verification asks for so many recordings of a source: a recorder may write every header wrong."""
WAITS_S = 60.0
"""A source that asks for a longer rest is not asked again by this command."""
SAME_LENGTH_S = 0.05
SAME_SIZE = 0.01
SAME_SIZE_BYTES = 1024
"""Two encodings of one recording differ by so little, because an encoder changes only what it writes into tags."""
READ_AT_ONCE = 1000


class _SourceStopped(Exception):
    """The source answers nothing now; the text says why."""


@dataclass(frozen=True, slots=True)
class Download:
    """One body that arrived whole. ``facts``: None where it may still grow."""

    sha256: str
    size: int
    facts: AudioFacts | None


class Redownloader:
    """Downloads recordings of one source again, one after the other, as the copier would. ``choice`` draws samples."""

    def __init__(
        self,
        settings: SourceSettings,
        provider: Provider,
        ledger: Ledger,
        clock: Clock,
        choice: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._source = settings.name
        self._provider = provider
        self._ledger = ledger
        self._clock = clock
        self._choice = choice or random.Random()  # noqa: S311 - it guards nothing

    # -- a sample

    def compare(self, report: VerifyReport, count: int, on_progress: VerifyProgress) -> None:
        """Download ``count`` of the report's stored recordings again, chosen at random, and add what is found to the
        report. Raises Transient where AWS fails."""
        stored = {entry.recording_id: audio_facts for entry, audio_facts in self._stored(report.known)}
        chosen = self._choice.sample(sorted(stored), min(count, len(stored)))
        entries = [entry for entry, _ in self._stored(chosen)]
        fresh: dict[str, Download] = {}
        for number, entry in enumerate(entries):
            on_progress("downloading again", number, len(entries))
            try:
                outcome = self._try(entry)
            except _SourceStopped as error:
                what = f"{len(entries) - number} of {len(entries)} recordings were not downloaded again: {error}"
                report.findings.append(Finding(self._source, Kind.NOT_COMPARED, what))
                break
            if isinstance(outcome, Finding):
                report.findings.append(outcome)
            else:
                fresh[entry.recording_id] = outcome
        others = {id for id, download in fresh.items() if download.sha256 != stored[id].sha256}
        report.findings += [self._judged(entry, fresh, stored) for entry in entries if entry.recording_id in others]
        report.redownloaded = (len(entries), len(fresh) - len(others))

    def _judged(self, entry: Entry, fresh: Mapping[str, Download], stored: Mapping[str, AudioFacts]) -> Finding:
        """Decide what it means that the provider gives other bytes than those that are stored (ADR 0028)."""
        id, first = entry.recording_id, fresh[entry.recording_id]
        ours = stored[id]
        if other := _whose(id, first, fresh, stored):
            return about(Kind.MISPLACED, entry, other)
        second = self._second(entry)
        if second is None:
            return about(Kind.AUDIO_DIFFERS, entry, f"the provider gives {_texts(first)}; stored is {_text(ours)}")
        if other := _whose(id, second, fresh, stored):
            return about(Kind.MISPLACED, entry, other)
        if second.sha256 == first.sha256:
            what = f"two downloads give {_texts(first)}, SHA-256 {first.sha256}; stored is {_text(ours)}, {ours.sha256}"
            return about(Kind.AUDIO_DIFFERS, entry, what)
        if not (_is_like(ours, first) and _is_like(ours, second)):
            what = f"two downloads give {_texts(first)} and {_texts(second)}; stored is {_text(ours)}"
            return about(Kind.AUDIO_DIFFERS, entry, what)
        alike = sum(_are_alike(ours, facts) for facts in stored.values()) - 1
        what = f"each download has other bytes; all are {_text(ours)}, as stored"
        if alike:
            what += f"; so are {alike} other recordings of these days, so this does not tell them apart"
        return about(Kind.ENCODED_ANEW, entry, what)

    def _second(self, entry: Entry) -> Download | None:
        try:
            outcome = self._try(entry)
        except _SourceStopped:
            return None
        return outcome if isinstance(outcome, Download) else None

    def _stored(self, ids: Sequence[str]) -> Iterator[tuple[Entry, AudioFacts]]:
        for some in batched(ids, READ_AT_ONCE, strict=False):
            for entry in entries_of(self._ledger.table.get_many(some).values()):
                if entry.state is State.STORED and entry.audio is not None and entry.recording is not None:
                    yield entry, entry.audio.facts

    # -- audio that is shorter than its header says

    def ask_again(self, report: VerifyReport, on_progress: VerifyProgress) -> None:
        """Download audio that is shorter than its header once more, from a day after it was stored on, and note the
        answer in the ledger (ADR 0020). Its finding then says what the provider has."""
        findings = {f.recording_id: n for n, f in enumerate(report.findings) if f.kind is Kind.SHORTER}
        due = [entry for entry, _ in self._stored([id for id in findings if id]) if self._is_due(entry)]
        chosen = self._choice.sample(due, min(ASKED_AT_ONCE, len(due)))
        for number, entry in enumerate(chosen):
            on_progress("asking for the rest", number, len(chosen))
            try:
                outcome = self._try(entry)
                found = self._noted(entry, outcome)
            except _SourceStopped:
                return
            report.findings[findings[entry.recording_id]] = found

    def _is_due(self, entry: Entry) -> bool:
        stored_at = entry.audio.stored_at if entry.audio else self._clock.now()
        return answer_of(entry) is None and self._clock.now() - stored_at >= ASK_AFTER

    def _noted(self, entry: Entry, outcome: Download | Finding) -> Finding:
        if isinstance(outcome, Finding) and outcome.kind is Kind.NOT_COMPARED:
            kind, what = shorter(entry)
            return about(kind, entry, f"{what}; {outcome.what}; the next verify asks again")
        has_more, answer = _answer(entry, outcome)
        try:
            noted = self._ledger.asked_again(entry, answer, has_more=has_more)
        except Transient as error:
            what = f"{shorter(entry)[1]}; asked again: {answer}; the ledger could not note it ({error.detail})"
            return about(Kind.HAS_MORE if has_more else Kind.SHORTER, entry, what)
        kind, what = shorter(noted)
        return about(kind, noted, what)

    # -- one download

    def _try(self, entry: Entry) -> Download | Finding:
        """The recording as the provider gives it now, or why there is none. Raises _SourceStopped."""
        try:
            return self._waiting_once(entry)
        except SecretEmpty:
            raise _SourceStopped(f"its secret is empty; call-lake secrets set {self._source}") from None
        except NotReady as error:
            if error.reason is not Reason.NOT_FOUND:
                return about(Kind.NOT_COMPARED, entry, f"it was not downloaded again: {error}")
            return about(Kind.GONE, entry, f"the provider does not have its audio any more: {error.detail}")
        except StepFailed as error:
            if _rest_s(error) > WAITS_S:
                raise _SourceStopped(f"{error.detail}, and asks for no requests for {_rest_s(error):.0f} s") from None
            return about(Kind.NOT_COMPARED, entry, f"it was not downloaded again: {error}")

    def _waiting_once(self, entry: Entry) -> Download:
        try:
            return self._download(entry)
        except Transient as error:
            if not 0.0 < _rest_s(error) <= WAITS_S:
                raise
            self._clock.sleep(_rest_s(error))
        return self._download(entry)

    def _download(self, entry: Entry) -> Download:
        """Raises what the provider, ``spool`` and ``inspect`` raise."""
        if entry.recording is None or entry.audio is None:
            raise ValueError(f"{entry.recording_id} is not stored")
        limit_bytes = self._settings.max_bytes
        with (
            self._provider.open_audio(entry.recording, deadline_s=self._settings.recording_deadline_s) as stream,
            spool(stream, BytesBudget(limit_bytes), limit_bytes) as body,
        ):
            ours = entry.audio.facts
            facts = ours if body.sha256 == ours.sha256 else _facts(body, stream.content_type)
            return Download(body.sha256, body.size, facts)


def _facts(body: Spooled, content_type: str | None) -> AudioFacts | None:
    try:
        return inspect(body, content_type, overrules_header=True)
    except Transient:  # an OGG without the mark of its end
        return None


def _whose(id: str, download: Download, fresh: Mapping[str, Download], stored: Mapping[str, AudioFacts]) -> str | None:
    """How it shows that the recording's stored audio, or what the provider gives for it, is another recording's."""
    others = {other: facts.sha256 for other, facts in stored.items() if other != id}
    given = {other: body.sha256 for other, body in fresh.items() if other != id}
    ours = stored[id].sha256
    if other := _owner(download.sha256, others):
        return f"the bytes that the provider gives for it are stored as {other}"
    if other := _owner(ours, given):
        return f"its stored bytes are those that the provider gives for {other}"
    if other := _owner(ours, others):
        return f"the provider gives other bytes for it; those that are stored are stored as {other}, too"
    return None


def _owner(sha256: str, hashes: Mapping[str, str]) -> str | None:
    return next((id for id, one in hashes.items() if one == sha256), None)


def _rest_s(error: StepFailed) -> float:
    return (error.retry_after_s or 0.0) if error.reason is Reason.RATE_LIMITED else 0.0


def _answer(entry: Entry, outcome: Download | Finding) -> tuple[bool, str]:
    """Whether the provider has more of the recording than is stored, and what it has."""
    if isinstance(outcome, Finding) or entry.audio is None:
        return False, "the provider does not have it any more"
    ours = entry.audio.facts
    if outcome.sha256 == ours.sha256:
        return False, "the provider has the same bytes"
    is_whole = outcome.facts is not None and outcome.facts.note is None
    has_more = is_whole or outcome.size > ours.bytes
    state = "a whole file" if is_whole else "more" if has_more else "other bytes, but not more"
    return has_more, f"the provider has {state} of {outcome.size} bytes" if has_more else f"the provider has {state}"


def _is_like(ours: AudioFacts, download: Download) -> bool:
    return download.facts is not None and _are_alike(ours, download.facts)


def _are_alike(one: AudioFacts, other: AudioFacts) -> bool:
    """Whether these can be two encodings of one recording: the same form, length, and about the same size."""
    if (one.format, one.channels, one.sample_rate) != (other.format, other.channels, other.sample_rate):
        return False
    if (one.seconds is None) != (other.seconds is None):
        return False
    same_length = abs((one.seconds or 0.0) - (other.seconds or 0.0)) <= SAME_LENGTH_S
    return same_length and abs(one.bytes - other.bytes) <= max(SAME_SIZE * one.bytes, SAME_SIZE_BYTES)


def _texts(download: Download) -> str:
    return _text(download.facts) if download.facts else f"{download.size} bytes that may still grow"


def _text(facts: AudioFacts) -> str:
    length = f"{facts.seconds:.2f} s" if facts.seconds is not None else f"{facts.bytes} bytes"
    return f"{facts.format} of {length}"
