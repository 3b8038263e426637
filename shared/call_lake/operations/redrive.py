"""Send again what failed for good (``call-lake redrive``; design rule 9).

The queue's own move task cannot filter, so this receives and sends. The order of writes loses nothing wherever it ends:
the ledger makes the recording due, then the message goes to its queue, then the dead one is deleted. A redrive that
ended between them is taken up by the next poll, which publishes what is due, and by the next redrive.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import Entry, State
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import recording_from_message
from call_lake.polling.publisher import Publisher
from call_lake.ports import DeadLetter, DeadLetters, PartialFailure, Queue


@dataclass(slots=True)
class Redriven:
    """``sent``: recordings published again, ``from_ledger`` of them without a dead letter. ``dropped``: dead letters of
    what is settled, or was sent already. ``kept``: dead letters that the filter left, or that are no recordings."""

    sent: int = 0
    from_ledger: int = 0
    dropped: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class _Dead:
    """A dead letter with what is known of it; without a source it is no recording's."""

    letter: DeadLetter
    source: str | None = None
    recording_id: str = ""
    entry: Entry | None = None

    @property
    def reason(self) -> str | None:
        """The ledger's, which is the newer one."""
        return (self.entry.reason if self.entry else None) or self.letter.attributes.get("reason")


class Redriver:
    """``queues``: of every source. ``reason``, ``source``: only these; None for all."""

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
        self.counts = Redriven()

    def redrive(self, tell: Callable[[Redriven], None] = lambda counts: None) -> Redriven:
        """Raises Transient where AWS fails; what was sent stays sent, and nothing is lost."""
        kept: dict[str, DeadLetter] = {}
        seen: set[str] = set()
        try:
            while letters := self._dead.receive():
                if seen.issuperset(letter.message_id for letter in letters):
                    break  # the first ones are visible again: all were looked at
                seen |= {letter.message_id for letter in letters}
                for letter in letters:
                    if not self._one(letter):
                        kept[letter.message_id] = letter
                tell(self.counts)
        finally:
            self._release(kept)
        self.counts.kept = len(kept)
        self._from_ledger(tell)
        return self.counts

    # -- the dead letters

    def _one(self, letter: DeadLetter) -> bool:
        """Whether this dead letter is dealt with, and gone."""
        dead = self._look_up(letter)
        if dead.source is None or not self._matches(dead.source, dead.reason):
            return False
        state = dead.entry.state if dead.entry else None
        if dead.recording_id in self._sent and state is State.FAILED:
            return False  # it has failed again already: this is its new dead letter
        if state in (State.STORED, State.EXPIRED, State.ERASED) or dead.recording_id in self._sent:
            self.counts.dropped += 1
        elif dead.entry is None:  # the ledger has lost it: the copier writes a new item
            self._send_as_it_is(dead)
        else:
            self._send_again(dead.entry)
        self._dead.delete(letter.receipt_handle)
        return True

    def _look_up(self, letter: DeadLetter) -> _Dead:
        try:
            recording = recording_from_message(letter.body)
        except ValueError:
            return _Dead(letter)
        if recording.source not in self._queues:
            return _Dead(letter)
        id = letter.attributes.get("recording_id", recording.recording_id)
        return _Dead(letter, recording.source, id, self._ledger.entry(id))

    def _release(self, kept: Mapping[str, DeadLetter]) -> None:
        for letter in kept.values():
            with suppress(Transient):  # its receipt is too old: then it is visible anyway
                self._dead.release(letter.receipt_handle)

    # -- the ledger

    def _from_ledger(self, tell: Callable[[Redriven], None]) -> None:
        """What is FAILED and has no dead letter any more: those live for 14 days."""
        for source in self._queues:
            for entry in self._ledger.failures(source):
                if entry.recording_id not in self._sent and self._matches(source, entry.reason):
                    self._send_again(entry)
                    self.counts.from_ledger += 1
                    tell(self.counts)

    def _matches(self, source: str, reason: str | None) -> bool:
        return self._source in (None, source) and self._reason in (None, reason)

    def _send_again(self, entry: Entry) -> None:
        """Due in the ledger, then into the queue, then due only a day later."""
        id = entry.recording_id
        self._ledger.redriven(id)
        again = self._ledger.entry(id)
        if again is not None:
            Publisher(self._ledger, self._queues[entry.source], {}).publish_due([again])
        self._count(id)

    def _send_as_it_is(self, dead: _Dead) -> None:
        try:
            self._queues[dead.source or ""].send([dead.letter.body])
        except PartialFailure as error:
            raise Transient(Reason.AWS, str(error)) from None
        self._count(dead.recording_id)

    def _count(self, id: str) -> None:
        self._sent.add(id)
        self.counts.sent += 1
