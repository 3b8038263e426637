"""Fetch the audio of one recording: download, verify, store; within the time that the function has (rules 11 to 13)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from call_lake.audio.inspection import SETTLED_S, inspect
from call_lake.audio.spool import Spooled, spool
from call_lake.bucket.audio_objects import AudioObjects
from call_lake.concurrency import BytesBudget
from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import Entry
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from call_lake.model.times import parse_iso
from call_lake.ports import Clock, Provider, Queue

ANSWER_MARGIN_S = 15.0  # what rows, events and ledger of a batch may take at its end
WORTH_STARTING_S = 5.0  # no download begins with less time left
LAST_MARGIN_S = 5.0  # what has to be left of ANSWER_MARGIN_S after the last PUT
OVER_FOR = timedelta(hours=1)
"""No recorder still writes the audio of a call that ended so long ago (ADR 0020)."""
LONGEST_CALL_S = 24 * 3600.0
PUT_BYTES_PER_S = 40_000_000  # assumed for one PUT; not measured in AWS


@dataclass(frozen=True, slots=True)
class CopierSource:
    """What the copier needs of one source.

    ``max_bytes``: a larger recording has failed. ``deadline_s``: for one body, from its first byte to its last.
    ``note_host`` hears of a host, other than the configured one, that audio came from.
    ``paused``: an operator paused the source, so nothing is downloaded.
    """

    provider: Provider
    queue: Queue
    max_bytes: int
    deadline_s: float
    paused: bool = False
    note_host: Callable[[str], None] = lambda host: None


class Fetcher:
    """``budget``: bytes in flight over all threads."""

    def __init__(
        self,
        audio_objects: AudioObjects,
        source_of: Callable[[str], CopierSource],
        clock: Clock,
        budget: BytesBudget,
    ) -> None:
        self._audio_objects = audio_objects
        self._source_of = source_of
        self._clock = clock
        self._budget = budget

    def fetch(self, entry: Entry, recording: Recording, until_s: float) -> StoredAudio:
        """Download the audio, check it, and store it. ``until_s``: the monotonic time at which the function has to
        have answered.

        Raises what the provider, ``spool`` and ``inspect`` raise; Transient (BUSY, TIMEOUT) where time is short.
        """
        source = self._source_of(recording.source)
        left_s = until_s - ANSWER_MARGIN_S - self._clock.monotonic()
        if left_s < WORTH_STARTING_S:
            raise Transient(Reason.BUSY, "no time left in this invocation")
        deadline_s = min(source.deadline_s, left_s)
        with source.provider.open_audio(recording, deadline_s=deadline_s) as stream:
            self._check_put(min(stream.declared_length or 0, source.max_bytes), until_s, Reason.BUSY)
            with spool(stream, self._budget, source.max_bytes) as body:
                facts = self._inspect(entry, recording, body, stream.content_type)
                self._check_put(body.size, until_s, Reason.TIMEOUT)
                stored = self._audio_objects.put(recording, body.file, facts, self._clock.now())
            if stream.other_host:
                source.note_host(stream.other_host)
            return stored

    def _inspect(self, entry: Entry, recording: Recording, body: Spooled, content_type: str | None) -> AudioFacts:
        """``inspect`` the body. A header that promises more is overruled by two downloads of the same bytes, SETTLED_S
        or longer apart, both of the length that HTTP declared, of a call that has been over for OVER_FOR (ADR 0020)."""
        now = self._clock.now()
        over_at = _ended_at(entry, recording) + OVER_FOR
        same_since = _same_since(entry, body.sha256)
        settled_at = same_since + timedelta(seconds=SETTLED_S) if same_since is not None else None
        is_proven = body.kept_length and settled_at is not None and settled_at <= now and over_at <= now
        try:
            return inspect(body, content_type, self._seen_before(entry), overrules_header=is_proven)
        except Transient as error:
            if not body.kept_length:
                error.sha256 = None  # it proves nothing
            elif error.sha256 is not None and settled_at is not None:
                error.retry_after_s = (max(settled_at, over_at) - now).total_seconds()
            raise

    def _check_put(self, size: int, until_s: float, reason: Reason) -> None:
        """Begin no PUT that the function's end would cut off: it would leave no object and no answer."""
        ends_s = self._clock.monotonic() + size / PUT_BYTES_PER_S
        if ends_s > until_s - LAST_MARGIN_S:
            raise Transient(reason, f"too late in this invocation to store {size} bytes")

    def _seen_before(self, entry: Entry) -> set[str]:
        """What attempts of SETTLED_S ago or longer said of this recording."""
        before = self._clock.now() - timedelta(seconds=SETTLED_S)
        return {note["detail"] for note in entry.history if parse_iso(note["at"]) <= before}


def _same_since(entry: Entry, sha256: str) -> datetime | None:
    """When the first of the latest unbroken row of attempts with these bytes was; None where the last had others."""
    since = None
    for note in reversed(entry.history):
        if "sha256" in note:
            if note["sha256"] != sha256:
                break
            since = parse_iso(note["at"])
    return since


def _ended_at(entry: Entry, recording: Recording) -> datetime:
    """When the call ended, as far as the record says it; else when it was listed, which is later."""
    if recording.ended_at is not None:
        return recording.ended_at
    lengths = [length for length in (recording.duration_s, recording.talk_s) if length is not None]
    if not lengths:
        return entry.first_published_at
    return recording.started_at + timedelta(seconds=min(max(*lengths, 0.0), LONGEST_CALL_S))
