"""The command outside a checkout: what a wheel holds, and what it says where something is missing."""

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import REPO
from tests.support.installed import Installed, install

BUILT = ("template.yaml", "functions", "shared", "local", "requirements/sam.txt", "requirements/ministack.txt")
WHERE = "from call_lake_local.project import project; print(project())"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("installed"))


def test_it_installs_no_package_that_is_named_otherwise(installed: Installed) -> None:
    record = next(installed.packages.glob("call_lake-*.dist-info")) / "RECORD"
    tops = {Path(line.partition(",")[0]).parts[0] for line in record.read_text().splitlines()}
    assert {top for top in tops if not top.endswith(".dist-info") and top != ".."} == {
        *("call_lake", "call_lake_cli", "call_lake_local"),
    }


def test_what_it_builds_is_what_a_checkout_builds(installed: Installed) -> None:
    laid_out = Path(installed.type("-c", WHERE, of="python").stdout.strip())
    assert laid_out.is_relative_to(installed.folder / "cache/call-lake")
    for name in BUILT:
        assert _content(laid_out / name) == _content(REPO / name), name


def test_it_answers_in_a_folder_without_a_stack(installed: Installed) -> None:
    assert "local" in installed.type("--help").stdout
    asked = installed.type("status")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("error: no stack here: start one with `call-lake local up`")


def test_a_source_is_added_in_a_checkout_alone(installed: Installed) -> None:
    asked = installed.type("source add thulium2 --provider thulium")
    assert asked.stderr.startswith(
        "error: there is no template.yaml here: type this in the folder of your copy of Call"
    )


def _content(path: Path) -> dict[str, bytes]:
    """Each file's bytes; what Python and a build leave is no content."""
    if path.is_file():
        return {"": path.read_bytes()}
    files = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    return {str(file.relative_to(path)): file.read_bytes() for file in files if "__pycache__" not in file.parts}
