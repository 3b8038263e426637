"""`python -m call_lake_local.simulators`: run both providers as a process until it is told to end."""

import argparse
import json
import os
import signal
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from call_lake.model.times import parse_iso
from call_lake_local.processes import exit_with_parent
from call_lake_local.simulators.faults import FAULTS, FaultPlan
from call_lake_local.simulators.serving import Handles, running
from call_lake_local.simulators.simulation import FAKE_KEY, FAKE_PASSWORD, Simulation
from call_lake_local.simulators.thulium import USER
from call_lake_local.simulators.world import World


def main(arguments: list[str] | None = None) -> int:
    exit_with_parent()
    asked = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        plan = FaultPlan.parse(asked.faults, asked.seed)
    except ValueError as error:
        print(f"simulators: {error}", file=sys.stderr)
        return 2
    first = asked.until - timedelta(days=asked.days - 1)
    world = World.generate(asked.seed, count=asked.count, start=first, days=asked.days, tz="Europe/Warsaw")
    simulation = Simulation.of(
        world,
        plan,
        password=os.environ.get("THULIUM_PASSWORD") or FAKE_PASSWORD,
        key=os.environ.get("CONPEEK_KEY") or FAKE_KEY,
    )
    simulation.clock.set(parse_iso(asked.now) if asked.now else None)
    with running(world, simulation=simulation) as handles:
        _say_ready(handles, asked.ready_file)
        ended.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    known = "\n".join(f"  {f.name:22} {f.place.value}, {f.rate:g}: {f.what}" for f in FAULTS.values())
    parser = argparse.ArgumentParser(
        prog="python -m call_lake_local.simulators",
        description="Simulated Thulium and Conpeek on 127.0.0.1. Secrets: THULIUM_PASSWORD, CONPEEK_KEY.",
        epilog=f"faults (where they happen, their rate, what they do):\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=200, help="recordings of each provider")
    parser.add_argument("--days", type=int, default=30, help="days over which they lie")
    parser.add_argument("--until", type=date.fromisoformat, default=datetime.now(UTC).date(), help="their last day")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same calls")
    parser.add_argument("--now", metavar="TIME", help="the providers' clock stays at this time (ISO 8601 with offset)")
    parser.add_argument("--faults", default="", metavar="NAME,NAME:RATE,NAME!", help="! makes one sticky")
    parser.add_argument("--ready-file", type=Path, help="JSON with URLs, credentials and pid, once all is up")
    return parser


def _say_ready(handles: Handles, file: Path | None) -> None:
    facts = {
        "pid": os.getpid(),
        "thulium_url": handles.thulium_url,
        "thulium_user": USER,
        "thulium_password": handles.simulation.thulium.secret,
        "conpeek_url": handles.conpeek_url,
        "conpeek_key": handles.simulation.conpeek.secret,
        "foreign_url": handles.foreign_url,
    }
    if file is None:
        print(json.dumps({name: value for name, value in facts.items() if "pass" not in name and "key" not in name}))
        return
    half = file.with_name(f"{file.name}.{os.getpid()}")
    half.touch(mode=0o600)
    half.write_text(json.dumps(facts, indent=2))
    half.replace(file)  # a process that waits for the file never sees half of it


if __name__ == "__main__":
    sys.exit(main())
