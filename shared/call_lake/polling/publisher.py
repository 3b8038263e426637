"""Send new recordings to the source's queue, then write them to the ledger (design rules 7, 10).

In this order a crash repeats a message instead of losing a recording.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import batched

from call_lake.concurrency import in_threads
from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import Entry
from call_lake.ledger.identity import under_its_own_id
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import message_of
from call_lake.model.recording import ListedRecording, Recording
from call_lake.model.recording_ids import RecordingIds
from call_lake.polling.message_limit import MESSAGE_MAX_BYTES, shortened
from call_lake.ports import PartialFailure, Queue

KNOWN_MAX = 200_000  # ids, about 40 MB
WRITTEN_AT_ONCE = 25  # new items of one request: what DynamoDB takes
AGAIN_AT_ONCE = 100  # messages sent before they are marked; those not marked when the time is over are sent twice


def without_ceiling(number: int) -> int:
    """How many of ``number`` new recordings may be published: all."""
    return number


@dataclass(slots=True)
class Published:
    """Counts of one invocation.

    ``shortened``: recordings whose records were cut. ``too_long``: ids of recordings that no cut makes short enough for
    a message.
    """

    listed: int = 0
    new: int = 0
    due: int = 0
    collisions: int = 0
    shortened: int = 0
    too_long: list[str] = field(default_factory=list)


class Publisher:
    """Publishes recordings of one source.

    ``known``: ids, with their connection ids, that the ledger holds. The ledger only moves forward, so what is known
    stays known, and a warm function need not ask again. ``threads``: ledger writes at once. ``in_time``: whether there
    is time to send more messages again.
    """

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        known: dict[str, str | None],
        threads: int = 8,
        in_time: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._known = known
        self._threads = threads
        self._in_time = in_time
        self.counts = Published()

    def publish_listed(
        self, listed: Sequence[ListedRecording], ids: RecordingIds, admit: Callable[[int], int] = without_ceiling
    ) -> None:
        """Publish those of a page that the ledger does not know. ``admit``: see ``publish_new``. Raises Transient when
        SQS refused a message."""
        self.counts.listed += len(listed)
        if len(self._known) > KNOWN_MAX:  # here alone: within a page nothing may be forgotten that was just learned
            self._known.clear()
        self.publish_new([ids.identified(one) for one in self._not_remembered(listed, ids)], admit)

    def publish_new(self, recordings: Sequence[Recording], admit: Callable[[int], int] = without_ceiling) -> None:
        """Publish those that the ledger does not know. ``admit`` is asked how many of so many new ones may be published
        now; the others stay unknown. Raises Transient when SQS refused a message."""
        fitting = [fits for recording in self._unknown(recordings) if (fits := self._fitting(recording))]
        if fitting:
            fitting = fitting[: admit(len(fitting))]  # counted before it is sent: a crash must not hide it
        refused = self._send([message for _, message in fitting])
        sent = [recording for position, (recording, _) in enumerate(fitting) if position not in refused]
        self.counts.new += len(sent)
        in_threads(self._write, [*batched(sent, WRITTEN_AT_ONCE, strict=False)], self._threads)
        if refused:
            raise Transient(Reason.AWS, f"SQS refused {len(refused)} of {len(fitting)} messages")

    def publish_due(self, entries: Sequence[Entry]) -> None:
        """Publish again what is due. Raises Transient when SQS refused a message."""
        sent, refused = self._send_again(entries, self._ledger.republished)
        self.counts.due += sent
        if refused:
            raise Transient(Reason.AWS, f"SQS refused {refused} of {sent + refused} due messages")

    def publish_stored(self, entries: Sequence[Entry], asked: Callable[[Entry], None] = lambda entry: None) -> None:
        """Send stored recordings once more, for the copier to see whether their audio has expired.

        Calls ``asked`` with each one that was sent. Raises Transient when SQS refused a message.
        """
        sent, refused = self._send_again(entries, asked)
        if refused:
            raise Transient(Reason.AWS, f"SQS refused {refused} of {sent + refused} messages of stored recordings")

    def _send_again(self, entries: Sequence[Entry], mark: Callable[[Entry], None]) -> tuple[int, int]:
        """Send each entry that is not erased, then ``mark`` it. Returns how many were sent, and how many refused."""
        live = [(entry, entry.recording) for entry in entries if entry.recording is not None]
        sent = refused = 0
        for some in batched(live, AGAIN_AT_ONCE, strict=False):
            if not self._in_time():
                break
            failed = self._send([message_of(recording) for _, recording in some])
            in_threads(mark, [entry for n, (entry, _) in enumerate(some) if n not in failed], self._threads)
            sent, refused = sent + len(some) - len(failed), refused + len(failed)
        return sent, refused

    def _unknown(self, recordings: Sequence[Recording]) -> list[Recording]:
        """Each recording that the ledger does not know, once. A collision gets a separate id (rule 6)."""
        found: dict[str, Recording] = {}
        candidates = list(recordings)
        while candidates:
            self._learn([r.recording_id for r in candidates])
            # A key can be free while its collision is known: the owner's message was refused.
            self._learn([r.collision_id for r in candidates if r.recording_id not in self._known])
            collisions = []
            for recording in candidates:
                id = recording.recording_id
                connection = found[id].connection_id if id in found else self._known.get(id)
                if id not in found and id not in self._known:
                    found |= {id: recording} if recording.collision_id not in self._known else {}
                elif other := under_its_own_id(connection, recording):
                    collisions.append(other)
            self.counts.collisions += sum(1 for r in collisions if r.recording_id not in self._known)
            candidates = collisions
        return list(found.values())

    def _not_remembered(self, listed: Sequence[ListedRecording], ids: RecordingIds) -> list[ListedRecording]:
        """Leave out what is known under the id of its key, with its connection id: nearly all that a warm function
        lists, and one id takes a third of the time of all ids and digests of a recording."""
        by_id = [(ids.of_key(one.source, one.provider_key), one) for one in listed]
        return [one for id, one in by_id if id not in self._known or self._known[id] != one.connection_id]

    def _fitting(self, recording: Recording) -> tuple[Recording, str] | None:
        """The recording as it will be kept, and its message; None where no cut makes it short enough for a message."""
        message = message_of(recording)
        if len(message) <= MESSAGE_MAX_BYTES:
            return recording, message
        short = shortened(recording)
        if short is None:
            self.counts.too_long.append(recording.recording_id)
            return None
        self.counts.shortened += 1
        return short, message_of(short)

    def _learn(self, ids: Sequence[str]) -> None:
        unsure = [id for id in dict.fromkeys(ids) if id not in self._known]
        self._known.update(self._ledger.connections(unsure))

    def _send(self, bodies: Sequence[str]) -> frozenset[int]:
        try:
            if bodies:
                self._queue.send(bodies)
        except PartialFailure as error:
            return frozenset(error.failed)
        return frozenset()

    def _write(self, recordings: Sequence[Recording]) -> None:
        new = self._ledger.discovered_all(recordings)
        self._known.update((one.recording_id, one.connection_id) for one in recordings if one.recording_id in new)
