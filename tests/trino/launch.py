"""Run a command that ends with the process that started this one: ``python launch.py COMMAND…``."""

import signal
import subprocess
import sys

from call_lake_local.processes import exit_with_parent

if __name__ == "__main__":
    # The command ends this one. A TERM to both must not leave the command alone, which may take its time.
    signal.signal(signal.SIGTERM, lambda *_: None)
    exit_with_parent()
    sys.exit(subprocess.call(sys.argv[1:]))
