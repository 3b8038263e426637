"""How long a cold start imports: `python -m bench.imports`.

Each import runs in a fresh process that has the deployed package, the layer, and of other libraries only boto3, as
Lambda's own Python has. The floor is what no function here can do without: the interpreter, boto3 and one client.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import boto3

from bench.harness.runner import bench, rounds
from bench.harness.tables import table
from call_lake_local import deploy, packaging

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
FUNCTIONS = ("Poller", "Copier", "Transcriber", "TranscriptReader", "Compactor", "SoundAnalyzer")
GOAL_MS = {"Poller": 350, "Copier": 350, "Compactor": 900}
FLOOR = "boto3 and one client"
TIMED = "import time; t = time.perf_counter(); {}; print((time.perf_counter() - t) * 1000)"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "BUCKET": "bench",
    "LEDGER_TABLE": "bench",
    "SOURCES_PATH": "/bench/sources",
    "RECORDING_ID_KEY": "bench",
    "DATABASE": "lake",
    "EVENT_BUS": "bench",
    "DLQ_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/bench",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/bench",
    "DOCUMENTS_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/bench",
    "TRANSCRIPTION_LANGUAGES": "pl-PL",
    "JOB_PREFIX": "bench-",
    "PYTHONDONTWRITEBYTECODE": "1",  # a function's folders cannot be written either
}


def import_ms(path: list[Path], code: str) -> float:
    """Milliseconds that the statement takes in a fresh process with these folders and the standard library."""
    environment = SETTINGS | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-S", "-c", TIMED.format(code)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def lines(found: Mapping[str, list[float]], build: Path) -> list[list[str]]:
    floor = median(found[FLOOR])
    layer = packaging.unzipped_bytes(build / "SharedLayer")
    made = []
    for name, times in found.items():
        size = f"{(packaging.unzipped_bytes(build / name) + layer) / 1e6:.1f}" if name in FUNCTIONS else ""
        middle = median(times)
        made.append([name, f"{middle:.0f}", str(GOAL_MS.get(name, "")), f"{middle / floor:.2f}", size])
    return made


def measure(asked: argparse.Namespace) -> str:
    build = deploy.build(deploy.SamBuild(), say=lambda _: None).parent
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder)
        for name in RUNTIME:
            (runtime / name).symlink_to(Path(boto3.__file__).parents[1] / name)

        def imported(name: str, _: int) -> float:
            if name == FLOOR:
                return import_ms([runtime], "import boto3; boto3.client('s3')")
            return import_ms([build / name, build / "SharedLayer" / "python", runtime], "import handler")

        found = rounds((FLOOR, *FUNCTIONS), asked.rounds, imported)
    head = ["function", "import ms", "goal ms", "x floor", "unzipped MB, with the layer"]
    return f"Medians of {asked.rounds} rounds.\n\n{table(head, lines(found, build))}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description="Time the functions' imports.")
    parser.add_argument("--rounds", type=int, default=15, help="fresh processes of each (default 15)")
    return bench("imports", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
