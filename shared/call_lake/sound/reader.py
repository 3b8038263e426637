"""Have audio files measured by processes that may die (``decoder.py``)."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import BinaryIO

from call_lake.model.sound import Sound, SoundNote
from call_lake.sound.limits import DECODER, EXIT_CODE, READY, TIME_S

KILLED_FOR_TIME = (-signal.SIGXCPU, -signal.SIGKILL)
"""How a process ends that used up its CPU seconds: the second one cannot be ignored."""


class SoundReader:
    """Keeps a decoder that has loaded numpy. It forks a process for each file. ``time_s``: for one file."""

    def __init__(self, *, time_s: float = TIME_S, decoder: str = DECODER) -> None:
        self.time_s, self._decoder = time_s, decoder
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def measured(self, audio: BinaryIO) -> Sound | SoundNote:
        """What the samples of this file say, or why they say nothing. ``audio`` is read from its position 0. The
        process gets no credentials. Raises RuntimeError where it does not begin, which is no fault of the audio."""
        audio.seek(0)
        with tempfile.TemporaryFile() as out:
            try:
                code = self._exit_code(audio, out)
            except TimeoutError:
                self.close()
                return SoundNote.TOO_SLOW
            out.seek(0)
            ready, _, answer = out.read().partition(b"\n")
        if ready != READY.encode():
            raise RuntimeError(f"the process that measures sound did not begin: exit code {code}")
        if code != 0:
            return SoundNote.TOO_SLOW if code in KILLED_FOR_TIME else SoundNote.DIED
        found = json.loads(answer)
        return SoundNote(found) if isinstance(found, str) else Sound.from_json(found)

    def close(self) -> None:
        """End the decoder with what it has started. The next file gets another one."""
        if self._running:
            (process, asked), self._running = self._running, None
            asked.close()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _exit_code(self, audio: BinaryIO, out: BinaryIO) -> int | None:
        """Of the process that read the file; None where the decoder itself ended. Raises TimeoutError."""
        _, asked = self._running = self._running or self._started()
        try:
            asked.settimeout(self.time_s)
            socket.send_fds(asked, [b"?"], [audio.fileno(), out.fileno()])
            code = asked.recv(struct.calcsize(EXIT_CODE))
        except TimeoutError:
            raise
        except OSError:
            code = b""
        if not code:
            self.close()
            return None
        return int(struct.unpack(EXIT_CODE, code)[0])

    def _started(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        # A thread's memory counts, and there is one processor.
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1", "PATH": os.defpath}
        own, its = socket.socketpair()
        with its:
            process = subprocess.Popen(
                [sys.executable, "-m", self._decoder],
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        return process, own
