"""The packages that are deployed: their size, what a fresh process of theirs imports, and that nothing is missing."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from call_lake_local import deploy, packaging
from tests.support.made_calls import Stretch, file_of, made_call

REPO = Path(__file__).parents[2]
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
"""What Lambda's own Python brings: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html"""
type Run = Callable[..., str]
NEVER = {"pyarrow", "duckdb", "rich", "typer", "moto", "pytest", "numpy", "cli", "local", "tests"}
SETTINGS = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "BUCKET": "call-lake-test",
    "LEDGER_TABLE": "ledger",
    "SOURCES_PATH": "/call-lake/test/sources",
    "RECORDING_ID_KEY": "key-of-recording-ids",
    "DATABASE": "lake",
    "EVENT_BUS": "bus",
    "DLQ_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/dead",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/transcriptions",
    "DOCUMENTS_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/documents",
    "TRANSCRIPTION_LANGUAGES": "pl-PL",
    "JOB_PREFIX": "call-lake-",
}
COMMIT = """
import json, sys
sys.path.append(sys.argv[1])
import pyarrow
from call_lake.bucket.inbox import put_rows
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition
from tests.support.fakes import World
from tests.support.lake_samples import TODAY, compacted, row_of
world = World.make()
rows = [row_of(1), row_of(2)]
put_rows(world.store, rows, CALLS)
compacted(world)
found = read_partition(world.store, CALLS.at(Partition("thulium", TODAY)))
print(json.dumps({"pyarrow": pyarrow.__file__, "same": found == rows}))
"""

MEASURE = """
import json, sys
from dataclasses import asdict
from call_lake.sound.reader import SoundReader
print(json.dumps(asdict(SoundReader().measured(open(sys.argv[1], "rb")))))
"""


@pytest.fixture(scope="module")
def build() -> Path:
    """The folder that ``make build`` fills; sam runs where the code has changed since."""
    return deploy.build(deploy.SamBuild(), say=lambda _: None).parent


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        (folder / name).symlink_to(Path(boto3.__file__).parents[1] / name)
    return folder


@pytest.fixture(scope="module")
def run(build: Path, runtime: Path) -> Run:
    """What a process prints that has a function's package, the layer and the runtime's own libraries, and no more."""

    def run(function: str, code: str, *arguments: str) -> str:
        path = os.pathsep.join(map(str, (build / function, build / "SharedLayer" / "python", runtime)))
        environment = SETTINGS | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": path}
        command = [sys.executable, "-S", "-c", code, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return run


def modules(run: Run, function: str) -> set[str]:
    code = "import handler, json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    return set(json.loads(run(function, code)))


@pytest.mark.parametrize("function", ["Poller", "Copier", "Transcriber", "TranscriptReader", "SoundAnalyzer"])
def test_a_function_without_the_lake_imports_nothing_of_it_and_nothing_of_the_command(run: Run, function: str) -> None:
    assert modules(run, function).isdisjoint(NEVER)


def test_the_compactor_imports_pyarrow_and_nothing_of_the_command(run: Run) -> None:
    assert modules(run, "Compactor") & NEVER == {"pyarrow"}


def test_poller_and_copier_are_under_fifteen_megabytes_with_their_layer(build: Path) -> None:
    layer = packaging.unzipped_bytes(build / "SharedLayer")
    for function in ("Poller", "Copier", "Transcriber", "TranscriptReader"):
        assert packaging.unzipped_bytes(build / function) + layer < 15_000_000


def test_the_compactor_is_under_130_megabytes_with_its_layer(build: Path) -> None:
    sizes = [packaging.unzipped_bytes(build / name) for name in ("Compactor", "SharedLayer")]
    assert sum(sizes) < 130_000_000


def test_the_sound_analyzer_is_under_70_megabytes_with_its_layer(build: Path) -> None:
    assert sum(packaging.unzipped_bytes(build / name) for name in ("SoundAnalyzer", "SharedLayer")) < 70_000_000


def test_the_slimmed_numpy_measures_a_recording(run: Run, tmp_path: Path) -> None:
    call = [Stretch(0, 1, 4), Stretch(1, 5, 9)]
    (tmp_path / "call.ogg").write_bytes(file_of(made_call(call, 10), 8000, "OGG", "VORBIS").getvalue())
    found = json.loads(run("SoundAnalyzer", MEASURE, str(tmp_path / "call.ogg")))
    assert found["channels"] == 2
    assert [side["talk_s"] for side in found["sides"]] == pytest.approx([3, 4], abs=0.1)


def test_the_slimmed_pyarrow_commits_and_reads_rows(build: Path, run: Run) -> None:
    said = json.loads(run("Compactor", COMMIT, str(REPO)))
    assert Path(said["pyarrow"]).is_relative_to(build)
    assert said["same"]


def test_every_module_is_compiled_for_a_folder_that_cannot_be_written(build: Path) -> None:
    for name in ("Poller", "SharedLayer", "Compactor"):
        sources = [path for path in (build / name).rglob("*.py") if "__pycache__" not in path.parts]
        assert sources
        for path in sources:
            assert list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-313.pyc")), path
