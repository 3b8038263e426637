"""What is kept of a version is the same however often it is captured, and small."""

from pathlib import Path

import pytest

from tests.upgrade.capture import capture
from tests.upgrade.kept import HERE, VERSIONS

MOST_BYTES = 1_000_000


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_two_captures_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        capture("9.9.9", tmp_path / name)
    one, other = _files(tmp_path / "one"), _files(tmp_path / "other")

    assert [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_kept_version_is_small(version: str) -> None:
    assert sum(map(len, _files(HERE / version).values())) < MOST_BYTES
