"""What sam packs was checked against its locked hash, for whichever processor it builds. Needs no network."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from call_lake_local import deploy, wheels
from call_lake_local.deploy import SamBuild
from call_lake_local.errors import DeployError
from call_lake_local.project import project
from tests.tools.test_deploy import World

ARCHITECTURES = ("arm64", "x86_64")
OTHER = {"arm64": "x86_64", "x86_64": "arm64"}[deploy.machine_architecture()]


class Index:
    """A package with a wheel for each processor, where pip looks for packages, and a repository that locks it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(root)
        self.folder = root / "index"
        self.folder.mkdir()
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(self.folder))
        self.wheels = {architecture: self._wheel(wheels.MACHINES[architecture]) for architecture in ARCHITECTURES}
        self.lock(*self.wheels.values())

    def _wheel(self, machine: str) -> Path:
        tag = f"cp313-cp313-manylinux_2_17_{machine}"
        file = self.folder / f"invented-1.0-{tag}.whl"
        with ZipFile(file, "w") as wheel:
            wheel.writestr("invented.py", f"MACHINE = {machine!r}\n")
            wheel.writestr("invented-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: invented\nVersion: 1.0\n")
            wheel.writestr("invented-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
            wheel.writestr("invented-1.0.dist-info/RECORD", "")
        return file

    def lock(self, *files: Path) -> None:
        hashes = [f"--hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
        (self.world.repo / "shared/requirements.txt").write_text(" \\\n    ".join(["invented==1.0", *hashes]) + "\n")

    def tamper_with(self, architecture: str) -> None:
        """Somebody puts another file where the package is."""
        with ZipFile(self.wheels[architecture], "a") as wheel:
            wheel.writestr("more.py", "")

    def build(self, architecture: str) -> Path:
        target = SamBuild(self.world.repo, self.world.sam, self.world.build_dir)
        return deploy.build(target, architecture, say=self.world.said.append)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    return Index(tmp_path, monkeypatch)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_file_that_is_not_the_locked_one_fails_the_build_before_sam_begins(index: Index, architecture: str) -> None:
    index.tamper_with(architecture)

    with pytest.raises(
        DeployError, match=f"locked packages for {architecture} were not downloaded.*\n(.*\n)*.*Expected"
    ):
        index.build(architecture)
    assert index.world.calls == []


def test_a_package_without_a_hash_fails_the_build(index: Index) -> None:
    (index.world.repo / "shared/requirements.txt").write_text("invented==1.0\n")

    with pytest.raises(DeployError, match="nothing is built"):
        index.build(OTHER)
    assert index.world.calls == []


def test_a_package_whose_wheel_for_that_processor_is_not_locked_fails_the_build(index: Index) -> None:
    index.lock(index.wheels[deploy.machine_architecture()])

    with pytest.raises(DeployError, match="nothing is built"):
        index.build(OTHER)


def test_sam_may_read_nothing_but_the_files_that_were_checked(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://example.org/simple")
    folder = index.world.build_dir / "wheels"
    folder.mkdir(parents=True)
    (folder / "invented-1.0-py3-none-any.whl").write_bytes(b"left by somebody")

    index.build(OTHER)

    environment = index.world.calls[0]["environment"]
    of_pip = {name: value for name, value in environment.items() if name.startswith("PIP_")}
    assert of_pip == {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    assert {file.name for file in folder.iterdir()} == {file.name for file in index.wheels.values()}


def test_pip_asked_by_name_and_version_alone_as_sam_asks_it_finds_the_checked_file(
    index: Index, tmp_path: Path
) -> None:
    """sam's second question, for a processor that is not this machine's."""
    index.build(OTHER)
    environment = index.world.calls[0]["environment"]
    index.tamper_with(OTHER)  # too late
    command = [sys.executable, "-m", "pip", "download", "--only-binary=:all:", "--no-deps", "--implementation", "cp"]
    command += [
        "--platform",
        f"manylinux_2_17_{wheels.MACHINES[OTHER]}",
        "--abi",
        "cp313",
        "--dest",
        str(tmp_path / "sam"),
    ]
    python = Path(environment["PATH"].split(":")[0], "python3.13")

    subprocess.run([str(python), *command[1:], "invented==1.0"], env=environment, check=True, capture_output=True)

    (found,) = (tmp_path / "sam").iterdir()
    assert "more.py" not in ZipFile(found).namelist()


SHIPPED = [
    "shared/requirements.txt",
    "functions/compactor/requirements.txt",
    "functions/transcript_reader/requirements.txt",
]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_project_locks_each_package_with_hashes(name: str) -> None:
    text = (project() / name).read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert packages
    assert all("==" in line and "--hash=sha256:" in line for line in packages)
    assert project() / name in wheels.locked_files(project())
