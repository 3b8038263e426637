"""Ask an engine for transcripts of what was stored before, or what failed (``call-lake transcribe``).

Each recording becomes the message that a new one is: the event Recording Stored in the engine's queue. So the engine's
own rules hold, and a message that comes twice is harmless.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched

from call_lake.errors import Reason, Transient
from call_lake.ledger.entry import Entry, State, entries_of, entry_of
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.events import recording_stored
from call_lake.model.table import Row
from call_lake.model.transcribing import transcription_wanted
from call_lake.ports import PartialFailure, Queue, Table

ROWS_AT_ONCE = 1000
SENT_AT_ONCE = 100


@dataclass(slots=True)
class Survey:
    """The recordings of some days, by what is known of an engine's transcripts. ``missing``: those that the engine was
    never asked for, each with the seconds of its audio, None if unknown. ``states``: how many of the others are in each
    state. ``no_audio``: whose audio has expired."""

    missing: dict[str, float | None] = field(default_factory=dict)
    states: Counter[TranscriptState] = field(default_factory=Counter)
    no_audio: int = 0


def survey(rows: Iterable[Row], transcripts: TranscriptLedger) -> Survey:
    """``rows``: of table ``calls``, with ``recording_id``, ``audio_uri`` and ``audio_s``. Raises Transient."""
    found = Survey()
    for some in batched(rows, ROWS_AT_ONCE, strict=False):
        known = transcripts.entries([row["recording_id"] for row in some])
        for row in some:
            if entry := known.get(row["recording_id"]):
                found.states[entry.state] += 1
            elif row["audio_uri"] is None:
                found.no_audio += 1
            else:
                found.missing[row["recording_id"]] = row["audio_s"]
    return found


def stored_lengths(table: Table, ids: Sequence[str]) -> dict[str, float]:
    """The seconds of audio of these recordings, as the copier measured them; without those that it could not measure,
    and those that are not stored. Raises Transient."""
    items = [item for some in batched(ids, ROWS_AT_ONCE, strict=False) for item in table.get_many(list(some)).values()]
    entries = entries_of(items)
    lengths = {one.recording_id: one.audio.facts.seconds for one in entries if one.audio}
    return {id: seconds for id, seconds in lengths.items() if seconds is not None}


def ask(
    ledger: Ledger,
    queue: Queue,
    ids: Sequence[str],
    again_at: datetime | None,
    on_progress: Callable[[int], None] = lambda sent: None,
) -> int:
    """Send a message for each of these recordings that has audio, and return how many were sent. ``again_at``: now,
    where an engine was asked before. Raises Transient; what was sent by then stays sent."""
    sent = 0
    for some in batched(ids, SENT_AT_ONCE, strict=False):
        messages = [
            transcription_wanted(detail, again_at) for detail in _stored(ledger.table.get_many(list(some))).values()
        ]
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
