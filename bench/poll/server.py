"""The simulators of `local`, whose rows come and go while a client pages: `python -m bench.poll.server`.

Every few listing requests one row vanishes and one appears, wherever they lie, whatever the client asks for.
"""

import argparse
import json
import random
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from call_lake.model.times import parse_iso
from call_lake_local.processes import exit_with_parent
from call_lake_local.simulators.clock import SimClock
from call_lake_local.simulators.conpeek import Conpeek
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.http_exchange import Answer, Request
from call_lake_local.simulators.provider import SimulatedProvider
from call_lake_local.simulators.serving import running
from call_lake_local.simulators.simulation import FAKE_KEY, FAKE_PASSWORD, Simulation
from call_lake_local.simulators.thulium import USER, Thulium
from call_lake_local.simulators.world import World

SEED = 7
MOVES_MOST = 20  # of each kind: then the rows come to rest
APPEAR_WITHIN = timedelta(days=9)  # before the end: what is listed later than that, no daily sweep looks for


class Restless(SimulatedProvider):
    """Moves until a new plan of faults is set."""

    def __init__(self, world: World, secret: str, clock: SimClock, period: int) -> None:
        """``period``: requests between two moves."""
        self._restless = FaultPlan(SEED)
        super().__init__(world, secret, clock, self._restless)
        self._period, self._asked = period, 0

    def handle(self, request: Request) -> Answer:
        if self.plan is self._restless:
            self._move()
        return super().handle(request)

    def _move(self) -> None:
        with self._lock:
            self._asked += 1
            turn, rest = divmod(self._asked, self._period)
            if rest or turn > MOVES_MOST:
                return
            luck = random.Random(turn)
            rows = self.catalog.rows()
            self.catalog.delete(luck.choice(rows).index)
            appears = rows[-1].started_at - luck.random() * APPEAR_WITHIN
            self.catalog.insert(self.world.make(self.kind, self.catalog.next_index(), appears.replace(microsecond=0)))


class RestlessThulium(Restless, Thulium):
    pass


class RestlessConpeek(Restless, Conpeek):
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    exit_with_parent()
    parser = argparse.ArgumentParser(prog="python -m bench.poll.server")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--until", type=date.fromisoformat, required=True)
    parser.add_argument("--now", type=parse_iso, required=True)
    parser.add_argument("--period", type=int, required=True)
    parser.add_argument("--ready-file", type=Path, required=True)
    asked = parser.parse_args(arguments)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    first = asked.until - timedelta(days=asked.days - 1)
    world = World.generate(SEED, count=asked.count, start=first, days=asked.days)
    clock = SimClock(asked.now)
    thulium = RestlessThulium(world, FAKE_PASSWORD, clock, asked.period)
    conpeek = RestlessConpeek(world, FAKE_KEY, clock, asked.period)
    with running(world, simulation=Simulation(world, clock, thulium, conpeek)) as handles:
        facts = {"thulium_url": handles.thulium_url, "thulium_user": USER, "thulium_password": FAKE_PASSWORD}
        facts |= {"conpeek_url": handles.conpeek_url, "conpeek_key": FAKE_KEY}
        half = asked.ready_file.with_suffix(".half")
        half.write_text(json.dumps(facts))
        half.replace(asked.ready_file)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
