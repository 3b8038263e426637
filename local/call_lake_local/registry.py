"""Remember in which folders local stacks run, so that a command typed elsewhere can name them.

One file for each folder, in the user's state folder, which is private to the user. It is only a hint: whether a stack
runs, its own folder says. What cannot be written or read is left out.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from call_lake_local import private_folder, processes
from call_lake_local.emulator import NAME as EMULATOR
from call_lake_local.errors import LocalError


def note(state_dir: Path) -> None:
    """Remember that a stack runs with its state in ``state_dir``."""
    with suppress(OSError, LocalError):
        private_folder.make(_folder())
        private_folder.write(_entry(state_dir), str(state_dir.resolve()))


def forget(state_dir: Path) -> None:
    with suppress(OSError, LocalError):
        _entry(state_dir).unlink(missing_ok=True)


def running() -> list[Path]:
    """The state folders of the stacks that run now. Entries of others are removed."""
    found = []
    with suppress(OSError, LocalError):
        for entry in sorted(_folder().glob("*.txt")):
            state_dir = Path(private_folder.read(entry))
            if _runs(state_dir):
                found.append(state_dir)
            else:
                entry.unlink(missing_ok=True)
    return sorted(found)


def _runs(state_dir: Path) -> bool:
    with suppress(OSError, LocalError):
        return processes.find(EMULATOR, state_dir) is not None
    return False


def _folder() -> Path:
    return private_folder.of_user("state") / "local-stacks"


def _entry(state_dir: Path) -> Path:
    return _folder() / f"{hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:16]}.txt"
