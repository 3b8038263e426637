"""Start the job of a stored recording, at most once, and within the day's hours (rule 30)."""

from dataclasses import replace
from datetime import timedelta

from call_lake.ledger.entry import State
from call_lake.ledger.transcribed_hours import HoursToday
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptState, as_read
from call_lake.model.transcribing import Start, StartResult, Wanted
from call_lake.observability import log
from call_lake.transcribing.limits import counted_s, refusal_of
from call_lake.transcribing.parts import LOOK_AFTER, REASON_LENGTH, Books

TRIES_IN_QUEUE = 500
"""After so many deliveries a recording waits in the ledger: a message lives for 14 days, and is given up after 1,000
deliveries (template.yaml)."""
TRY_AGAIN = timedelta(hours=1)
CEILING = "the day's hours of transcription are used up"


class Starter:
    """Starts jobs. Every message may come twice, and at any time."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._transcripts = books.transcripts
        self._jobs = books.ports.jobs
        self._clock = books.ports.clock

    def start(self, wanted: Wanted) -> str:
        """Start the job, or note why not; the message is done. Returns why it has to come again: there is no room, also
        for those behind it. Raises Transient."""
        known = self._transcripts.entry(wanted.recording_id)
        if not _is_wanted(known, wanted):
            return ""
        state = self._books.recording_state(wanted.recording_id)
        if state is State.ERASED:
            log.info("not transcribed: the recording is erased", recording_id=wanted.recording_id)
            return ""
        if why := refusal_of(wanted) or ("its audio has expired" if state is State.EXPIRED else ""):
            self._skip(known, wanted, why)
            return ""
        return self._start(known, self._counted(known, wanted), wanted)

    def later(self, wanted: Wanted, deliveries: int, reason: str) -> bool:
        """There is no room. The recording waits in the queue, and after many deliveries in the ledger: then the message
        is done. Raises Transient."""
        if deliveries < TRIES_IN_QUEUE:
            return False
        known = self._transcripts.entry(wanted.recording_id)
        if _is_wanted(known, wanted):
            due = self._clock.now() + TRY_AGAIN
            self._transcripts.waiting(self._counted(known, wanted), due, reason[:REASON_LENGTH], as_read(known))
        return True

    def _skip(self, known: TranscriptEntry | None, wanted: Wanted, why: str) -> None:
        log.warning("not transcribed", recording_id=wanted.recording_id, why=why)
        if known is None or known.state is not TranscriptState.READY:  # a transcript that is there stays
            self._transcripts.skipped(wanted.recording_id, wanted.partition, why, as_read(known))

    def _counted(self, known: TranscriptEntry | None, wanted: Wanted) -> TranscriptEntry:
        """The entry with what the ceiling counts. Who asks again gets all attempts again, and the first of them
        remembers that there was a job before."""
        entry = known or self._transcripts.unknown(wanted.recording_id, wanted.partition)
        attempts = min(1, entry.attempts) if wanted.asked_again_at else entry.attempts
        return replace(entry, seconds=counted_s(wanted), attempts=attempts)

    def _start(self, known: TranscriptEntry | None, entry: TranscriptEntry, wanted: Wanted) -> str:
        if entry.attempts:
            self._jobs.delete(entry.recording_id)  # its name is in use; one that still runs is found by the start
        seconds = entry.seconds or 0.0
        admitted = self._books.hours.admit(seconds)
        if admitted is None:
            self._wait(known, entry)
            return ""
        started = self._jobs.start(wanted)
        if started.result in (StartResult.STARTED, StartResult.EXISTS):
            self._note_running(known, entry, started)
            return ""
        return self._not_started(known, entry, started, admitted)

    def _wait(self, known: TranscriptEntry | None, entry: TranscriptEntry) -> None:
        self._transcripts.waiting(entry, self._books.hours.next_day(), CEILING, as_read(known))
        log.warning("MaxTranscribedHoursPerDay is reached: it waits until 00:00 UTC", recording_id=entry.recording_id)
        self._books.counts.over_ceiling += 1

    def _note_running(self, known: TranscriptEntry | None, entry: TranscriptEntry, started: Start) -> None:
        """A job that exists was started by a run that died, or whose answer was lost: the next sweep looks at it."""
        is_new = started.result is StartResult.STARTED
        self._books.counts.started += is_new
        running = replace(entry, attempts=entry.attempts + 1 if is_new else max(1, entry.attempts))
        look_at = self._clock.now() + (LOOK_AFTER if is_new else timedelta())
        self._transcripts.running(running, look_at, as_read(known))
        log.info("transcription started" if is_new else "transcription known", recording_id=entry.recording_id)

    def _not_started(
        self, known: TranscriptEntry | None, entry: TranscriptEntry, started: Start, admitted: HoursToday
    ) -> str:
        if started.result is StartResult.NO_ANSWER and self._jobs.job(entry.recording_id) is not None:
            self._note_running(known, entry, started)  # it started, and only the answer was lost
            return ""
        self._books.hours.give_back(entry.seconds or 0.0, admitted)
        if started.result is StartResult.REFUSED:
            self._books.fail(known, entry, started.error)
            return ""
        log.info("Amazon Transcribe has no room: tried again", recording_id=entry.recording_id, error=started.error)
        return started.error or started.result


def _is_wanted(known: TranscriptEntry | None, wanted: Wanted) -> bool:
    """Whether a job has to start. What came of an earlier one counts, except where somebody asked again since."""
    if known is None or known.state is TranscriptState.WAITING:
        return True
    if known.state in (TranscriptState.RUNNING, TranscriptState.ERASED):
        return False
    return wanted.asked_again_at is not None and known.changed_at < wanted.asked_again_at
