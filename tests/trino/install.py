"""Fetch the Trino server into ``.tools/trino``, with Maven's ordinary client and by pinned SHA-256.

Athena's engine version 3 is made from Trino: https://docs.aws.amazon.com/athena/latest/ug/engine-versions-reference-0003.html
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from call_lake_local.bootstrap import ROOT
from call_lake_local.machine import on_path, step

VERSION = "476"
OLDEST_JAVA = 24  # what Trino 476 needs
HOME = ROOT / ".tools/trino" / VERSION
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
JAVA_HOMES = ("/usr/lib/jvm/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of Maven Central, and its SHA-256."""

    name: str
    kind: str
    sha256: str

    @property
    def coordinates(self) -> str:
        return f"io.trino:{self.name}:{VERSION}:{self.kind}"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{VERSION}.{self.kind}"


SERVER = Artifact("trino-server-core", "tar.gz", "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158")
HIVE = Artifact("trino-hive", "zip", "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e")


class NotInstalled(Exception):
    """One line that says what is missing and what to install."""


def install() -> Path:
    """Make the server's folder, unless it is there, and return it. Raises NotInstalled."""
    if HOME.is_dir():
        return HOME
    maven = next(iter(on_path("mvn", os.environ)), None)
    if maven is None:
        raise NotInstalled("mvn is missing: install Maven (Debian: apt install maven), then run make trino again")
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as scratch:
        for artifact in (SERVER, HIVE):
            with step(f".tools/trino: {artifact.file_name}"):
                _fetch(maven, artifact, Path(scratch))
        made = _unpacked(Path(scratch))
        made.rename(HOME)  # all of it or nothing: a run that ends before begins again
    return HOME


def find_java(environ: Mapping[str, str]) -> Path:
    """The first Java that is new enough: JAVA_HOME's, one on PATH, or one where systems keep them. Raises
    NotInstalled."""
    homes = [Path(environ["JAVA_HOME"])] if environ.get("JAVA_HOME") else []
    folders = [path for pattern in JAVA_HOMES for path in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)]
    places = [*(home / "bin/java" for home in homes), *map(Path, on_path("java", environ))]
    for java in [*places, *(folder / "bin/java" for folder in folders)]:
        if java.is_file() and java_version(_banner(java)) >= OLDEST_JAVA:
            return java
    raise NotInstalled(
        f"Trino {VERSION} needs Java {OLDEST_JAVA} or later, and there is none: install a JDK (Debian: apt install "
        "temurin-25-jdk, or openjdk-25-jdk-headless), set JAVA_HOME to it, then run make trino again"
    )


def java_version(banner: str) -> int:
    """The feature number in what ``java -version`` prints; 0 where there is none. ``1.8`` is 8."""
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(match[1]) if match else 0


def _banner(java: Path) -> str:
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr + done.stdout


def _fetch(maven: str, artifact: Artifact, folder: Path) -> None:
    command = [maven, "-B", "-q", COPY, f"-Dartifact={artifact.coordinates}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    file = folder / artifact.file_name
    if done.returncode or not file.is_file():
        said = next((line for line in done.stdout.splitlines() if "ERROR" in line), "it said nothing")
        raise NotInstalled(f"mvn cannot fetch {artifact.coordinates}: {said[:300]}")
    with file.open("rb") as body:
        found = hashlib.file_digest(body, "sha256").hexdigest()
    if found != artifact.sha256:
        raise NotInstalled(f"{artifact.file_name} has SHA-256 {found}, and {artifact.sha256} is pinned: it is not used")


def _unpacked(folder: Path) -> Path:
    """The server with the Hive connector as its one data source."""
    with tarfile.open(folder / SERVER.file_name) as archive:
        archive.extractall(folder, filter="data")
    with zipfile.ZipFile(folder / HIVE.file_name) as archive:
        archive.extractall(folder)  # noqa: S202  # by its SHA-256 it is the archive that was looked at
    server = folder / f"{SERVER.name}-{VERSION}"
    shutil.move(folder / f"{HIVE.name}-{VERSION}", server / "plugin/hive")
    return server
