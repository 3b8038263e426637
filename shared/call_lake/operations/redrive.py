"""Send again what failed permanently (``call-lake redrive``; rule 9).

SQS can move dead letters itself, but it cannot filter them. So this receives and sends them. For each recording the
ledger makes it due first, then the message goes to its queue, then the dead letter is deleted. If a redrive ends
between two of these steps, nothing is lost: the next poll publishes what is due, and the next redrive does the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from call_lake.errors import ItemChanged, Reason, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import recording_from_message
from call_lake.operations.dead_letters import drain
from call_lake.polling.publisher import Publisher
from call_lake.ports import DeadLetter, DeadLetters, PartialFailure, Queue

SETTLED = (State.STORED, State.EXPIRED, State.ERASED)


@dataclass(slots=True)
class RedriveCounts:
    """``sent``: recordings published again, ``from_ledger`` of them without a dead letter. ``dropped``: dead letters
    that were deleted because their recording is settled or was sent already. ``kept``: dead letters that the filter
    left out, or that hold no recording."""

    sent: int = 0
    from_ledger: int = 0
    dropped: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class _DeadRecording:
    """A dead letter with its recording, and with its ledger entry where there is one."""

    letter: DeadLetter
    source: str
    recording_id: str
    entry: Entry | None

    @property
    def reason(self) -> str | None:
        """Why it failed. The ledger's reason is newer than the letter's."""
        return (self.entry.reason if self.entry else None) or self.letter.attributes.get("reason")


class Redriver:
    """Redrives once. ``queues``: the queue of every source. ``reason``, ``source``: only these; None for all."""

    def __init__(
        self,
        ledger: Ledger,
        queues: Mapping[str, Queue],
        dead: DeadLetters,
        *,
        reason: str | None = None,
        source: str | None = None,
    ) -> None:
        self._ledger = ledger
        self._queues = queues
        self._dead = dead
        self._reason = reason
        self._source = source
        self._sent: set[str] = set()
        self._counts = RedriveCounts()

    def redrive(self, on_progress: Callable[[RedriveCounts], None] = lambda counts: None) -> RedriveCounts:
        """Send again what matches, and return the counts. Raises what AWS raises; what was sent by then stays sent, and
        nothing is lost."""

        def settle(letter: DeadLetter) -> bool:
            is_settled = self._settle(letter)
            on_progress(self._counts)
            return is_settled

        self._counts.kept = len(drain(self._dead, settle))
        # Dead letters live for 14 days. After that the ledger alone knows what is FAILED.
        for source in self._queues:
            for entry in self._ledger.failures(source):
                if entry.recording_id not in self._sent and self._matches(source, entry.reason):
                    self._send_again(entry)
                    self._counts.from_ledger += 1
                    on_progress(self._counts)
        return self._counts

    def _settle(self, letter: DeadLetter) -> bool:
        """Send the recording of a dead letter again, where that has to be. Return whether the letter may go."""
        dead = self._look_up(letter)
        if dead is None or not self._matches(dead.source, dead.reason):
            return False
        state = dead.entry.state if dead.entry else None
        if dead.recording_id in self._sent and state is State.FAILED:
            return False  # it has failed again already, and this is its new dead letter
        if state in SETTLED or dead.recording_id in self._sent:
            self._counts.dropped += 1
        elif dead.entry is None:  # the ledger has lost it: the copier writes a new item
            self._send_as_it_is(dead)
        else:
            self._send_again(dead.entry)
        return True

    def _look_up(self, letter: DeadLetter) -> _DeadRecording | None:
        try:
            recording = recording_from_message(letter.body)
        except ValueError:
            return None
        if recording.source not in self._queues:
            return None
        id = letter.attributes.get("recording_id", recording.recording_id)
        try:
            return _DeadRecording(letter, recording.source, id, self._ledger.entry(id))
        except ItemChanged:  # kept, until the item is restored
            return None

    def _matches(self, source: str, reason: str | None) -> bool:
        return self._source in (None, source) and self._reason in (None, reason)

    def _send_again(self, entry: Entry) -> None:
        """Make it due in the ledger, then publish it as a poll does."""
        id = entry.recording_id
        self._ledger.redriven(id)
        again = self._ledger.entry(id)
        if again is not None:
            Publisher(self._ledger, self._queues[entry.source], {}).publish_due([again])
        self._count(id)

    def _send_as_it_is(self, dead: _DeadRecording) -> None:
        try:
            self._queues[dead.source].send([dead.letter.body])
        except PartialFailure as error:
            raise Transient(Reason.AWS, str(error)) from None
        self._count(dead.recording_id)

    def _count(self, id: str) -> None:
        self._sent.add(id)
        self._counts.sent += 1
