"""Which recordings an engine has no transcript of, and how long they are (``call-lake transcribe``)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import batched

from call_lake.ledger.entry import entries_of
from call_lake.ledger.transcripts import TranscriptLedger, TranscriptState
from call_lake.model.table import Row
from call_lake.ports import Table

ROWS_AT_ONCE = 1000


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
