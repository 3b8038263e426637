"""`python -m tests.trino`: deploy the local stack, move simulated recordings, and ask Trino about them."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3

from bench.harness.runner import RESULTS
from bench.harness.tables import fill
from call_lake_cli.console.errors import say
from call_lake_cli.stack import laptop
from call_lake_cli.stack.handle import LOCAL_FILE, Stack
from call_lake_cli.stack.settle import settle
from call_lake_local import processes
from call_lake_local.emulator import NAME as EMULATOR
from call_lake_local.emulator import Emulator
from call_lake_local.endpoint import Endpoint
from call_lake_local.errors import LocalError
from call_lake_local.stack import Plan, SimulatedCalls
from tests.integration.athena_lake import Athena
from tests.trino import answers, bytes_read, edges, erasing, pruning, statements, swaps, transcripts
from tests.trino.install import VERSION, NotInstalled, find_java, install
from tests.trino.laboratory import Laboratory
from tests.trino.listings import Listings
from tests.trino.report import Check, markdown
from tests.trino.server import running_trino
from tests.trino.world import World

RECORDINGS = 150
DAYS = 20
SETTLE_S = 600.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trino", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of swaps under running queries")
    parser.add_argument("--write", action="store_true", help="keep the table in bench/RESULTS.md")
    asked = parser.parse_args()
    try:
        java, home = find_java(os.environ), install()
        with tempfile.TemporaryDirectory(prefix="trino-") as folder, running(Path(folder), java, home) as world:
            checks = list(said(world, asked.seconds))
    except (NotInstalled, LocalError) as error:
        print(f"trino: {error}", file=sys.stderr)
        return 1
    if asked.write:
        report = f"Run of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {markdown(checks, VERSION)}"
        RESULTS.write_text(fill(RESULTS.read_text(encoding="utf-8"), {"trino": report}), encoding="utf-8")
    wrong = sum(not check.ok for check in checks)
    print(f"{len(checks)} checks, {wrong} wrong")
    return 1 if wrong else 0


def said(world: World, seconds: float) -> Iterator[Check]:
    """All checks, each printed as it comes. Those that change the stack come last."""
    for part in (
        answers.check(world),
        pruning.check(world),
        edges.check(world),
        transcripts.check(world),
        bytes_read.check(world),
        swaps.check(world, seconds),
        erasing.check(world),
        statements.check(world),
    ):
        for check in part:
            print(check, flush=True)
            yield check


@contextmanager
def running(root: Path, java: Path, home: Path) -> Iterator[World]:
    """A stack with settled recordings of the last days, and Trino over it; both end with the block."""
    today = datetime.now(UTC).date()
    plan = Plan(
        simulated=SimulatedCalls(today, count=RECORDINGS, days=DAYS),
        parameters={"FirstPollFrom": str(today - timedelta(days=DAYS)), "AnalystsTable": "true"},
    )
    stack = laptop.start(plan, root, say)
    try:
        settled, _ = settle(stack, None, SETTLE_S, lambda step, census: None)
        if not settled:
            raise LocalError(f"the recordings did not settle within {SETTLE_S:g} s")
        emulator = _emulator_of(stack, root)
        with running_trino(home, java, root / "trino", emulator.endpoint) as trino:
            here = emulator.endpoint
            session = boto3.Session(here.access_key_id, here.secret_access_key, region_name=here.region)
            yield World(
                root=root,
                stack=stack,
                athena=Athena(stack.client("athena"), stack.database, stack.workgroup),
                trino=trino.of(stack.database),
                listings=Listings(root / "trino/trino.log"),
                emulator=emulator,
                session=session,
                laboratory=Laboratory(session, emulator, stack),
            )
    finally:
        laptop.end(root)


def _emulator_of(stack: Stack, root: Path) -> Emulator:
    process = processes.find(EMULATOR, (root / LOCAL_FILE).parent)
    if process is None:
        raise LocalError("the emulator ended")
    given = stack.connection
    key, secret = given["aws_access_key_id"], given["aws_secret_access_key"]
    return Emulator(process, Endpoint(given["endpoint_url"], given["region_name"], key, secret))


if __name__ == "__main__":
    sys.exit(main())
