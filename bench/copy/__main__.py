"""Run the bench and print its tables: ``python -m bench.copy [--rounds N] [--write FILE]``."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.copy import peers, report, wav
from bench.copy.contenders import (
    BOTO3,
    BOTO3_UNSIGNED,
    COPIER,
    CURL,
    FLOOR,
    LOWEST_FLOOR,
    OURS,
    RCLONE,
    SMART_OPEN,
    Contender,
    Sample,
    available,
    run,
)
from bench.copy.ends import Ends

SMALL = wav.Work("small", 400, 500_000)
LARGE = wav.Work("large", 3, 200_000_000)
MEDIUM = wav.Work("medium", 40, 8_000_000)
FAULTY = wav.Work("faulty", 100, 500_000)
EVERYBODY = (FLOOR, LOWEST_FLOOR, OURS, COPIER, BOTO3, BOTO3_UNSIGNED, SMART_OPEN, RCLONE)
# Eight at once of more bytes than the copier may hold.
OF_MEMORY = (OURS, COPIER)


def rounds_of(work: wav.Work, contenders: Sequence[Contender], count: int, ends: Ends) -> report.Rounds:
    """Each round runs everybody once, every second one in reverse order."""
    found: dict[Contender, list[Sample]] = {one: [] for one in available(contenders)}
    for number in range(count):
        for contender in list(found)[:: -1 if number % 2 else 1]:
            sample = run(contender, work, ends)
            found[contender].append(sample)
            print(f"  {work.name} {number + 1}/{count} {contender.name}: {sample.seconds:.2f} s", file=sys.stderr)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.copy", description="Measure the copier beside other tools.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the sets that are timed (default 5)")
    parser.add_argument("--write", type=Path, help="file whose section 'copy' is to hold the tables")
    options = parser.parse_args()
    peers.make()
    before = os.getloadavg()[0]
    lines: list[str] = []
    with Ends() as ends:
        for work, contenders, count in (
            (SMALL, EVERYBODY, options.rounds),
            (LARGE, EVERYBODY, options.rounds),
            (MEDIUM, OF_MEMORY, 1),
        ):
            rounds = rounds_of(work, contenders, count, ends)
            lines += [report.title(work, count), "", *report.speed(rounds, OURS), ""]
        shell = rounds_of(SMALL, (OURS, CURL), 1, ends)
        lines += ["### One process a recording (small), 1 round", "", *report.speed(shell, OURS), ""]
        faulty = rounds_of(FAULTY, (OURS, COPIER, BOTO3, SMART_OPEN, RCLONE, CURL), 1, ends)
        lines += [report.title(FAULTY, 1), "", *report.trust(faulty), ""]
    versions = ", ".join(f"{name} {peers.version_of(name)}" for name in ("boto3", "smart-open", "awscli"))
    head = [
        f"Run of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. " + report.machine(before, os.getloadavg()[0], os.cpu_count()),
        f"Peers: {versions}, {peers.rclone_version()}.",
        "",
    ]
    print("\n".join([*head, *lines]))
    if options.write:
        report.keep(options.write, "copy", [*head, *lines])
    return 0


if __name__ == "__main__":
    sys.exit(main())
