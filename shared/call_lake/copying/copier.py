"""Copy recordings: verify, then store. Audio, row, event, ledger; only then is a message done (rules 9 to 15).

``copy_batch`` reads from top to bottom: an attempt for each message, several at once; then the rows, the events and the
ledger of all that was copied by then, so that they share requests; then, one by one, what may have killed an earlier
attempt (suspects.py). A step that dies is repeated from the top with the same result, because every step finds what the
last attempt left.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from call_lake.bucket import inbox
from call_lake.bucket.audio_objects import AudioObjects, erase_audio
from call_lake.concurrency import BytesBudget, in_groups, in_threads
from call_lake.copying.fetcher import CopierSource, Fetcher
from call_lake.copying.first_attempt import is_first
from call_lake.copying.outcome import (
    ClaimedRecording,
    CopiedRecording,
    CopyReport,
    ExpiredRecording,
    Message,
    Outcome,
    Result,
    report_of,
)
from call_lake.copying.retry import RateLimitedSources, RetryPolicy
from call_lake.copying.stored import StoredRecordings
from call_lake.copying.suspects import ALONE_S, is_suspect, objection
from call_lake.errors import ConfigError, ItemChanged, Reason, SecretEmpty, StepFailed, Terminal, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.events import RECORDING_STORED, recording_stored
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from call_lake.model.messages import recording_from_message
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.table import row_of
from call_lake.observability import log
from call_lake.ports import Clock, EventBus, PartialFailure, Queue, VersionedStore
from call_lake.settings import CopierSettings

SECRET_WAIT_S = 900.0
PAUSE_WAIT_S = 900.0
BUSY_WAIT_S = 120.0
"""At this pace a message is received less often in its day than the queue's limit of receives allows."""
LINGER_S = 5.0  # so long a copied recording waits for others, to share requests with them


@dataclass(frozen=True, slots=True)
class CopierPorts:
    """What the copier uses of the outside."""

    ledger: Ledger
    store: VersionedStore
    bus: EventBus
    dead_letters: Queue
    clock: Clock


class Copier:
    """Copies batches, one after the other. Between them it keeps which sources asked for a rest.

    ``source_of`` gives by a source's name what the copier needs of it. ``jitter`` spreads retries.
    """

    def __init__(
        self,
        ports: CopierPorts,
        source_of: Callable[[str], CopierSource],
        settings: CopierSettings,
        jitter: random.Random | None = None,
    ) -> None:
        self._ledger = ports.ledger
        self._store = ports.store
        self._bus = ports.bus
        self._dead_letters = ports.dead_letters
        self._clock = ports.clock
        self._source_of = source_of
        self._threads = settings.copy_threads
        self._jitter = jitter or random.Random()  # noqa: S311 - it guards nothing
        self._policy = RetryPolicy(settings, self._jitter)
        self._audio_objects = AudioObjects(ports.store)
        self._stored = StoredRecordings(ports.ledger, ports.store, ports.clock, settings.retention_days)
        self._fetcher = Fetcher(self._audio_objects, source_of, ports.clock, BytesBudget(settings.bytes_in_flight))
        self.rate_limited = RateLimitedSources(ports.clock)

    def copy_batch(self, messages: Sequence[Message], until_s: float) -> CopyReport:
        """Copy the recordings of these messages; each message gets its own verdict (rule 11). ``until_s``: the clock's
        monotonic time at which the function has to have answered."""
        settled: list[Outcome] = []
        suspects: list[ClaimedRecording] = []
        for ended in in_groups(lambda one: self._attempt_safely(one, until_s), messages, self._threads, LINGER_S):
            settled += self._write([one for one in ended if not one.suspect])
            suspects += [one.suspect for one in ended if one.suspect]
        for suspect in sorted(suspects, key=lambda one: one.entry.marks):  # who is innocent goes first
            settled.append(self._attempt_alone(suspect, until_s))
        return report_of(settled)

    # -- the audio of one recording

    def _attempt_safely(self, message: Message, until_s: float) -> Outcome:
        try:
            recording = recording_from_message(message.body)
        except ValueError as error:
            log.error("a message is no recording; it goes to the DLQ", message_id=message.id, error=str(error))
            return self._bury(message, {"reason": "bad_message"}, Outcome(message, Result.NOTHING_TO_DO))
        try:
            return self._attempt(message, recording, until_s)
        except ItemChanged as error:
            return self._refuse(message, recording, error)
        except Exception:
            log.exception("the attempt broke; the message comes again", recording_id=recording.recording_id)
            return self._come_back(message, recording.source)

    def _bury(self, message: Message, attributes: Mapping[str, str], done: Outcome) -> Outcome:
        """Send a message that cannot be tried to the dead letters."""
        try:
            self._dead_letters.send([message.body], attributes=attributes)
        except Exception:
            log.exception("the DLQ did not take it; it comes again", message_id=message.id)
            return Outcome(message, Result.NO_ATTEMPT)
        return done

    def _refuse(self, message: Message, recording: Recording, error: ItemChanged) -> Outcome:
        """Touch nothing of a recording whose ledger item somebody changed (docs/adr/0027)."""
        log.error("refused; its message goes to the DLQ", recording_id=error.recording_id, why=error.why)
        attributes = {"reason": Reason.ITEM_CHANGED, "recording_id": error.recording_id, "source": recording.source}
        refused = Outcome(message, Result.FAILED, source=recording.source, reason=Reason.ITEM_CHANGED)
        return self._bury(message, attributes, refused)

    def _attempt(self, message: Message, listed: Recording, until_s: float) -> Outcome:
        self._source_of(listed.source)  # raises for one that the stack does not have, before anything is written
        entry = self._ledger.claim(listed)
        recording = entry.recording
        if recording is None:  # it was erased; an attempt may have died between its PUT and its look at the ledger
            erase_audio(self._store, entry.partition, entry.recording_id)
            return Outcome(message, Result.NOTHING_TO_DO)
        if entry.state in (State.FAILED, State.EXPIRED):
            return Outcome(message, Result.NOTHING_TO_DO)
        if entry.state is State.STORED and entry.audio is not None:
            if self._stored.has_expired(entry):
                return Outcome(message, Result.AUDIO_EXPIRED, expired=ExpiredRecording(message, entry))
            return Outcome(message, Result.ALREADY_STORED)
        claimed = ClaimedRecording(message, entry, recording)
        return self._judged(claimed, lambda: self._copy(claimed, until_s))

    def _copy(self, claimed: ClaimedRecording, until_s: float) -> Outcome:
        message, entry, recording = claimed.message, claimed.entry, claimed.recording
        if error := objection(entry, self._clock.now()):
            raise error
        existing = [] if self._is_first(claimed) else self._audio_objects.existing(recording)
        if existing:
            claimed = replace(claimed, existing=existing[0])
        elif rest_s := self._rest_s(recording.source):
            return self._wait(message, recording.source, rest_s)
        if is_suspect(entry, message.receive_count):
            return Outcome(message, Result.SUSPECT, suspect=claimed)
        return self._copied(claimed, existing[0] if existing else self._fetcher.fetch(entry, recording, until_s))

    def _is_first(self, claimed: ClaimedRecording) -> bool:
        try:
            since = self._ledger.exists_since()
        except Transient:  # then S3 is asked
            return False
        return is_first(claimed.entry, claimed.message.receive_count, since, self._clock.now())

    def _attempt_alone(self, suspect: ClaimedRecording, until_s: float) -> Outcome:
        """Copy a suspect while nothing else runs. Its mark stays in the ledger only if the function dies."""
        message, entry, recording = suspect.message, suspect.entry, suspect.recording
        try:
            if suspect.existing is None and (rest_s := self._rest_s(recording.source)):
                return self._wait(message, recording.source, rest_s)
            if until_s - self._clock.monotonic() < ALONE_S or not self._ledger.marked(entry):
                return self._wait(message, recording.source, BUSY_WAIT_S)
            log.info("tried alone", recording_id=recording.recording_id, marks=entry.marks + 1)
            [tried] = self._write([self._judged(suspect, lambda: self._copied_alone(suspect, until_s), suspect.entry)])
        except Exception:
            log.exception("the attempt broke; the message comes again", recording_id=recording.recording_id)
            tried = self._come_back(message, recording.source)
        if tried.result in (Result.COPIED, Result.NO_ATTEMPT):  # any other has taken the mark away already
            self._unmark(entry)
        return tried

    def _copied_alone(self, suspect: ClaimedRecording, until_s: float) -> Outcome:
        audio = suspect.existing or self._fetcher.fetch(suspect.entry, suspect.recording, until_s)
        return self._copied(suspect, audio, unmarked=suspect.entry)

    def _unmark(self, entry: Entry) -> None:
        try:
            self._ledger.unmarked(entry)
        except Exception:
            log.exception("its mark stays, as if its function had died", recording_id=entry.recording_id)

    def _judged(self, claimed: ClaimedRecording, step: Callable[[], Outcome], unmarked: Entry | None = None) -> Outcome:
        """What the step comes to; its error as the verdict on this recording. Raises ConfigError."""
        message, recording = claimed.message, claimed.recording
        try:
            return step()
        except SecretEmpty:
            return self._wait(message, recording.source, SECRET_WAIT_S)
        except StepFailed as error:
            self.rate_limited.note(recording.source, error)
            return self._failed(claimed, error, unmarked)
        except ConfigError:  # not the recording's fault: as before the attempt, it comes again
            raise
        except Exception as error:  # ours: uncounted, the recording would stay PUBLISHED, and no command would show it
            log.exception("the attempt broke; it is counted", recording_id=recording.recording_id)
            return self._failed(claimed, Transient(Reason.UNEXPECTED, type(error).__name__), unmarked)

    def _copied(self, claimed: ClaimedRecording, audio: StoredAudio, unmarked: Entry | None = None) -> Outcome:
        if self._is_erased(claimed.recording):  # rule 15
            partition = Partition.of_recording(claimed.recording)
            erase_audio(self._store, partition, claimed.recording.recording_id)
            return Outcome(claimed.message, Result.NOTHING_TO_DO)
        copied = CopiedRecording(claimed.message, claimed.recording, audio, unmarked)
        return Outcome(claimed.message, Result.COPIED, copied=copied)

    def _rest_s(self, source: str) -> float:
        """For how long no download of the source may begin; 0 where one may."""
        if self._source_of(source).paused:
            return PAUSE_WAIT_S
        return min(self.rate_limited.left_s(source), PAUSE_WAIT_S) * (1.0 + 0.25 * self._jitter.random())

    def _is_erased(self, recording: Recording) -> bool:
        now = self._ledger.entry(recording.recording_id)
        return now is not None and now.state is State.ERASED

    # -- the end of a group: rows, events, ledger

    def _write(self, ended: Sequence[Outcome]) -> list[Outcome]:
        settled = [one for one in ended if not one.copied and not one.expired]
        settled += self._expire([one.expired for one in ended if one.expired])
        settled += self._finish([one.copied for one in ended if one.copied])
        return settled

    def _finish(self, copied: Sequence[CopiedRecording]) -> list[Outcome]:
        if not copied:
            return []
        try:
            inbox.put_rows(self._store, [row_of(one.recording, one.audio) for one in copied], CALLS)
            refused = self._announce(copied)
        except Exception:
            log.exception("rows, events or ledger of a batch failed; its messages come again")
            return [self._come_back(one.message, one.recording.source) for one in copied]
        outcomes = [self._come_back(copied[n].message, copied[n].recording.source) for n in sorted(refused)]
        announced = [one for position, one in enumerate(copied) if position not in refused]
        return outcomes + in_threads(self._settle_safely, announced, self._threads)

    def _announce(self, copied: Sequence[CopiedRecording]) -> frozenset[int]:
        """Publish the events; return the positions of those that the bus refused."""
        try:
            self._bus.publish(RECORDING_STORED, [recording_stored(one.recording, one.audio) for one in copied])
        except PartialFailure as error:
            return frozenset(error.failed)
        return frozenset()

    def _settle_safely(self, one: CopiedRecording) -> Outcome:
        try:
            return self._settle(one)
        except Exception:
            log.exception("the ledger's last write failed", recording_id=one.recording.recording_id)
            return Outcome(one.message, Result.COPIED)

    def _settle(self, one: CopiedRecording) -> Outcome:
        first = self._stored.mark_stored(one.recording, one.audio, one.unmarked)
        if first is not None and first.state is State.ERASED:
            erase_audio(self._store, first.partition, first.recording_id)
            return Outcome(one.message, Result.NOTHING_TO_DO)
        if first is not None and first.audio is not None and first.audio.key != one.audio.key:
            self._stored.drop_strays(first)
            return Outcome(one.message, Result.NOTHING_TO_DO)
        size = one.audio.facts.bytes
        return Outcome(one.message, Result.STORED, source=one.recording.source, stored_bytes=size)

    def _expire(self, expired: Sequence[ExpiredRecording]) -> list[Outcome]:
        try:
            self._stored.expire([one.entry for one in expired])
        except Exception:
            log.exception("what has expired could not be written down; its messages come again")
            return [self._come_back(one.message, one.entry.source) for one in expired]
        return [Outcome(one.message, Result.EXPIRED) for one in expired]

    # -- failures

    def _failed(self, claimed: ClaimedRecording, error: StepFailed, unmarked: Entry | None) -> Outcome:
        message, entry, recording = claimed.message, claimed.entry, claimed.recording
        if error.reason is Reason.BUSY:  # our own limit, not the recording's fault: no attempt is counted
            return self._wait(message, recording.source, BUSY_WAIT_S)
        verdict = self._policy.verdict(error, entry.not_ready_since, self._clock.now())
        follow = self._give_up if isinstance(verdict, Terminal) else self._try_again
        try:
            if found := self._stored_after_all(recording, verdict):
                return self._copied(claimed, found, unmarked)
            result = follow(message, entry, recording, verdict)
        except Exception:
            log.exception("the attempt broke; the message comes again", recording_id=recording.recording_id)
            result = self._come_back(message, recording.source).result
        return Outcome(message, result, source=recording.source, reason=verdict.reason)

    def _stored_after_all(self, recording: Recording, verdict: StepFailed) -> StoredAudio | None:
        """Audio that another attempt has stored, where this one would mark the recording FAILED beside it. One that
        killed copiers is no safer for being stored: writing its row may have killed them."""
        if not isinstance(verdict, Terminal) or verdict.reason is Reason.POISON:
            return None
        return next(iter(self._audio_objects.existing(recording)), None)

    def _give_up(self, message: Message, entry: Entry, recording: Recording, error: StepFailed) -> Result:
        if self._is_erased(recording):  # the message is personal data: it ends here
            return Result.NOTHING_TO_DO
        attributes = {"reason": error.reason, "recording_id": recording.recording_id, "source": recording.source}
        self._dead_letters.send([message.body], attributes=attributes)
        self._ledger.failed(entry, error)
        log.error(
            "failed permanently; `call-lake redrive` sends it again",
            recording_id=recording.recording_id,
            reason=error.reason,
            detail=error.detail,
        )
        return Result.FAILED

    def _try_again(self, message: Message, entry: Entry, recording: Recording, error: StepFailed) -> Result:
        delay_s = self._policy.delay_s(error, entry.attempts)
        in_queue = self._policy.waits_in_queue(delay_s, entry.attempts)
        self._ledger.retrying(entry, error, delay_s, in_queue=in_queue)
        log.warning(
            "will be tried again",
            recording_id=recording.recording_id,
            reason=error.reason,
            detail=error.detail,
            attempt=entry.attempts + 1,
            in_s=round(delay_s),
        )
        if not in_queue:
            return Result.RETRY_IN_LEDGER
        self._delay(recording.source, message, delay_s)
        return Result.RETRY_IN_QUEUE

    # -- messages that come again

    def _wait(self, message: Message, source: str, seconds: float) -> Outcome:
        self._delay(source, message, seconds)
        return Outcome(message, Result.NO_ATTEMPT)

    def _come_back(self, message: Message, source: str) -> Outcome:
        """Let the message come again after a step broke: after the longest delay of the queue, or when its visibility
        timeout ends where SQS does not take that delay."""
        with suppress(Exception):
            self._delay(source, message, self._policy.queue_max_s)
        return Outcome(message, Result.NO_ATTEMPT)

    def _delay(self, source: str, message: Message, seconds: float) -> None:
        self._source_of(source).queue.delay(message.receipt_handle, round(seconds))
