"""The peaks of a recording, made once by a process with limits (``decode.py``) and kept in memory."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from call_lake.ports import ObjectStore
from call_lake_cli.listening.ranges import Part, pieces

DECODER = Path(__file__).with_name("decode.py")
MAX_BYTES = 1024**3
"""A larger file gets no waveform: it is an hour of uncompressed stereo at 48 kHz and more."""
TIME_S = 60.0
KEPT = 200
type Peaks = dict[str, Any]
"""``peaks``: for each channel a list of 0 to 100; or ``why`` there are none."""


class Waveforms:
    """One at a time is made; the latest KEPT are kept, also those that could not be made."""

    def __init__(self, store: ObjectStore, *, time_s: float = TIME_S) -> None:
        self._store = store
        self._time_s = time_s
        self._kept: OrderedDict[str, Peaks] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: str, size: int) -> Peaks:
        """The peaks of an audio object. Raises KeyError where it is gone, and Transient."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._make(key, size)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _make(self, key: str, size: int) -> Peaks:
        if size > MAX_BYTES:
            return {"why": "no waveform: the file is too large"}
        with tempfile.TemporaryFile() as audio, tempfile.TemporaryFile() as out:  # neither has a name
            for piece in pieces(self._store, key, Part(0, size, size)):
                audio.write(piece)
            audio.flush()
            audio.seek(0)
            try:
                done = subprocess.run(
                    [sys.executable, "-I", DECODER],
                    stdin=audio,
                    stdout=out,
                    stderr=subprocess.DEVNULL,
                    env={"OPENBLAS_NUM_THREADS": "1", "PATH": os.defpath},  # a thread's memory counts, too
                    timeout=self._time_s,
                )
            except subprocess.TimeoutExpired:
                return {"why": "no waveform: reading the audio took too long"}
            out.seek(0)
            if done.returncode:
                return {"why": "no waveform: the audio's coding is not one that is read here, or it is damaged"}
            found: Peaks = json.load(out)
            return found
