"""Table ``calls``: its columns, and the row of a recording."""

from datetime import timedelta
from typing import Any

from call_lake.model.recording import Recording, StoredAudio
from call_lake.model.times import iso

SCHEMA_VERSION = 3
# Column -> kind, in the order of the table. lake/arrow_rows.py and template.yaml are tested against it.
COLUMNS: dict[str, str] = {
    "recording_id": "string",
    "provider": "string",
    "provider_key": "string",
    "connection_id": "string",
    "started_at": "timestamp",
    "ended_at": "timestamp",
    "listed_at": "timestamp",
    "direction": "string",
    "caller": "string",
    "callee": "string",
    "agent": "string",
    "disposition": "string",
    "duration_s": "double",
    "talk_s": "double",
    "audio_uri": "string",
    "audio_format": "string",
    "audio_bytes": "bigint",
    "audio_sha256": "string",
    "audio_channels": "int",
    "audio_sample_rate": "int",
    "audio_s": "double",
    "stored_at": "timestamp",
    "raw": "string",
    "schema_version": "int",
    "audio_note": "string",
    "ended_at_source": "string",
    "queue": "string",
    "queue_name": "string",
    "team": "string",
    "team_name": "string",
}
PARTITION_COLUMNS = ("source", "call_date")
ABOUT_PEOPLE = ("provider_key", "connection_id", "caller", "callee", "agent", "raw", "queue", "team")
"""Columns that hold numbers, names or file names. No name of an object may be made of them: a person who
reads only names could guess a number and hash it (ADR 0026). ``queue`` and ``team`` are the provider's own words: the
folder of a file may be a number. ``queue_name`` and ``team_name`` are the operator's (ADR 0038)."""
LENGTHS = ("duration_s", "audio_s", "talk_s")
"""How long a call took: the first of these columns that has a value. Vendors fill different ones."""
PROVIDER, COMPUTED = "provider", "computed"
"""Values of ``ended_at_source``: the provider listed the end, or it is start plus duration."""
type Row = dict[str, Any]
"""One line of table ``calls`` as JSON values: the columns above plus ``source`` and ``call_date``; times as ``iso``."""


def row_of(recording: Recording, audio: StoredAudio, *, expired: bool = False) -> Row:
    """The row of a stored recording. ``expired``: the bucket's own rule deleted the audio. The row still says what the
    audio was, but has no ``audio_uri``."""
    listed = recording.to_json()
    facts = audio.facts
    row = {name: listed.get(name) for name in COLUMNS}
    row["ended_at"], row["ended_at_source"] = _end_of(recording)
    row |= {
        "audio_uri": None if expired else audio.uri,
        "audio_format": facts.format,
        "audio_bytes": facts.bytes,
        "audio_sha256": facts.sha256,
        "audio_channels": facts.channels,
        "audio_sample_rate": facts.sample_rate,
        "audio_s": facts.seconds,
        "stored_at": iso(audio.stored_at),
        "schema_version": SCHEMA_VERSION,
        "audio_note": facts.note,
    }
    return row | {"source": recording.source, "call_date": recording.call_date.isoformat()}


def length_of(row: Row) -> float | None:
    """How many seconds the call took, as far as its row tells."""
    return next((float(row[name]) for name in LENGTHS if row.get(name) is not None), None)


def talk_of(row: Row) -> float:
    """How many seconds people talked: ``talk_s``; where the vendor does not tell it, the length of the call."""
    talk_s = row.get("talk_s")
    return float(talk_s) if talk_s is not None else length_of(row) or 0.0


def _end_of(recording: Recording) -> tuple[str | None, str | None]:
    """``ended_at`` and ``ended_at_source``. A computed end is as exact as the start, which may be a whole minute."""
    if recording.ended_at is not None:
        return iso(recording.ended_at), PROVIDER
    if recording.duration_s is None:
        return None, None
    try:
        return iso(recording.started_at + timedelta(seconds=recording.duration_s)), COMPUTED
    except OverflowError:  # a duration of millennia
        return None, None
