"""A process that measures audio files: for each one it forks, and the child reads that file alone.

The audio came from a provider, so it may be made to harm its reader. The child has limits for time, memory and output,
writes nowhere else, and dies alone. The parent has loaded numpy once and reads no file. ``reader.py`` starts it:
``python -m call_lake.sound.decoder``.
"""

import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import soundfile

from call_lake.model.sound import Sound, SoundNote
from call_lake.sound.analysis import Meter
from call_lake.sound.limits import CPU_S, EXIT_CODE, LONGEST_S, MEMORY_BYTES, OUTPUT_BYTES, RATES, READY

type Measure = Callable[[int], Sound | SoundNote]
"""Takes the descriptor of a file."""


def serve(measure: Measure) -> None:
    """Until the function is gone: take two files from standard input, a socket; have the first one measured, the answer
    written into the second one; and send the exit code of the child that did it."""
    asked = socket.socket(fileno=0)
    while True:
        said, files, *_ = socket.recv_fds(asked, 1, 2)
        if not said:
            return
        child = os.fork()
        if not child:
            _answer(measure, *files)
        for file in files:
            os.close(file)
        _, status = os.waitpid(child, 0)
        asked.send(struct.pack(EXIT_CODE, os.waitstatus_to_exitcode(status)))


def _answer(measure: Measure, audio: int, out: int) -> None:
    """What the child does, and nothing after it."""
    code = 1
    try:
        os.dup2(audio, 0)  # in the place of the socket: a child can neither take the next file nor answer for it
        os.dup2(out, 1)
        limit()
        print(READY, flush=True)
        found = measure(0)
        json.dump(asdict(found) if isinstance(found, Sound) else found, sys.stdout)
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)


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
    serve(sound_of)
