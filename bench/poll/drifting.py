"""The simulators, whose rows come and go while a client pages.

``python -m bench.poll.drifting PERIOD`` and the arguments of ``call_lake_local.simulators``. After every ``PERIOD``
listing requests one row vanishes and one appears, wherever they lie, until a new plan of faults is set.
"""

import random
import sys
from collections import Counter
from datetime import timedelta

from call_lake_local.simulators.__main__ import main
from call_lake_local.simulators.faults import FaultPlan
from call_lake_local.simulators.http_exchange import Answer, Request
from call_lake_local.simulators.provider import SimulatedProvider

MOVES_MOST = 20  # of each kind: then the rows come to rest
APPEAR_WITHIN = timedelta(days=9)  # before the end: what is listed later than that, no daily sweep looks for


def move(provider: SimulatedProvider, turn: int) -> None:
    luck = random.Random(turn)
    rows = provider.catalog.rows()
    provider.catalog.delete(luck.choice(rows).index)
    appears = (rows[-1].started_at - luck.random() * APPEAR_WITHIN).replace(microsecond=0)
    provider.catalog.insert(provider.world.make(provider.kind, provider.catalog.next_index(), appears))


def let_drift(period: int) -> None:
    """Every simulated provider of this process."""
    handle = SimulatedProvider.handle
    plans: dict[str, FaultPlan] = {}
    asked: Counter[str] = Counter()

    def moving(provider: SimulatedProvider, request: Request) -> Answer:
        with provider._lock:
            if plans.setdefault(provider.kind, provider.plan) is provider.plan:
                asked[provider.kind] += 1
                turn, rest = divmod(asked[provider.kind], period)
                if not rest and turn <= MOVES_MOST:
                    move(provider, turn)
        return handle(provider, request)

    SimulatedProvider.handle = moving  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    let_drift(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
