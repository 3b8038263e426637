"""In the place of the process that measures sound: does what its standard input says."""

import os
import signal
import sys
import time

wish = sys.stdin.read()
if wish != "does not begin":
    print("ready", flush=True)
if wish == "dies":
    os.kill(os.getpid(), signal.SIGSEGV)
if wish == "takes all of its time":
    os.kill(os.getpid(), signal.SIGXCPU)
if wish == "hangs":
    time.sleep(600)
if wish == "runs out of memory":
    raise MemoryError
