"""Send stored recordings once more to a queue of those who take them: an engine, the sound analyzer.

Each recording becomes the message that a new one is: the event Recording Stored. So the taker's own rules hold, and a
message that comes twice is harmless.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import batched

from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import Entry, State, entry_of
from call_lake.model.events import recording_stored
from call_lake.model.transcribing import stored_message
from call_lake.ports import PartialFailure, Queue, Table

SENT_AT_ONCE = 100


def send_stored(
    table: Table,
    queue: Queue,
    ids: Sequence[str],
    again_at: datetime | None = None,
    on_progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Send a message for each of these recordings that has audio, and return how many were sent. ``again_at``: now,
    where an engine was asked before. Raises Transient; what was sent by then stays sent."""
    sent = 0
    for some in batched(ids, SENT_AT_ONCE, strict=False):
        messages = [stored_message(detail, again_at) for detail in _stored(table.get_many(list(some))).values()]
        try:
            queue.send(messages)
        except PartialFailure as error:
            raise Transient(
                Reason.AWS, f"{error}; {sent} were sent before, and the same command sends the rest"
            ) from None
        sent += len(messages)
        on_progress(sent)
    return sent


def _stored(items: Mapping[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """The event of each recording that is stored, by id. An erased or expired one has none."""
    entries: list[Entry] = [entry_of(item) for item in items.values()]
    return {
        one.recording_id: recording_stored(one.recording, one.audio)
        for one in entries
        if one.state is State.STORED and one.recording and one.audio
    }
