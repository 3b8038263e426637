"""`python -m bench.copy`: copy recordings beside boto3, smart_open, rclone and curl with aws."""

import argparse
import sys
from collections.abc import Sequence

from bench.copy import clients, rclone, servers, tables, wav
from bench.copy.clients import OURS, PEERS, Client
from bench.harness.runner import bench, rounds

SMALL = wav.Work("small", 400, 500_000)
LARGE = wav.Work("large", 3, 200_000_000)
MEDIUM = wav.Work("medium", 40, 8_000_000)  # eight at once are more bytes than the copier may hold
FAULTY = wav.Work("faulty", 100, 500_000)
EVERYBODY = (
    *(clients.FLOOR, clients.LOWEST_FLOOR, OURS, clients.COPIER),
    *(clients.BOTO3, clients.BOTO3_UNSIGNED, clients.SMART_OPEN, clients.RCLONE),
)
TRUSTED = (OURS, clients.COPIER, clients.BOTO3, clients.SMART_OPEN, clients.RCLONE, clients.CURL)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.copy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the sets that are timed (default 5)")
    return bench("copy", parser, measure, PEERS, versions)


def versions() -> str:
    return f"{PEERS.versions('boto3', 'smart-open', 'awscli')}, {rclone.version()}"


def measure(asked: argparse.Namespace) -> str:
    rclone.make()
    with servers.running() as running:

        def runs(work: wav.Work, chosen: Sequence[Client], count: int) -> tables.Rounds:
            return rounds(clients.available(chosen), count, lambda client, _: clients.run(client, work, running))

        parts = []
        for work, chosen, count in (
            (SMALL, EVERYBODY, asked.rounds),
            (LARGE, EVERYBODY, asked.rounds),
            (MEDIUM, (OURS, clients.COPIER), 1),
        ):
            parts += [_title(work, count), tables.speed(runs(work, chosen, count), OURS)]
        shell = runs(SMALL, (OURS, clients.CURL), 1)
        parts += ["### One process a recording (small), 1 round", tables.speed(shell, OURS)]
        parts += [_title(FAULTY, 1), tables.trust(runs(FAULTY, TRUSTED, 1))]
    return "\n\n".join(parts)


def _title(work: wav.Work, count: int) -> str:
    times = "1 round" if count == 1 else f"{count} rounds"
    return f"### {work.count} recordings of {work.size_bytes / 1e6:g} MB ({work.name}), {times}"


if __name__ == "__main__":
    sys.exit(main())
