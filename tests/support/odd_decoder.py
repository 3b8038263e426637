"""In the place of the process that measures sound: does what its file says."""

import os
import signal
import time

from call_lake.model.sound import SoundNote
from call_lake.sound.decoder import serve

KILLS = {"dies": signal.SIGSEGV, "takes all of its time": signal.SIGXCPU}
seen: list[str] = []


def do_as_told(audio: int) -> SoundNote:
    wish = os.read(audio, 100).decode()
    seen.append(wish)
    if wish in KILLS:
        os.kill(os.getpid(), KILLS[wish])
    if wish == "kills its parent":
        os.kill(os.getppid(), signal.SIGKILL)
        os._exit(0)
    if wish == "hangs":
        time.sleep(600)
    if wish == "runs out of memory":
        raise MemoryError
    return SoundNote.NOT_DECODED if len(seen) > 1 else SoundNote.NO_SAMPLES


if __name__ == "__main__":
    serve(do_as_told)
