"""Find the folder that is built and deployed: ``template.yaml``, ``functions/``, ``shared/``, ``local/`` and the lock
files of ``requirements/``.

In a checkout that is the checkout. An installed command carries these files and lays them out once, in the user's
cache: sam and the emulator want real folders, and keep what they build beside them
(docs/adr/0040-the-installed-command.md). Only ``call-lake deploy`` and ``call-lake local up`` need them.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, requires, version
from pathlib import Path

import call_lake
from call_lake_local import private_folder
from call_lake_local.errors import LocalError

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = Path(__file__).with_name("shipped")
"""What a wheel holds beside the packages, laid out as in the repository (pyproject.toml, force-include)."""
FOR_SIMULATORS = re.compile(r"([\w.-]+).*; extra == ['\"]local['\"]")
"""A requirement of ``call-lake[local]``, as the command's own metadata list it."""


@cache
def project() -> Path:
    """The checkout, or the folder that an installed command has laid out. Raises LocalError."""
    return CHECKOUT if is_checkout() else lay_out(private_folder.of_user("cache"))


def is_checkout() -> bool:
    """Whether this code runs from a copy of the repository, with a template that the user can change."""
    return (CHECKOUT / "template.yaml").is_file()


def lay_out(cache_folder: Path) -> Path:
    """Copy what was installed into a folder of ``cache_folder`` that has its version and its hash in the name. Does
    nothing if it is there. Raises LocalError."""
    if not (SHIPPED / "template.yaml").is_file():
        raise LocalError(
            f"this installation lacks template.yaml and the functions, which belong into {SHIPPED}: install Call Lake "
            "again from a copy of its repository (uv tool install PATH), or type this there"
        )
    files = dict(_files())
    folder = cache_folder / f"{version('call-lake')}-{_hash(files)}"
    try:
        private_folder.make(cache_folder)
        private_folder.check(folder)
        if not folder.is_dir():
            _copy(files, cache_folder, folder)
    except OSError as error:
        raise LocalError(
            f"{folder} cannot be made ({error.strerror}): set XDG_CACHE_HOME to a folder of yours"
        ) from None
    return folder


def check_simulators() -> None:
    """Raises LocalError where the simulated providers' packages are not installed."""
    wanted = [found[1] for line in requires("call-lake") or () if (found := FOR_SIMULATORS.match(line))]
    if missing := [name for name in wanted if not any(Distribution.discover(name=name))]:
        raise LocalError(
            f"the simulated providers need {missing[0]}, which is not installed: install call-lake[local] (from a copy "
            "of the repository: uv tool install '.[local]'), or name your own provider with --thulium-url"
        )


def _files() -> Iterator[tuple[str, Path]]:
    """What is laid out: each file by its path in the repository."""
    places = {
        "": SHIPPED,
        "shared/call_lake/": _folder_of(call_lake.__file__),
        "local/call_lake_local/": SHIPPED.parent,
    }
    for place, source in places.items():
        for path in sorted(source.rglob("*")):
            inside = path.relative_to(source)
            skipped = place and inside.parts[0] == SHIPPED.name
            if path.is_file() and "__pycache__" not in inside.parts and not skipped:
                yield f"{place}{inside.as_posix()}", path


def _folder_of(file: str | None) -> Path:
    assert file  # noqa: S101 - a package with an __init__.py
    return Path(file).parent


def _hash(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _copy(files: dict[str, Path], beside: Path, folder: Path) -> None:
    """Whole or not at all, also where two commands start at once."""
    partial = Path(tempfile.mkdtemp(dir=beside))
    try:
        for name, path in files.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, partial / name)
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else the other command was first
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
