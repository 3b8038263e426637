"""Download the locked packages of the functions, and check each file against its hash.

``sam build`` checks hashes for this machine's own processor alone. For another one it asks pip a second time, by name
and version without a hash (``download_manylinux_wheels`` in aws_lambda_builders). So the files for both are downloaded
here first, and sam may read nothing but them (``offline``).
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from call_lake_local.errors import DeployError

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""The template's ``Architecture`` as wheels name it."""
TAGS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
"""What python3.13 on Lambda can load (its glibc is 2.34), as sam has it."""
TAIL_LINES = 6


def download(repo: Path, architecture: str, folder: Path, python: Path, environment: Mapping[str, str]) -> None:
    """Fill ``folder`` with the wheels for this machine, from which sam finds out what is needed, and for
    ``architecture``. Raises DeployError where a hash is wrong or missing, or there is no such wheel."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = locked_files(repo)
    machine = MACHINES[architecture]
    targets = [word for tag in TAGS for word in ("--platform", f"{tag}_{machine}")]
    for platform in ([], [*targets, "--implementation", "cp", "--abi", "cp313"]) if files else ():
        command = [str(python), "-Im", "pip", "download", "--require-hashes", "--only-binary", ":all:", "--no-deps"]
        command += ["--dest", str(folder), *platform, *(word for file in files for word in ("-r", str(file)))]
        done = subprocess.run(command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            lines = [line.rstrip() for line in done.stderr.splitlines() if line.strip()]
            tail = "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])
            what = f"the locked packages for {architecture} were not downloaded, so nothing is built"
            raise DeployError(f"{what}\n{tail}")


def offline(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment in which pip takes files from ``folder`` alone, whatever its settings say."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PIP_")}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def locked_files(repo: Path) -> Sequence[Path]:
    """The requirements of the layer and of the functions, without those that name no package."""
    files = [repo / "shared" / "requirements.txt", *sorted((repo / "functions").glob("*/requirements.txt"))]
    return [file for file in files if file.is_file() and _names_packages(file)]


def _names_packages(file: Path) -> bool:
    return any(line.strip() and not line.startswith("#") for line in file.read_text(encoding="utf-8").splitlines())
