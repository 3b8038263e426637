"""The environment of the peers: ``.tools/bench-poll``, made from ``requirements/bench-poll.txt``."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from call_lake_local.bootstrap import ROOT, Setup
from call_lake_local.machine import index_from_pip, step

LOCK = ROOT / "requirements/bench-poll.txt"
FOLDER = ROOT / ".tools/bench-poll"
PYTHON = FOLDER / "bin/python"


def make() -> None:
    """Install the peers as ``LOCK`` says; does nothing where that is done. Raises SetupError, CalledProcessError."""
    stamp, wanted = FOLDER / "setup.stamp", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    with step(f"{FOLDER.relative_to(ROOT)} from {LOCK.relative_to(ROOT)}"):
        setup = Setup(ROOT, os.environ)
        uv = setup.uv()
        environ = dict(os.environ) | index_from_pip(os.environ)
        shutil.rmtree(FOLDER, ignore_errors=True)
        subprocess.run([uv, "venv", "--quiet", "--python", setup.python(uv), FOLDER], check=True, env=environ)
        sync = [uv, "pip", "sync", "--quiet", "--python", str(PYTHON), "--require-hashes", str(LOCK)]
        subprocess.run(sync, check=True, env=environ)
        stamp.write_text(wanted)


def versions(*packages: str) -> dict[str, str]:
    """Of the peers as installed."""
    code = f"import importlib.metadata as m, json; print(json.dumps({{p: m.version(p) for p in {packages!r}}}))"
    done = subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def environment() -> dict[str, str]:
    """Of a contender's process: nothing that speaks to the world."""
    quiet = {"DLT_TELEMETRY": "0", "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    return {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "PYTHONPATH": str(ROOT), **quiet}
