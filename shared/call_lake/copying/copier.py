"""Copy recordings: verify, then store; audio, row, event, ledger, and only then is a message done (rules 9 to 15).

A batch goes through these steps together, so that rows and events share requests. Whatever dies between two steps
repeats from the top and ends the same: every step finds what the last attempt left.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from call_lake.bucket import inbox
from call_lake.bucket.audio_objects import Archive, erase_audio
from call_lake.concurrency import BytesBudget
from call_lake.copying.fetcher import Fetcher, Route
from call_lake.copying.retry import Quiet, RetryPolicy
from call_lake.copying.stored import Keeper
from call_lake.errors import Reason, SecretEmpty, StepFailed, Terminal
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.events import RECORDING_STORED, recording_stored
from call_lake.model.messages import recording_from_message
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.table import row_of
from call_lake.observability import log
from call_lake.ports import Clock, EventBus, PartialFailure, Queue, VersionedStore

SECRET_WAIT_S = 900.0
PAUSE_WAIT_S = 900.0
BUSY_WAIT_S = 120.0  # in a message's day fewer deliveries than SQS allows before it buries a message


class Verdict(StrEnum):
    DONE = "done"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Message:
    """One received message; ``queue`` is where it came from."""

    id: str
    body: str
    receipt_handle: str


@dataclass(frozen=True, slots=True)
class Secured:
    """A recording whose audio stands in S3, on the way to STORED."""

    message: Message
    recording: Recording
    audio: StoredAudio


@dataclass(frozen=True, slots=True)
class Gone:
    """A STORED recording whose audio has expired, on the way to EXPIRED."""

    message: Message
    entry: Entry


@dataclass(slots=True)
class CopyCounts:
    stored: int = 0
    stored_bytes: int = 0
    already: int = 0
    expired: int = 0
    retried: int = 0
    failed: int = 0


class Copier:
    """Works one batch. ``route`` gives a source's provider and queue; ``threads`` recordings at once (1: in order);
    ``retention_days``: after which the bucket deletes audio, 0 for never.

    ``until_s`` is the monotonic time at which the function has to have answered; ``quiet`` outlives the batch.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: VersionedStore,
        bus: EventBus,
        dlq: Queue,
        route: Callable[[str], Route],
        clock: Clock,
        policy: RetryPolicy,
        budget: BytesBudget,
        *,
        until_s: float,
        threads: int = 8,
        retention_days: int = 0,
        jitter: random.Random | None = None,
        quiet: Quiet | None = None,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._archive = Archive(store)
        self._keeper = Keeper(ledger, store, clock, retention_days)
        self._bus = bus
        self._dlq = dlq
        self._route = route
        self._clock = clock
        self._policy = policy
        self._fetcher = Fetcher(self._archive, route, clock, budget, until_s)
        self._threads = threads
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._quiet = quiet or Quiet(clock)
        self.counts = CopyCounts()
        self.stored: dict[str, list[int]] = {}  # bytes of each recording, by source
        self.failures: dict[tuple[str, Reason], int] = {}

    def copy_batch(self, messages: Sequence[Message]) -> dict[str, Verdict]:
        """A verdict for every message id; AGAIN leaves the message in its queue."""
        results = self._map(self._secure_safely, messages)
        verdicts = {m.id: r for m, r in zip(messages, results, strict=True) if isinstance(r, Verdict)}
        secured = [r for r in results if isinstance(r, Secured)]
        self._expire([r for r in results if isinstance(r, Gone)], verdicts)
        try:
            self._finish(secured, verdicts)
        except Exception:
            log.exception("rows, events or ledger of a batch failed; its messages come again")
            for one in secured:
                verdicts[one.message.id] = self._come_back(one.message, one.recording.source)
        return {m.id: verdicts.get(m.id, Verdict.AGAIN) for m in messages}

    # -- the audio of one recording

    def _secure_safely(self, message: Message) -> Secured | Gone | Verdict:
        try:
            recording = recording_from_message(message.body)
        except ValueError as error:
            log.error("a message is no recording; it goes to the DLQ", message_id=message.id, error=str(error))
            return self._bury(message)
        try:
            return self._secure(message, recording)
        except Exception:
            log.exception("the attempt broke; the message comes again", recording_id=recording.recording_id)
            return self._come_back(message, recording.source)

    def _bury(self, message: Message) -> Verdict:
        try:
            self._dlq.send([message.body], attributes={"reason": "bad_message"})
        except Exception:
            log.exception("the DLQ did not take it; it comes again", message_id=message.id)
            return Verdict.AGAIN
        return Verdict.DONE

    def _secure(self, message: Message, listed: Recording) -> Secured | Gone | Verdict:
        entry = self._ledger.claim(listed)
        recording = entry.recording
        if recording is None or entry.state is State.ERASED:
            # An attempt may have died between its PUT and its look at the ledger.
            erase_audio(self._store, replace(listed, recording_id=entry.recording_id))
            return Verdict.DONE
        if entry.state in (State.FAILED, State.EXPIRED):
            return Verdict.DONE
        if entry.state is State.STORED and entry.audio is not None:
            if self._keeper.has_expired(entry):
                return Gone(message, entry)
            self.counts.already += 1
            return Verdict.DONE
        try:
            standing = self._archive.standing(recording)
            if not standing and (wait_s := self._wait_s(recording.source)):
                self._delay(recording.source, message, wait_s)
                return Verdict.AGAIN
            audio = standing[0] if standing else self._fetcher.fetch(entry, recording)
        except SecretEmpty:
            self._delay(recording.source, message, SECRET_WAIT_S)
            return Verdict.AGAIN
        except StepFailed as error:
            self._quiet.heed(recording.source, error)
            return self._failed(message, entry, recording, error)
        now = self._ledger.entry(recording.recording_id)
        if now is not None and now.state is State.ERASED:  # rule 15
            erase_audio(self._store, recording)
            return Verdict.DONE
        return Secured(message, recording, audio)

    def _wait_s(self, source: str) -> float:
        """How long no download of the source may begin; 0 where one may. No attempt is counted."""
        if self._route(source).paused:
            return PAUSE_WAIT_S
        return min(self._quiet.left_s(source), PAUSE_WAIT_S) * (1.0 + 0.25 * self._jitter.random())

    # -- the end of a batch: rows, events, ledger

    def _finish(self, secured: Sequence[Secured], verdicts: dict[str, Verdict]) -> None:
        if not secured:
            return
        inbox.put_rows(self._store, [row_of(s.recording, s.audio) for s in secured])
        refused: frozenset[int] = frozenset()
        try:
            self._bus.publish(RECORDING_STORED, [recording_stored(s.recording, s.audio) for s in secured])
        except PartialFailure as error:
            refused = frozenset(error.failed)
            for position in refused:
                self._come_back(secured[position].message, secured[position].recording.source)
        announced = [s for position, s in enumerate(secured) if position not in refused]
        for one, ok in zip(announced, self._map(self._settle_safely, announced), strict=True):
            verdicts[one.message.id] = Verdict.DONE if ok else Verdict.AGAIN

    def _settle_safely(self, one: Secured) -> bool:
        try:
            self._settle(one)
        except Exception:
            log.exception("the ledger's last write failed", recording_id=one.recording.recording_id)
            return False
        return True

    def _settle(self, one: Secured) -> None:
        entry = self._keeper.stored(one.recording, one.audio)
        if entry.state is State.ERASED:
            erase_audio(self._store, one.recording)
        elif entry.audio is not None and entry.audio.key != one.audio.key:
            self._keeper.drop_strays(entry)
        else:
            self.counts.stored += 1
            self.counts.stored_bytes += one.audio.facts.bytes
            self.stored.setdefault(one.recording.source, []).append(one.audio.facts.bytes)

    def _expire(self, gone: Sequence[Gone], verdicts: dict[str, Verdict]) -> None:
        try:
            self._keeper.expire([one.entry for one in gone])
            self.counts.expired += len(gone)
            verdicts |= {one.message.id: Verdict.DONE for one in gone}
        except Exception:
            log.exception("what has expired could not be written down; its messages come again")
            verdicts |= {one.message.id: self._come_back(one.message, one.entry.source) for one in gone}

    # -- failures

    def _failed(self, message: Message, entry: Entry, recording: Recording, error: StepFailed) -> Verdict:
        if error.reason is Reason.BUSY:  # our own limit, not the recording's fault: no attempt is counted
            self._delay(recording.source, message, BUSY_WAIT_S)
            return Verdict.AGAIN
        verdict = self._policy.verdict(error, entry.not_ready_since, self._clock.now())
        key = (recording.source, verdict.reason)
        self.failures[key] = self.failures.get(key, 0) + 1
        if isinstance(verdict, Terminal):
            now = self._ledger.entry(recording.recording_id)
            if now is not None and now.state is State.ERASED:  # the message is personal data: it ends here
                return Verdict.DONE
            attributes = {"reason": verdict.reason, "recording_id": recording.recording_id, "source": recording.source}
            self._dlq.send([message.body], attributes=attributes)
            self._ledger.failed(entry, verdict)
            self.counts.failed += 1
            log.error(
                "failed for good; `call-lake redrive` sends it again",
                recording_id=recording.recording_id,
                reason=verdict.reason,
                detail=verdict.detail,
            )
            return Verdict.DONE
        delay_s = self._policy.delay_s(verdict, entry.attempts, self._jitter)
        in_queue = self._policy.waits_in_queue(delay_s, entry.attempts)
        self._ledger.retrying(entry, verdict, delay_s, in_queue=in_queue)
        self.counts.retried += 1
        log.warning(
            "will be tried again",
            recording_id=recording.recording_id,
            reason=verdict.reason,
            detail=verdict.detail,
            attempt=entry.attempts + 1,
            in_s=round(delay_s),
        )
        if not in_queue:
            return Verdict.DONE
        self._delay(recording.source, message, delay_s)
        return Verdict.AGAIN

    def _come_back(self, message: Message, source: str) -> Verdict:
        """Not at once, and not only when the queue's visibility ends, if that can be had."""
        with suppress(Exception):
            self._delay(source, message, self._policy.queue_max_s)
        return Verdict.AGAIN

    def _delay(self, source: str, message: Message, seconds: float) -> None:
        self._route(source).queue.delay(message.receipt_handle, round(seconds))

    def _map[A, B](self, step: Callable[[A], B], items: Sequence[A]) -> list[B]:
        if self._threads == 1 or len(items) < 2:
            return [step(item) for item in items]
        with ThreadPoolExecutor(min(self._threads, len(items))) as pool:
            return list(pool.map(step, items))
