"""A process that decodes one audio file, its standard input, and prints what its samples say as JSON.

The audio came from a provider, so it may be made to harm its reader. This process has limits for time, memory and
output, writes nowhere else, and dies alone. ``reader.py`` starts it: ``python -m call_lake.sound.decoder``.
"""

import json
import resource
import sys
from dataclasses import asdict
from typing import Any

import soundfile

from call_lake.model.sound import Sound, SoundNote
from call_lake.sound.analysis import Meter
from call_lake.sound.limits import CPU_S, LONGEST_S, MEMORY_BYTES, OUTPUT_BYTES, RATES, READY


def main() -> None:
    limit()
    print(READY, flush=True)
    found = sound_of(0)
    json.dump(asdict(found) if isinstance(found, Sound) else found, sys.stdout)


def limit() -> None:
    """Take from this process what it does not need."""
    for what, most in (
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def sound_of(file: Any) -> Sound | SoundNote:
    """``file``: a path, a descriptor or a file. Reads to the end, whatever length the header claims."""
    try:
        with soundfile.SoundFile(file) as audio:
            if audio.channels > 2:
                return SoundNote.CHANNELS
            if audio.samplerate not in RATES:
                return SoundNote.NOT_DECODED
            meter = Meter(audio.samplerate, audio.channels)
            while len(block := audio.read(meter.block_frames, dtype="float32", always_2d=True)):
                meter.add(block)
                if meter.seconds > LONGEST_S:
                    return SoundNote.TOO_LONG
            return meter.sound()
    except soundfile.LibsndfileError:
        return SoundNote.NOT_DECODED


if __name__ == "__main__":
    main()
