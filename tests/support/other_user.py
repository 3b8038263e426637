"""Another user of this machine, whom only root can play."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65534


def python_of_all() -> str:
    """A Python that another user may run. Skips where there is none, or nobody else can be played."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(python).exists():
            try:
                if subprocess.run([python, "-Ic", ""], user=NOBODY, group=NOBODY, cwd="/").returncode == 0:
                    return python
            except OSError:
                continue
    pytest.skip("no Python here that another user may run")
