"""Call Lake as somebody installs it: a wheel of this repository, in a fresh environment outside of it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from call_lake_local.bootstrap import Setup
from call_lake_local.machine import index_from_pip
from tests.support.template import ROOT

type Typed = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Installed:
    """``folder`` holds the environment, the user's cache and state, and the folders in which commands are typed."""

    folder: Path

    @property
    def packages(self) -> Path:
        return next(self.folder.glob("venv/lib/python3*/site-packages"))

    @property
    def python(self) -> Path:
        return self.folder / "venv/bin/python"

    def type(self, line: str, *arguments: str, of: str = "call-lake", below: str = "") -> Typed:
        """Type the command in ``folder``, or in a folder ``below`` it. ``of``: another command of the environment."""
        command: list[str | Path] = [self.folder / "venv/bin" / of, *line.split(), *arguments]
        (place := self.folder / below).mkdir(exist_ok=True)
        return subprocess.run(
            command, cwd=place, env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def _environment(self) -> dict[str, str]:
        """The user's, without what points into the checkout; what pip and uv have downloaded before is kept."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "VIRTUAL"))}
        old = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        caches = {"UV_CACHE_DIR": str(old / "uv"), "PIP_CACHE_DIR": str(old / "pip")} | kept
        own = {"XDG_CACHE_HOME": str(self.folder / "cache"), "XDG_STATE_HOME": str(self.folder / "state")}
        return caches | own | {"COLUMNS": "200", "NO_COLOR": "1"}


def install(folder: Path) -> Installed:
    """Build the wheel and install it with its extra ``local``, in the versions that are locked."""
    uv = Setup(ROOT, os.environ).uv()
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)])
    wheel = next(folder.glob("call_lake-*.whl"))
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")])
    into = ["--python", str(folder / "venv/bin/python"), "--constraints", "requirements/dev.txt"]
    _run([uv, "pip", "install", "--quiet", *into, f"{wheel}[local]"])
    return Installed(folder)


def _run(command: Sequence[str]) -> None:
    environment = os.environ | index_from_pip(os.environ)
    done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
