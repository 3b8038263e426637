"""The local stack's folder: closed to other users, and believed only where no other user can have written."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from call_lake_local import private_folder, processes, stack
from call_lake_local.errors import LocalError

NOBODY = 65534
AS_ROOT = os.geteuid() == 0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this path be another user's. Only root can give something away; for others, this process is another's."""
    if AS_ROOT:
        os.chown(path, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_a_new_folder_and_its_files_are_for_their_user_alone(tmp_path: Path, umask: None) -> None:
    folder = tmp_path / ".call-lake"
    private_folder.make(folder)
    private_folder.write(folder / "local.json", "{}")
    assert (mode(folder), mode(folder / "local.json")) == (0o700, 0o600)
    assert private_folder.read(folder / "local.json") == "{}"
    assert [file.name for file in folder.iterdir()] == ["local.json"]


@pytest.mark.parametrize("before", [0o755, 0o777, 0o775, 0o500])
def test_a_folder_that_was_open_is_closed(tmp_path: Path, before: int) -> None:
    (folder := tmp_path / ".call-lake").mkdir()
    folder.chmod(before)
    private_folder.make(folder)
    assert mode(folder) == 0o700


@pytest.mark.parametrize("left", ["file", "link"])
def test_what_an_earlier_write_left_is_replaced(tmp_path: Path, left: str) -> None:
    (elsewhere := tmp_path / "elsewhere").write_text("precious")
    (folder := tmp_path / ".call-lake").mkdir()
    if left == "link":
        (folder / "local.tmp").symlink_to(elsewhere)
    else:
        (folder / "local.tmp").touch(mode=0o666)
    private_folder.write(folder / "local.json", "{}")
    assert (elsewhere.read_text(), mode(folder / "local.json")) == ("precious", 0o600)


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_folder.make(folder := tmp_path / ".call-lake")
    private_folder.write(folder / "local.json", "{}")
    give_away(folder, monkeypatch)
    for use in (private_folder.make, private_folder.check, lambda path: private_folder.read(path / "local.json")):
        with pytest.raises(LocalError, match="belongs to another user"):
            use(folder)


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_folder.make(folder := tmp_path / ".call-lake")
    private_folder.write(folder / "local.json", "{}")
    give_away(folder / "local.json", monkeypatch)
    with pytest.raises(LocalError, match="belongs to another user"):
        private_folder.read(folder / "local.json")


@pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
def test_what_others_can_change_is_refused_with_advice(tmp_path: Path, bit: int) -> None:
    private_folder.make(folder := tmp_path / ".call-lake")
    private_folder.write(file := folder / "local.json", "{}")
    for path in (file, folder):
        before = mode(path)
        path.chmod(before | bit)
        with pytest.raises(LocalError, match=f"chmod go-w {path}, then try again"):
            private_folder.read(file)
        path.chmod(before)
    assert private_folder.read(file) == "{}"


def test_a_link_is_no_folder_and_no_file_wherever_it_leads(tmp_path: Path) -> None:
    private_folder.make(real := tmp_path / "real")
    private_folder.write(real / "local.json", "{}")
    (folder := tmp_path / ".call-lake").symlink_to(real)
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    for link in (folder, tmp_path / "nowhere"):
        for use in (private_folder.make, private_folder.check):
            with pytest.raises(LocalError, match="is no folder but a link"):
                use(link)
    with pytest.raises(LocalError, match="is no folder but a link"):
        private_folder.read(folder / "local.json")
    (real / "linked.json").symlink_to(real / "local.json")
    with pytest.raises(LocalError, match="cannot be read"):
        private_folder.read(real / "linked.json")


def test_a_pipe_in_place_of_the_file_does_not_hang(tmp_path: Path) -> None:
    private_folder.make(folder := tmp_path / ".call-lake")
    os.mkfifo(folder / "local.json", 0o600)
    with pytest.raises(LocalError, match="is no file but"):
        private_folder.read(folder / "local.json")


def test_no_process_is_looked_for_or_ended_by_what_another_user_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folder.make(folder := tmp_path / ".call-lake")
    (folder / "emulator.pid").write_text("1")
    give_away(folder, monkeypatch)
    with pytest.raises(LocalError, match="belongs to another user"):
        processes.find("emulator", folder)
    with pytest.raises(LocalError, match="belongs to another user"):
        stack.down(folder)


def test_a_process_is_not_started_in_another_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_folder.make(folder := tmp_path / ".call-lake")
    give_away(folder, monkeypatch)
    with pytest.raises(LocalError, match="belongs to another user"):
        processes.start("child", ["true"], state_dir=folder, environment={}, attached=False)
    assert list(folder.iterdir()) == []
