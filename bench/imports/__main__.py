"""How long a cold start imports: ``python -m bench.imports [--rounds N] [--write FILE]``.

Each import runs in a fresh process that has the deployed package, the layer, and of other libraries only boto3, as
Lambda's own Python has. The floor is what no function here can do without: the interpreter, boto3 and one client.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import boto3

from bench.copy import report
from call_lake_local import deploy, packaging

REPO = Path(__file__).parents[2]
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
FUNCTIONS = ("Poller", "Copier", "Transcriber", "Compactor")
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
    "SOURCES": "thulium",
    "EVENT_BUS": "bench",
    "DLQ_URL": "https://sqs.eu-central-1.amazonaws.com/000000000000/bench",
    "TRANSCRIPTION_LANGUAGE": "pl-PL",
    "PYTHONDONTWRITEBYTECODE": "1",  # a function's folders cannot be written either
}


def import_ms(path: list[Path], code: str) -> float:
    """Milliseconds that the statement takes in a fresh process with these folders and the standard library."""
    environment = SETTINGS | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-S", "-c", TIMED.format(code)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def measure(build: Path, runtime: Path, rounds: int) -> dict[str, list[float]]:
    """Milliseconds by what was imported; each round imports everything once."""
    found: dict[str, list[float]] = {name: [] for name in (FLOOR, *FUNCTIONS)}
    for _ in range(rounds):
        found[FLOOR].append(import_ms([runtime], "import boto3; boto3.client('s3')"))
        for name in FUNCTIONS:
            found[name].append(import_ms([build / name, build / "SharedLayer" / "python", runtime], "import handler"))
    return found


def table(found: Mapping[str, list[float]], build: Path) -> list[str]:
    floor = median(found[FLOOR])
    layer = packaging.unzipped_bytes(build / "SharedLayer")
    lines = [
        "| function | import ms | goal ms | x floor | unzipped MB, with the layer |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, times in found.items():
        size = f"{(packaging.unzipped_bytes(build / name) + layer) / 1e6:.1f}" if name in FUNCTIONS else ""
        middle = median(times)
        lines.append(f"| {name} | {middle:.0f} | {GOAL_MS.get(name, '')} | {middle / floor:.2f} | {size} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description="Time the functions' imports.")
    parser.add_argument("--rounds", type=int, default=15, help="fresh processes of each (default 15)")
    parser.add_argument("--write", type=Path, help="file whose section 'imports' is to hold the table")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    build = deploy.build(deploy.SamBuild(), say=lambda _: None).parent
    with tempfile.TemporaryDirectory() as folder:
        for name in RUNTIME:
            (Path(folder) / name).symlink_to(Path(boto3.__file__).parents[1] / name)
        found = measure(build, Path(folder), options.rounds)
    head = f"Run of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, medians of {options.rounds}. "
    lines = [head + report.machine(before, os.getloadavg()[0], os.cpu_count()), "", *table(found, build)]
    print("\n".join(lines))
    if options.write:
        report.keep(options.write, "imports", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
