"""The story of one recording: what happened to it and when, and all facts that its row has."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from call_lake.errors import CallLakeError, Transient
from call_lake.ledger.entry import Entry
from call_lake.model.table import Row
from call_lake.model.times import parse_iso
from call_lake.model.transcripts import Transcript
from call_lake_cli.stack.calls import clock_text

NO_LEDGER = "the ledger was not read: your rights do not reach it, or AWS failed"
HIDDEN = ("raw", "schema_version")
"""The provider's whole record is for ``call-lake show``."""

type EntryOf = Callable[[str], Entry | None]


def story_of(row: Row, entry_of: EntryOf, heard: Sequence[Transcript], zone: ZoneInfo) -> dict[str, Any]:
    """``heard``: its transcripts. ``events``: what happened, in order, each with its local time. ``facts``: the row's
    columns. ``note``: what is missing from the story, or None."""
    note = None
    entry = None
    try:
        entry = entry_of(row["recording_id"])
    except Transient:
        note = NO_LEDGER
    except CallLakeError as error:  # somebody changed the item; the text says what to do
        note = str(error)
    events = sorted([*_of_row(row), *(_of_entry(entry) if entry else ()), *_of_words(heard)])
    facts = {name: value for name, value in row.items() if value is not None and name not in HIDDEN}
    return {
        "events": [{"at": local(moment, zone), "what": what} for moment, what in events],
        "facts": [{"name": name, "value": str(value)} for name, value in facts.items()],
        "note": note,
    }


def local(moment: datetime, zone: ZoneInfo) -> str:
    return clock_text(moment.astimezone(zone))


def _of_row(row: Row) -> list[tuple[datetime, str]]:
    audio = f"the audio was stored: {row['audio_format']}, {row['audio_bytes']:,} bytes"
    told = {
        "started_at": "the call began",
        "ended_at": "the call ended",
        "listed_at": "the provider listed the recording",
        "stored_at": audio if row.get("audio_note") is None else f"{audio}; {row['audio_note']}",
    }
    return [(parse_iso(row[name]), what) for name, what in told.items() if row.get(name)]


def _of_words(heard: Sequence[Transcript]) -> list[tuple[datetime, str]]:
    return [(one.transcribed_at, f"it was transcribed by {one.engine}") for one in heard]


def _of_entry(entry: Entry) -> list[tuple[datetime, str]]:
    events = [(entry.first_published_at, "Call Lake found it in the provider's list")]
    for note in entry.history:
        if at := note.get("at"):
            events.append((parse_iso(at), f"an attempt failed: {note.get('reason')}"))
    if entry.expired_at:
        events.append((parse_iso(entry.expired_at), "Call Lake noticed that its audio has expired"))
    return events
