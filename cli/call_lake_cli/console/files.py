"""Files that a command writes: whole or not at all, and not over another one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from call_lake_cli.console.errors import UserError

NEVER_COMMITTED = "*\n"


@contextmanager
def whole_file(file: Path, *, force: bool = False, instead: str = "choose another name") -> Iterator[BinaryIO]:
    """Write ``file`` under another name, and give it its name when the block ends without an error. Only this user may
    read it, as it holds somebody's voice or number.

    Raises UserError for a file that exists, unless ``force``, and for one that cannot be written. ``instead``: what to
    do about a file that exists.
    """
    if not force:
        refuse_existing(file, instead)
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:100]}.")
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
            if not force:
                os.close(os.open(file, os.O_CREAT | os.O_EXCL))  # not over a file that somebody made meanwhile
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}; choose another place") from None


def refuse_existing(file: Path, instead: str) -> None:
    """Raises UserError."""
    if os.path.lexists(file):
        raise UserError(f"{file} exists already, and is not written over: {instead}")


def make_folder(folder: Path) -> None:
    """Make a folder that only this user can open, if it is missing. Raises UserError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}; choose another place") from None


def make_ignored_folder(folder: Path) -> None:
    """The same, for what git must never take. Raises UserError."""
    make_folder(folder)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(NEVER_COMMITTED)
