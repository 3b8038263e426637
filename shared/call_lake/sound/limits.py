"""What one recording may cost, whatever its file claims. numpy is not needed to read these."""

from call_lake.model.sound import SoundNote

READ = frozenset({"aiff", "au", "avr", "caf", "flac", "ircam", "mp3", "ogg", "voc", "w64", "wav"})
"""Formats by their extension that libsndfile reads. It has no AAC, AMR, WebM, WMA, and no MP4."""
DECODER = "call_lake.sound.decoder"
READY = "ready"
"""The first line of an answer. Without it nothing is wrong with the audio, but with the process."""
EXIT_CODE = "i"
"""How the decoder sends one, for ``struct``."""
TIME_S = 60.0
"""An hour takes less than 15 s (docs/sound.md). A recording may be four times as long, or as slow."""
CPU_S = 60
MEMORY_BYTES = 1024**3
OUTPUT_BYTES = 1024**2
LONGEST_S = 12 * 3600
RATES = range(4000, 192_001)
LARGEST_BYTES = 1_000_000_000
"""An hour of uncompressed stereo at 48 kHz has 691 MB. The function's disk is a little larger (template.yaml)."""


def why_unread(format: str, size_bytes: int) -> SoundNote | None:
    """Why a file is not even downloaded; None for one that is."""
    if format not in READ:
        return SoundNote.FORMAT
    return SoundNote.TOO_LARGE if size_bytes > LARGEST_BYTES else None
