"""Every quarter of an hour: look at jobs that nobody heard of, and send what waits to the queue again (rule 30)."""

from collections.abc import Iterator
from datetime import timedelta

from call_lake.errors import ItemChanged, Transient
from call_lake.ledger.entry import State, entry_of
from call_lake.ledger.transcripts import TranscriptEntry, TranscriptState, as_read
from call_lake.model.events import recording_stored
from call_lake.model.transcribing import stored_message
from call_lake.observability import log
from call_lake.ports import PartialFailure
from call_lake.transcribing.ended import EndedJobs
from call_lake.transcribing.parts import Books
from call_lake.transcribing.starter import TRY_AGAIN

LOOKS = 300
SENDS = 1000
"""At most so many in one sweep; the next one goes on."""
IN_QUEUE = timedelta(days=1)
"""What was sent to the queue is sent again after a day, if it still waits."""


class Sweep:
    """One sweep ends in time: ``until_s`` is of the clock's ``monotonic``."""

    def __init__(self, books: Books, ended: EndedJobs) -> None:
        self._books = books
        self._transcripts = books.transcripts
        self._ended = ended
        self._ports = books.ports

    def run(self, until_s: float) -> None:
        """Raises nothing that AWS answers: what is left, the next sweep does."""
        counts = self._books.counts
        try:
            for entry in self._due(TranscriptState.RUNNING, LOOKS, until_s):
                self._ended.look(entry.recording_id, unheard=True)
                counts.looked += 1
            self._send_waiting(until_s)
        except (Transient, PartialFailure) as error:
            counts.trouble = str(error)
            log.warning("the sweep ended early; the next one goes on", error=str(error))

    def _due(self, state: TranscriptState, limit: int, until_s: float) -> Iterator[TranscriptEntry]:
        """Entries of what is due, in time. The index is some seconds behind, so each is read again."""
        for recording_id in self._transcripts.due(state, limit):
            if self._ports.clock.monotonic() >= until_s:
                return
            try:
                entry = self._transcripts.entry(recording_id)
            except (KeyError, ValueError) as error:
                log.error("a ledger item was changed: left out", recording_id=recording_id, error=type(error).__name__)
                continue
            if entry is not None and entry.state is state:
                yield entry

    def _send_waiting(self, until_s: float) -> None:
        """Only as many as the day has room for: the others would come back at once. Those that came today wait for the
        next day."""
        self._books.counts.over_ceiling = int(self._transcripts.waits_until(self._books.hours.next_day()))
        left_s = self._books.hours.today().left_s
        for entry in self._due(TranscriptState.WAITING, SENDS, until_s):
            left_s -= entry.seconds or 0.0
            if left_s < 0:
                self._books.counts.over_ceiling = 1
                return
            self._books.counts.sent += self._send(entry)

    def _send(self, entry: TranscriptEntry) -> bool:
        item = self._ports.table.get(entry.recording_id)
        try:
            stored = entry_of(item) if item else None
        except ItemChanged as error:
            self._books.fail(entry, entry, f"its ledger item was changed by somebody: {error.why}")
            return False
        if stored is None or stored.state is State.ERASED:
            self._ended.forget(entry)
        elif stored.state is State.EXPIRED:
            self._transcripts.skipped(entry.recording_id, entry.partition, "its audio has expired", as_read(entry))
        elif stored.recording is None or stored.audio is None:  # its audio is being copied again
            self._wait(entry, TRY_AGAIN)
        else:
            self._ports.queue.send([stored_message(recording_stored(stored.recording, stored.audio))])
            self._wait(entry, IN_QUEUE)
            return True
        return False

    def _wait(self, entry: TranscriptEntry, more: timedelta) -> None:
        due = self._ports.clock.now() + more
        self._transcripts.waiting(entry, due, entry.reason or "", as_read(entry))
