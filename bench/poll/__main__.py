"""`python -m bench.poll`: list recordings of both simulated providers with a bare loop, Call Lake and three peers."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.harness.runner import bench, rounds, say
from bench.poll import tables
from bench.poll.listing import LISTINGS, Listing
from bench.poll.provider import PEERS, Client, Judged, Polled, judge, simulated

DAYS = 30
UNTIL = date(2026, 11, 13)  # the autumn clock change lies within the thirty days
FIRST = datetime(2026, 10, 14, tzinfo=UTC)
AFTER_ALL = datetime(2026, 11, 17, tzinfo=UTC)
LATE_FIRST_POLL = datetime(2026, 11, 13, 20, 0, tzinfo=UTC)
A_DAY_LATER = timedelta(hours=31)  # and the latest of the late ones have appeared
LATE = "late:0.1"  # one in ten appears 3 to 30 hours after its own listed time
PERIODS = {"thulium": 8, "conpeek": 2}
"""Requests between two moves of the drifting rows: so the bare loop sees as many moves of either provider."""

CLIENTS = (
    Client("floor", "bare loop (requests)"),
    Client("call_lake_listing", "Call Lake"),
    Client("dlt_rest", "dlt rest_api", is_peer=True),
    Client("singer_tap", "singer-sdk tap", is_peer=True),
    Client("airbyte_lowcode", "airbyte-cdk low-code", is_peer=True),
)
SIMULATORS = "call_lake_local.simulators"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.poll", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="recordings")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved runs of each client")
    parser.add_argument("--provider", choices=LISTINGS, action="append", help="only this one; may be repeated")
    return bench("poll", parser, measure, PEERS, lambda: PEERS.versions("dlt", "singer-sdk", "airbyte-cdk"))


def measure(asked: argparse.Namespace) -> str:
    parts = [f"{asked.count:,} recordings over thirty days on each simulated provider.\n"]
    for name in asked.provider or LISTINGS:
        listing = LISTINGS[name]
        parts.append(f"### {listing}\n\nIn pages of {listing.page} rows.\n")
        with tempfile.TemporaryDirectory(prefix="bench-poll-") as folder:
            parts += [part(listing, asked, Path(folder)) for part in (_quiet, _drifting, _late)]
    return "\n".join(parts)


def _world(count: int, now: datetime) -> list[str]:
    dates = ["--until", UNTIL.isoformat(), "--now", now.isoformat()]
    return ["--count", str(count), "--days", str(DAYS), *dates]


def _quiet(listing: Listing, asked: argparse.Namespace, folder: Path) -> str:
    """Nothing moves: what it costs."""
    with simulated(listing, SIMULATORS, *_world(asked.count, AFTER_ALL)) as provider:
        wanted = provider.keys(AFTER_ALL)

        def poll(client: Client, number: int) -> Polled:
            return provider.poll(client, folder / f"{client.module}-{number}", FIRST, AFTER_ALL)

        runs = rounds(CLIENTS, asked.rounds, poll)
    return tables.costs(runs, {client: judge(wanted, polls[-1:]) for client, polls in runs.items()}, asked.count)


def _for_each(
    listing: Listing, trouble: str, poll_twice: Callable[[Client], tuple[Judged, Judged, list[Polled]]]
) -> tables.Found:
    found = {}
    for client in CLIENTS:
        say(f"{listing}, {trouble}: {client}")
        found[client] = poll_twice(client)
    return found


def _drifting(listing: Listing, asked: argparse.Namespace, folder: Path) -> str:
    """Rows come and go while the first poll pages; a day later all is at rest."""
    period = PERIODS[listing.provider]

    def poll_twice(client: Client) -> tuple[Judged, Judged, list[Polled]]:
        state = folder / f"{client.module}-drift"
        command = ["bench.poll.drifting", str(period), *_world(asked.count, AFTER_ALL)]
        with simulated(listing, *command) as provider:
            before = provider.keys(AFTER_ALL)
            one = provider.poll(client, state, FIRST, AFTER_ALL)
            stood = before & provider.keys(AFTER_ALL)
            provider.stop_drifting()
            provider.set_clock(AFTER_ALL + A_DAY_LATER)
            two = provider.poll(client, state, FIRST, AFTER_ALL + A_DAY_LATER, number=2)
            in_the_end = provider.keys(AFTER_ALL + A_DAY_LATER)
        return judge(stood, [one]), judge(in_the_end, [one, two]), [one, two]

    return tables.drift(_for_each(listing, "drift", poll_twice), period)


def _late(listing: Listing, asked: argparse.Namespace, folder: Path) -> str:
    """Rows appear behind the newest one that was listed."""
    first, second = LATE_FIRST_POLL, LATE_FIRST_POLL + A_DAY_LATER
    with simulated(listing, SIMULATORS, *_world(asked.count, first), "--faults", LATE) as provider:
        seen, in_the_end = provider.keys(first), provider.keys(second)

        def poll_twice(client: Client) -> tuple[Judged, Judged, list[Polled]]:
            state = folder / f"{client.module}-late"
            provider.set_clock(first)
            one = provider.poll(client, state, FIRST, first)
            provider.set_clock(second)
            two = provider.poll(client, state, FIRST, second, number=2)
            return judge(seen, [one]), judge(in_the_end, [one, two]), [one, two]

        found = _for_each(listing, "late arrivals", poll_twice)
    return tables.late(found, len(in_the_end - seen))


if __name__ == "__main__":
    sys.exit(main())
