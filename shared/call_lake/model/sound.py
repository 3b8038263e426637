"""Table ``sound``: what a recording's samples say without any recognition of speech."""

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
"""Column -> kind. Lengths are seconds, levels dB below full scale, shares 0 to 1 of ``audio_s``. ``ch0`` is the left
channel of a stereo call, ``ch1`` the right; null for a mono call. ``chN_talk_share``: of the talk of both.
``chN_interruptions``: how often this channel began while the other one talked, and went on. ``dead_channel``: the
channel on which nobody was heard while the other one talked. ``sound_note``: why the other columns are null."""
