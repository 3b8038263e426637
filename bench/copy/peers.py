"""Where the peers come from: a virtual environment of the bench's own, and Debian's rclone."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from call_lake_local.bootstrap import ROOT, Setup
from call_lake_local.machine import index_from_pip

LOCK = ROOT / "requirements/bench-copy.txt"
FOLDER = ROOT / ".tools/bench-copy"


def make() -> None:
    """Install the Python peers as ``LOCK`` says, and rclone if the system has none and can fetch one. Raises
    SetupError, CalledProcessError."""
    stamp, wanted = FOLDER / "setup.stamp", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    setup = Setup(ROOT, os.environ)
    uv = setup.uv()
    environ = dict(os.environ) | index_from_pip(dict(os.environ))
    shutil.rmtree(FOLDER, ignore_errors=True)
    subprocess.run([uv, "venv", "--quiet", "--python", setup.python(uv), FOLDER], check=True, env=environ)
    sync = [uv, "pip", "sync", "--quiet", "--python", str(python()), "--require-hashes", str(LOCK)]
    subprocess.run(sync, check=True, env=environ)
    if shutil.which("rclone") is None and shutil.which("apt-get"):
        _fetch_rclone()
    stamp.write_text(wanted, encoding="ascii")


def _fetch_rclone() -> None:
    """Unpack Debian's package beside the environment: nothing is installed, no root is needed."""
    package = FOLDER / "rclone"
    package.mkdir()
    fetched = subprocess.run(["apt-get", "download", "rclone"], cwd=package, capture_output=True, check=False)
    for file in package.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", file, package], check=True)
    if fetched.returncode != 0:
        print("bench: rclone is neither installed nor to be had from apt; its row will be missing")


def rclone() -> str | None:
    """The path of an rclone, or None."""
    own = FOLDER / "rclone/usr/bin/rclone"
    return shutil.which("rclone") or (str(own) if own.exists() else None)


def rclone_version() -> str:
    path = rclone()
    if path is None:
        return "no rclone"
    said = subprocess.run([path, "version"], check=True, capture_output=True, text=True).stdout
    return said.splitlines()[0]


def version_of(package: str) -> str:
    """The installed version of a Python peer."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python(), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def python() -> Path:
    return FOLDER / "bin/python"
