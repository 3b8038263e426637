"""Shorten two waits of ministack, without changing what the functions see.

- A rate schedule fires as soon as it exists, as EventBridge Scheduler's do ("If you do not provide a StartDate for a
  rate-based schedule, your schedule starts invoking the target immediately", Schedule types in EventBridge Scheduler);
  ministack lets one interval pass first, and looks for due schedules every 10 s.
- A package is unpacked once, not for every instance of a function; its instances share the tree, which is read-only
  in Lambda too, and so also the compiled files that Python leaves there.
"""

import hashlib
import sys
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import scheduler

TICK_S = 1.0

_tick = scheduler._tick_schedules
_unpacking = threading.Lock()


def install() -> None:
    """Exits where what this replaces is not there."""
    if not hasattr(lambda_runtime, "zipfile"):
        sys.exit("this ministack does not unpack functions as the local stack expects")
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_S
    scheduler._tick_schedules = _tick_at_once
    shared = types.SimpleNamespace(**vars(zipfile))
    shared.ZipFile = SharedZip
    lambda_runtime.zipfile = shared


def _tick_at_once() -> None:
    for key, schedule in list(scheduler._schedules._data.items()):
        if schedule.get("ScheduleExpression", "").startswith("rate("):
            scheduler._schedule_last_fired.setdefault(key, 0.0)
    _tick()


class SharedZip(zipfile.ZipFile):
    """Unpacks into one tree per content, and makes the wanted folder a link to it."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        folder = Path(path)
        if members is not None or not self.filename or any(folder.iterdir()):
            super().extractall(path, members, pwd)
            return
        with Path(self.filename).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        tree = Path(tempfile.gettempdir()) / "unpacked" / digest
        with _unpacking:
            if not tree.exists():
                tree.parent.mkdir(exist_ok=True)
                fresh = Path(tempfile.mkdtemp(dir=tree.parent))
                super().extractall(fresh)
                fresh.replace(tree)
        folder.rmdir()
        folder.symlink_to(tree)
