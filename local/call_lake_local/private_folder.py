"""Keep the local stack's folder to the user who started it, and believe only files that this user wrote.

The folder has the stack's keys, its data, and pid files that say which processes ``call-lake local down`` ends.
Standard library only: the emulator's launcher imports this in ministack's own environment.
"""

import os
import stat
from pathlib import Path
from typing import Literal

from call_lake_local.errors import LocalError

_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def of_user(kind: Literal["cache", "state"]) -> Path:
    """Call Lake's folder among the user's own: what can be made again (``cache``), or what lasts between commands.

    https://specifications.freedesktop.org/basedir-spec/latest/ names both places.
    """
    chosen = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
    usual = Path.home() / {"cache": ".cache", "state": ".local/state"}[kind]
    return (Path(chosen) if Path(chosen).is_absolute() else usual) / "call-lake"


def make(folder: Path) -> None:
    """Make ``folder`` where it is missing, and close it to every other user (0700). Raises LocalError where it is
    another user's, or no folder."""
    if not os.path.lexists(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(folder, folder.lstat(), stat.S_IFDIR)
    folder.chmod(0o700)


def check(folder: Path) -> None:
    """Raises LocalError where another user owns ``folder`` or could write in it. A missing one is nobody's."""
    if os.path.lexists(folder):
        _check_writers(folder, folder.lstat(), stat.S_IFDIR)


def read(file: Path) -> str:
    """The text of a file that this user wrote into a folder of this user's. Raises LocalError where another user could
    have written it."""
    check(file.parent)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise LocalError(f"{file} cannot be read ({error.strerror}): remove it and type call-lake local up") from None
    with os.fdopen(descriptor, encoding="utf-8") as opened:
        _check_writers(file, os.fstat(descriptor), stat.S_IFREG)
        return opened.read()


def write(file: Path, text: str) -> None:
    """Write a file that only this user can read, whole or not at all."""
    partial = file.with_suffix(".tmp")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    partial.replace(file)


def _check_writers(path: Path, facts: os.stat_result, kind: int) -> None:
    _check_owner(path, facts, kind)
    if facts.st_mode & _BY_OTHERS:
        raise LocalError(f"{path} can be changed by other users, so it is not used: chmod go-w {path}, then try again")


def _check_owner(path: Path, facts: os.stat_result, kind: int) -> None:
    if stat.S_IFMT(facts.st_mode) != kind:  # a link too, wherever it leads
        what = "folder" if kind == stat.S_IFDIR else "file"
        raise LocalError(f"{path} is no {what} but a link or something else, so it is not used: remove it")
    if facts.st_uid != os.geteuid():
        raise LocalError(
            f"{path} belongs to another user (uid {facts.st_uid}), so it is not used: "
            "remove it, or work in a folder of yours"
        )
