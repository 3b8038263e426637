"""The folder that is built: the checkout, or what an installed command lays out of what it carries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import call_lake
from call_lake_local import private_folder, project
from call_lake_local.errors import LocalError

SHIPPED = {"template.yaml": "Outputs:", "functions/poller/handler.py": "pass", "shared/requirements.txt": ""}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a wheel's packages are: ``call_lake_local`` there, with what it carries."""
    here = tmp_path / "site-packages/call_lake_local"
    files = {f"shipped/{name}": text for name, text in SHIPPED.items()} | {"stack.py": "", "__pycache__/stack.pyc": ""}
    for name, text in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    monkeypatch.setattr(project, "SHIPPED", here / "shipped")
    monkeypatch.setattr(project, "CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project.project.cache_clear()
    yield here
    project.project.cache_clear()


def test_in_a_checkout_it_is_the_checkout() -> None:
    assert project.project() == Path(project.__file__).parents[2]
    assert (project.project() / "template.yaml").is_file()


def test_an_installed_command_lays_out_what_it_carries_as_the_repository_has_it(installed: Path) -> None:
    folder = project.project()
    assert {name: (folder / name).read_text() for name in SHIPPED} == SHIPPED
    assert (folder / "local/call_lake_local/stack.py").exists()
    assert (folder / "shared/call_lake/settings.py").read_bytes() == Path(
        call_lake.__path__[0], "settings.py"
    ).read_bytes()
    assert not (folder / "local/call_lake_local/shipped").exists()
    assert not list(folder.rglob("__pycache__"))


def test_what_lies_there_already_is_left_alone_and_another_content_gets_another_folder(installed: Path) -> None:
    first = project.project()
    (first / ".tools").mkdir()
    assert project.lay_out(first.parent) == first
    assert (first / ".tools").is_dir()
    (installed / "shipped/template.yaml").write_text("Outputs: {}")
    assert project.lay_out(first.parent) != first


def test_two_that_start_at_once_get_one_whole_folder(installed: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(project.lay_out, [tmp_path / "cache"] * 8))
    assert len(found) == 1
    assert list((tmp_path / "cache").iterdir()) == list(found)


def test_a_folder_that_others_can_change_is_not_built(installed: Path) -> None:
    folder = project.project()
    folder.chmod(0o777)
    with pytest.raises(LocalError, match="can be changed by other users"):
        project.lay_out(folder.parent)
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_an_installation_that_carries_nothing_says_what_is_missing(installed: Path) -> None:
    (installed / "shipped/template.yaml").unlink()
    with pytest.raises(LocalError, match=r"lacks template\.yaml and the functions.*uv tool install PATH"):
        project.project()


def test_a_cache_that_cannot_be_written_is_one_line_with_advice(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(LocalError, match="set XDG_CACHE_HOME to a folder of yours"):
        project.project()


def test_simulated_providers_without_their_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    project.check_simulators()
    monkeypatch.setattr(project, "requires", lambda _: ["absent-always", "absent-here>=1; extra == 'local'"])
    with pytest.raises(LocalError, match=r"need absent-here, which is not installed: install call-lake\[local\]"):
        project.check_simulators()


@pytest.mark.parametrize("chosen", ["", "relative/folder"])
def test_the_users_folders_are_the_usual_ones_unless_others_are_chosen(
    monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", chosen)
    monkeypatch.setenv("HOME", "/home/anna")
    assert private_folder.of_user("state") == Path("/home/anna/.local/state/call-lake")
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert private_folder.of_user("state") == Path("/elsewhere/call-lake")
