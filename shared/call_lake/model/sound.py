"""Table ``sound``: its columns, and the row of what a recording's samples say without any recognition of speech.

docs/sound.md says how each column is measured.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from call_lake.model.layout import Partition
from call_lake.model.table import Row
from call_lake.model.times import iso

SOUND_SCHEMA_VERSION = 1
SOUND_COLUMNS: dict[str, str] = {
    "recording_id": "string",
    "audio_sha256": "string",
    "audio_s": "double",
    "channels": "int",
    "level_dbfs": "double",
    "peak_dbfs": "double",
    "clipped_share": "double",
    "silence_share": "double",
    "longest_silence_s": "double",
    "longest_silence_at_s": "double",
    "ch0_level_dbfs": "double",
    "ch1_level_dbfs": "double",
    "ch0_talk_s": "double",
    "ch1_talk_s": "double",
    "ch0_talk_share": "double",
    "ch1_talk_share": "double",
    "ch0_turns": "int",
    "ch1_turns": "int",
    "ch0_interruptions": "int",
    "ch1_interruptions": "int",
    "overlap_s": "double",
    "dead_channel": "int",
    "sound_note": "string",
    "analyzed_at": "timestamp",
    "schema_version": "int",
}
"""Column -> kind. Lengths are seconds, levels dB below full scale, shares 0 to 1. ``ch0`` is the left channel of a
stereo call, ``ch1`` the right; null for a mono call."""


class SoundNote(StrEnum):
    """Why columns of a row are null: the value of ``sound_note``. None of these is tried again."""

    FORMAT = "format_not_read"  # AAC, AMR, WebM, WMA and others
    NOT_DECODED = "not_decoded"  # it has the name of a format that is read, and is damaged or of a rare coding
    NO_SAMPLES = "no_samples"
    CHANNELS = "more_than_two_channels"
    SAME_CHANNELS = "same_channels"  # a mono call in a stereo file: only the columns of channels are null
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_SLOW = "took_too_long"
    DIED = "decoder_died"  # the process that read it ended by a signal, or had too little memory


@dataclass(frozen=True, slots=True)
class ChannelSound:
    """One side of a stereo call. ``level_dbfs``: None where nobody talks. ``talk_share``: of the talk of both sides,
    None where nobody talks."""

    level_dbfs: float | None
    talk_s: float
    talk_share: float | None
    turns: int
    interruptions: int


@dataclass(frozen=True, slots=True)
class Sound:
    """What the samples of one recording say. Without ``sides``: the call is mono, or both channels are the same."""

    audio_s: float
    channels: int
    level_dbfs: float | None
    peak_dbfs: float | None
    clipped_share: float
    silence_share: float
    longest_silence_s: float
    longest_silence_at_s: float
    sides: tuple[ChannelSound, ChannelSound] | None = None
    overlap_s: float | None = None
    dead_channel: int | None = None
    note: SoundNote | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The reverse of ``dataclasses.asdict``. Raises TypeError and ValueError for what is none."""
        sides = values["sides"]
        note = values["note"]
        return cls(
            **{name: value for name, value in values.items() if name not in ("sides", "note")},
            sides=(ChannelSound(**sides[0]), ChannelSound(**sides[1])) if sides else None,
            note=SoundNote(note) if note else None,
        )


def sound_row(
    recording_id: str, partition: Partition, audio_sha256: str, found: Sound | SoundNote, analyzed_at: datetime
) -> Row:
    """The row as JSON values. ``partition``: that of the recording. A note alone makes a row without facts."""
    row: Row = dict.fromkeys(SOUND_COLUMNS)
    if isinstance(found, Sound):
        whole = asdict(found)
        row |= {name: value for name, value in whole.items() if name in row}
        for number, side in enumerate(whole["sides"] or ()):
            row |= {f"ch{number}_{name}": value for name, value in side.items()}
    return row | {
        "recording_id": recording_id,
        "audio_sha256": audio_sha256,
        "sound_note": found.note if isinstance(found, Sound) else found,
        "analyzed_at": iso(analyzed_at),
        "schema_version": SOUND_SCHEMA_VERSION,
        "source": partition.source,
        "call_date": partition.call_date.isoformat(),
    }
