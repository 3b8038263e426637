"""A process that decodes one audio file, its standard input, and prints its peaks as JSON.

The audio came from a provider, so it may be made to harm its reader. This process has limits for time, memory and
output, writes nowhere else, and dies alone. It imports nothing of Call Lake.
"""

import json
import resource
from typing import Any

import numpy as np
import soundfile

CPU_S = 30
MEMORY_BYTES = 1024**3
OUTPUT_BYTES = 1024**2
CHANNELS_MAX = 8
BLOCKS_PER_S = 50
BLOCK_FRAMES = (80, 4000)  # least and most, whatever sample rate the file claims
BLOCKS_MAX = BLOCKS_PER_S * 3600 * 12
BLOCKS_AT_ONCE = 64
PEAKS = 1000


def main() -> None:
    limit()
    with open(1, "w", encoding="ascii") as out:
        json.dump({"peaks": peaks_of(0)}, out)


def limit() -> None:
    """Take from this process what it does not need."""
    for what, most in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def peaks_of(file: Any) -> list[list[int]]:
    """Loudness 0 to 100 at up to PEAKS moments, for each channel. Raises soundfile's errors, and ValueError."""
    with soundfile.SoundFile(file) as audio:
        if audio.channels > CHANNELS_MAX:
            raise ValueError(f"{audio.channels} channels")
        frames = min(max(audio.samplerate // BLOCKS_PER_S, BLOCK_FRAMES[0]), BLOCK_FRAMES[1])
        blocks = [np.zeros((0, audio.channels), np.float32)]
        count = 0
        while count < BLOCKS_MAX:
            some = audio.read(frames * BLOCKS_AT_ONCE, dtype="float32", always_2d=True)
            if not len(some):
                break
            blocks.append(_loudest(np.abs(some), frames))
            count += len(blocks[-1])
        loudness = np.nan_to_num(_loudest(np.concatenate(blocks), -(-count // PEAKS) or 1))
        scaled = np.clip(np.rint(loudness * 100), 0, 100).astype(int)
        peaks: list[list[int]] = scaled.T.tolist()
        return peaks


def _loudest(values: Any, size: int) -> Any:
    """The largest of each ``size`` rows; the last ones may be fewer."""
    missing = -len(values) % size
    padded = np.pad(values, ((0, missing), (0, 0)))
    return padded.reshape(-1, size, values.shape[1]).max(axis=1)


if __name__ == "__main__":
    main()
