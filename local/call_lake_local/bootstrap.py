"""Make what ``make`` needs from a bare machine: git, make and a Python of 3.11 or later. Standard library only.

``python3 -m call_lake_local.bootstrap [--only venv|sam|ministack|peers|checks|engine ...]`` makes the environments
below, each from its hashed lock file. It does nothing for an environment whose lock file has not changed. It needs
``local`` on PYTHONPATH. It writes only inside the repository, and into the package caches. ``--lock`` recomputes the
lock files.
"""

from __future__ import annotations  # an older Python gets as far as main(), which says so

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from call_lake_local.machine import answer_of, cause_of, index_from_pip, on_path, runs, step

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "3.13"  # the version that the template's Runtime names
UV_OLDEST = (0, 7)  # `uv pip compile --group`
COMPILE = (
    *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", PYTHON),
    *("--generate-hashes", "--no-emit-index-url", "--custom-compile-command", "make lock"),
)
CHECK_INDEX = "Check that the package index is reachable (UV_DEFAULT_INDEX, pip's index-url)"


class SetupError(Exception):
    """One line that says what went wrong and what to do."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment and the lock file it is made from, both relative to the repository."""

    name: str
    folder: str
    lock: str
    has_project: bool = False  # the project itself, editable


ENVIRONMENTS = (
    Environment("venv", ".venv", "requirements/dev.txt", has_project=True),
    Environment("sam", ".tools/sam", "requirements/sam.txt"),
    Environment("ministack", ".tools/ministack", "requirements/ministack.txt"),
    Environment("peers", ".tools/peers", "requirements/peers.txt"),
    Environment("checks", ".tools/checks", "requirements/checks.txt"),
    Environment("engine", ".tools/engine", "requirements/engine.txt"),
)
# Made by the bench that compares Call Lake with them (bench/harness/peers.py), or by name.
BENCHES = tuple(
    Environment(f"bench-{name}", f".tools/bench-{name}", f"requirements/bench-{name}.txt")
    for name in ("poll", "copy", "compact")
)

# Output, arguments of `uv pip compile`. Order matters: the development lock takes the versions that ship.
LOCKS = (
    ("shared/requirements.txt", ("requirements/layer.in",)),
    ("functions/compactor/requirements.txt", ("requirements/compactor.in",)),
    ("functions/transcript_reader/requirements.txt", ("requirements/transcript-reader.in",)),
    ("functions/sound_analyzer/requirements.txt", ("requirements/sound.in", "-c", "shared/requirements.txt")),
    (
        "requirements/dev.txt",
        (
            *("pyproject.toml", "--extra", "local", "--group", "dev"),
            *("-c", "shared/requirements.txt", "-c", "functions/compactor/requirements.txt"),
            *("-c", "functions/transcript_reader/requirements.txt"),
            *("-c", "functions/sound_analyzer/requirements.txt"),
        ),
    ),
    ("requirements/uv.txt", ("requirements/uv.in",)),
    ("requirements/sam.txt", ("requirements/sam.in",)),
    ("requirements/ministack.txt", ("requirements/ministack.in",)),
    ("docs/examples/engine/requirements.txt", ("docs/examples/engine/requirements.in",)),
    ("requirements/engine.txt", ("requirements/engine.in", "-c", "docs/examples/engine/requirements.txt")),
    ("requirements/peers.txt", ("requirements/peers.in",)),
    ("requirements/checks.txt", ("requirements/checks.in",)),
)


class Setup:
    """Makes the environments of one repository (``root``)."""

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self.root = root
        self.tools = root / ".tools"
        self.environ = dict(environ)

    def make(self, names: Sequence[str]) -> None:
        """Make the named environments that are not as their lock file says. Raises SetupError."""
        wanted = [environment for environment in (*ENVIRONMENTS, *BENCHES) if environment.name in names]
        if all(self.is_fresh(environment) for environment in wanted):
            return
        with self._alone():
            stale = [environment for environment in wanted if not self.is_fresh(environment)]
            if not stale:
                return  # the other run made them
            uv = self.uv()
            self.environ |= index_from_pip(self.environ)
            python = self.python(uv)
            for environment in stale:
                self._install(environment, uv, python)

    def lock(self) -> None:
        """Recompute every lock file; versions move to the newest that the ``.in`` files allow. Raises SetupError."""
        with self._alone():
            uv = self.uv()
            self.environ |= index_from_pip(self.environ)
            for output, arguments in LOCKS:
                with step(f"locking {output}"):
                    self._run([uv, *COMPILE, *arguments, "-o", output], f"lock {output}")

    def is_fresh(self, environment: Environment) -> bool:
        folder = self.root / environment.folder
        try:
            stamp = (folder / "setup.stamp").read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        return stamp == self._stamp(environment) and (folder / "bin/python").exists()

    def _stamp(self, environment: Environment) -> str:
        """A hash of what an environment depends on: its lock file, the repository's path, and this module."""
        sources = [self.root / environment.lock, Path(__file__)]
        if environment.has_project:
            sources.append(self.root / "pyproject.toml")
        digest = hashlib.sha256(str(self.root).encode())
        for source in sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def _install(self, environment: Environment, uv: str, python: str) -> None:
        folder = self.root / environment.folder
        what = f"install {environment.folder} from {environment.lock}"
        with step(f"{environment.folder} from {environment.lock}"):
            # From scratch: linking from uv's cache takes a second, and a moved or half-made one is repaired.
            shutil.rmtree(folder, ignore_errors=True)
            self._run([uv, "venv", "--quiet", "--python", python, str(folder)], f"make {environment.folder}")
            target = ["--quiet", "--python", str(folder / "bin" / "python")]
            self._run([uv, "pip", "sync", *target, "--require-hashes", environment.lock], what)
            if environment.has_project:
                editable = ["--no-deps", "--no-build-isolation", "--editable", "."]
                self._run([uv, "pip", "install", *target, *editable], what)
            (folder / "setup.stamp").write_text(self._stamp(environment), encoding="utf-8")

    def uv(self) -> str:
        """The path of a uv that runs: the one on PATH, or one of our own in ``.tools/uv``. Raises SetupError."""
        own = self.tools / "uv" / "bin" / "uv"
        for candidate in [*on_path("uv", self.environ), str(own)]:
            answer = answer_of([candidate, "--version"], self.environ)
            version = re.match(r"uv (\d+)\.(\d+)", answer)
            if version and (int(version[1]), int(version[2])) >= UV_OLDEST:
                return candidate
        with step(".tools/uv from requirements/uv.txt"):
            shutil.rmtree(own.parent.parent, ignore_errors=True)
            install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements/uv.txt"]
            if answer_of([sys.executable, "-c", "import ensurepip; print('there')"], self.environ):
                self._run([sys.executable, "-m", "venv", str(own.parent.parent)], "make .tools/uv")
                self._run([str(own.parent / "python"), *install], "install uv")
            elif answer_of([sys.executable, "-m", "pip", "--version"], self.environ):
                self._run([sys.executable, *install, "--target", str(own.parent.parent)], "install uv")
            else:
                raise SetupError(
                    f"{sys.executable} has neither venv nor pip: install them (Debian: apt install python3-venv) "
                    "or install uv, then try again"
                )
        return str(own)

    def python(self, uv: str) -> str:
        """The path of an interpreter of the wanted version. Without one, uv fetches it into ``.tools/python``, and this
        returns the version.

        Links are followed, so that no environment depends on one that set-up is about to remove. Raises SetupError.
        """
        name = f"python{PYTHON}"
        pyenv = Path(self.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        kept = sorted(pyenv.glob(f"versions/{PYTHON}*/bin/{name}"), key=_version_of, reverse=True)
        known = answer_of([uv, "python", "find", "--no-python-downloads", PYTHON], self.environ)
        for candidate in [sys.executable, *on_path(name, self.environ), *map(str, kept), known]:
            interpreter = str(Path(candidate).resolve())
            if runs(interpreter, PYTHON, self.environ):
                return interpreter
        self.environ |= {"UV_PYTHON_INSTALL_DIR": str(self.tools / "python"), "UV_PYTHON_INSTALL_BIN": "0"}
        with step(f"Python {PYTHON} into .tools/python"):
            self._run(
                [uv, "python", "install", PYTHON],
                f"find or fetch Python {PYTHON}",
                advice=f"Install Python {PYTHON} so that {name} is on PATH (or with pyenv)",
            )
        return PYTHON

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the repository's set-up lock. The system releases it, however this process ends."""
        self.tools.mkdir(exist_ok=True)
        with (self.tools / "setup.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with step("waiting for another set-up of this repository"):
                    fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _run(self, command: Sequence[str], what: str, advice: str = CHECK_INDEX) -> None:
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        log = self.tools / "setup.log"
        log.write_text(f"{' '.join(command)}\n{done.stdout}", encoding="utf-8")
        cause = cause_of(done.stdout)
        raise SetupError(f"could not {what}: {cause}. {advice}, then try again (.tools/setup.log has all it said)")


def _version_of(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.parent.parent.name))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m call_lake_local.bootstrap", description="Make what `make` needs.")
    names = [environment.name for environment in ENVIRONMENTS]
    parser.add_argument("--only", action="append", choices=names, help="make only this environment (repeatable)")
    parser.add_argument("--lock", action="store_true", help="recompute the lock files instead")
    options = parser.parse_args(arguments)
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an older Python reaches
        found = ".".join(map(str, sys.version_info[:2]))
        print(f"setup: python3 is {found}; 3.11 or later is needed: make PYTHON3=/path/to/python3", file=sys.stderr)
        return 1
    setup = Setup(ROOT, os.environ)
    try:
        if options.lock:
            setup.lock()
        else:
            setup.make(options.only or names)
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: stopped; the next run carries on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
