"""The rclone that is compared: the system's, or Debian's package unpacked in ``.tools/rclone``."""

import shutil
import subprocess

from bench.harness.runner import say
from call_lake_local.bootstrap import ROOT

FOLDER = ROOT / ".tools/rclone"
OWN = FOLDER / "usr/bin/rclone"


def make() -> None:
    """Unpack Debian's package, if there is no rclone: nothing is installed, no root is needed."""
    if path() or FOLDER.exists() or shutil.which("apt-get") is None:
        return
    FOLDER.mkdir(parents=True)
    subprocess.run(["apt-get", "download", "rclone"], cwd=FOLDER, capture_output=True, check=False)
    for file in FOLDER.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", file, FOLDER], check=True)
    if path() is None:
        say("rclone is neither installed nor to be had from apt; its row will be missing")


def path() -> str | None:
    return shutil.which("rclone") or (str(OWN) if OWN.exists() else None)


def version() -> str:
    found = path()
    if found is None:
        return "no rclone"
    return subprocess.run([found, "version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
