"""For set-up: look for programs on this machine, and print progress. Standard library only, Python 3.11."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

SPOKEN_FROM_S = 2.0  # a step that took longer says how long


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say one line on stderr: what is being done, then the seconds it took. On a terminal they count up meanwhile."""
    begun = time.monotonic()
    over = threading.Event()

    def tick() -> None:
        while not over.wait(1):
            print(f"\rsetup: {text} … {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)

    print(f"setup: {text} …", end="", file=sys.stderr, flush=True)
    ticker = threading.Thread(target=tick, daemon=True)
    if sys.stderr.isatty():
        ticker.start()
    try:
        yield
    finally:
        over.set()
        if ticker.ident is not None:
            ticker.join()
            print(f"\rsetup: {text} …", end="", file=sys.stderr)
        took_s = time.monotonic() - begun
        print(f" {took_s:.0f} s" if took_s > SPOKEN_FROM_S else "", file=sys.stderr, flush=True)


def on_path(name: str, environ: Mapping[str, str]) -> list[str]:
    """Every executable of that name on PATH: the first may be a shim that does not run."""
    folders = environ.get("PATH", "").split(os.pathsep)
    found = (shutil.which(name, path=folder) for folder in folders if folder)
    return list(dict.fromkeys(path for path in found if path))


def answer_of(command: Sequence[str], environ: Mapping[str, str]) -> str:
    """What a command prints, or an empty string if it cannot be run or fails."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def runs(interpreter: str, version: str, environ: Mapping[str, str]) -> bool:
    """Whether this is a CPython of that version (``3.13``) and starts."""
    question = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    return answer_of([interpreter, "-c", question], environ) == f"cpython {version}"


def index_from_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """The package mirror and certificate that pip is configured for, as uv's variables: uv reads none of pip's.

    A variable of uv's that is set already stays as it is.
    """
    listed = answer_of([sys.executable, "-m", "pip", "config", "list"], environ)
    settings = dict(re.findall(r"^(?::env:|global|install|user|site)\.([a-z-]+)='(.*)'$", listed, re.MULTILINE))
    found = {}
    if "index-url" in settings and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(environ):
        found["UV_DEFAULT_INDEX"] = settings["index-url"]
    if "cert" in settings and "SSL_CERT_FILE" not in environ:
        found["SSL_CERT_FILE"] = settings["cert"]
    return found


def cause_of(output: str) -> str:
    """The innermost cause in the output of uv or pip, as one short line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for pattern in (r"(?:Caused by|cause): (.+)", r"(?:ERROR|error): (.+)"):
        causes = [match[1] for line in lines if (match := re.match(pattern, line))]
        if causes:
            return causes[-1][:300]
    return lines[-1][:300] if lines else "it said nothing"
