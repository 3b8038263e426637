"""Fetch the audio of one recording: download, verify, store; within the time that the function has (rules 11 to 13)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from call_lake.audio.inspection import SETTLED_S, inspect
from call_lake.audio.spool import spool
from call_lake.bucket.audio_objects import Archive
from call_lake.concurrency import BytesBudget
from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import Entry
from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.times import parse_iso
from call_lake.ports import Clock, Provider, Queue

ANSWER_MARGIN_S = 15.0  # what rows, events and ledger of a batch may take at its end
WORTH_STARTING_S = 5.0
LAST_MARGIN_S = 5.0  # what has to be left of it after the last PUT
PUT_BYTES_PER_S = 40_000_000  # what one PUT is reckoned to do; not measured in AWS


@dataclass(frozen=True, slots=True)
class Route:
    """What the copier needs of one source."""

    provider: Provider
    queue: Queue
    max_bytes: int
    deadline_s: float
    paused: bool = False


class Fetcher:
    """``until_s`` is the monotonic time at which the function has to have answered."""

    def __init__(
        self, archive: Archive, route: Callable[[str], Route], clock: Clock, budget: BytesBudget, until_s: float
    ) -> None:
        self._archive = archive
        self._route = route
        self._clock = clock
        self._budget = budget
        self._until_s = until_s

    def fetch(self, entry: Entry, recording: Recording) -> StoredAudio:
        """Raises what the provider, ``spool`` and ``inspect`` raise; Transient (BUSY, TIMEOUT) where time is short."""
        route = self._route(recording.source)
        left_s = self._until_s - ANSWER_MARGIN_S - self._clock.monotonic()
        if left_s < WORTH_STARTING_S:
            raise Transient(Reason.BUSY, "no time left in this invocation")
        deadline_s = min(route.deadline_s, left_s)
        with route.provider.open_audio(recording, deadline_s=deadline_s) as stream:
            self._check_put(min(stream.declared_length or 0, route.max_bytes), Reason.BUSY)
            with spool(stream, self._budget, route.max_bytes) as body:
                facts = inspect(body, stream.content_type, self._seen(entry))
                self._check_put(body.size, Reason.TIMEOUT)
                return self._archive.put(recording, body.file, facts, self._clock.now())

    def _check_put(self, size: int, reason: Reason) -> None:
        """A PUT that the function's end cuts off leaves nothing behind, no answer either."""
        ends_s = self._clock.monotonic() + size / PUT_BYTES_PER_S
        if ends_s > self._until_s - LAST_MARGIN_S:
            raise Transient(reason, f"too late in this invocation to store {size} bytes")

    def _seen(self, entry: Entry) -> set[str]:
        before = self._clock.now() - timedelta(seconds=SETTLED_S)
        return {note["detail"] for note in entry.history if parse_iso(note["at"]) <= before}
