"""Have one audio file measured by a process that may die (``decoder.py``)."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import BinaryIO

from call_lake.model.sound import Sound, SoundNote
from call_lake.sound.limits import DECODER, READY, TIME_S

KILLED_FOR_TIME = (-signal.SIGXCPU, -signal.SIGKILL)
"""How a process ends that used up its CPU seconds: the second one cannot be ignored."""


def measured(audio: BinaryIO, *, time_s: float = TIME_S, decoder: str = DECODER) -> Sound | SoundNote:
    """What the samples of this file say, or why they say nothing. ``audio`` is read from its position 0. The process
    gets no credentials. Raises RuntimeError where it does not begin, which is no fault of the audio."""
    audio.seek(0)
    command = [sys.executable, "-m", decoder]
    # A thread's memory counts, and there is one processor.
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1", "PATH": os.defpath}
    with tempfile.TemporaryFile() as out:
        try:
            code = subprocess.run(
                command, stdin=audio, stdout=out, stderr=subprocess.DEVNULL, env=environment, timeout=time_s
            ).returncode
        except subprocess.TimeoutExpired:
            return SoundNote.TOO_SLOW
        out.seek(0)
        ready, _, answer = out.read().partition(b"\n")
    if ready != READY.encode():
        raise RuntimeError(f"the process that measures sound did not begin: exit code {code}")
    if code:
        return SoundNote.TOO_SLOW if code in KILLED_FOR_TIME else SoundNote.DIED
    found = json.loads(answer)
    return SoundNote(found) if isinstance(found, str) else Sound.from_json(found)
