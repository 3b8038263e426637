"""`python -m bench.poll`: list recordings of both simulated providers with a bare loop, Call Lake and three peers."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bench.poll import peers, tables
from bench.poll.listing import LISTINGS, Listing
from bench.poll.stage import Contender, Judged, Poll, judge, serving
from call_lake_local.bootstrap import SetupError

DAYS = 30
UNTIL = date(2026, 11, 13)  # the autumn clock change lies within the thirty days
FIRST = datetime(2026, 10, 14, tzinfo=UTC)
AFTER_ALL = datetime(2026, 11, 17, tzinfo=UTC)
LATE_FIRST_POLL = datetime(2026, 11, 13, 20, 0, tzinfo=UTC)
A_DAY_LATER = timedelta(hours=31)  # and the latest of the late ones have appeared
LATE = "late:0.1"  # one in ten appears 3 to 30 hours after its own listed time
PERIODS = {"thulium": 8, "conpeek": 2}
"""Requests between two moves of the drifting rows: so the bare loop sees as many moves of either provider."""

CONTENDERS = (
    Contender("floor", "bare loop (requests)", is_peer=False),
    Contender("ours", "Call Lake", is_peer=False),
    Contender("dlt_rest", "dlt rest_api", is_peer=True),
    Contender("singer_tap", "singer-sdk tap", is_peer=True),
    Contender("airbyte_lowcode", "airbyte-cdk low-code", is_peer=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.poll", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="recordings")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved runs of each contender")
    parser.add_argument("--provider", choices=LISTINGS, action="append", help="only this one; may be repeated")
    parser.add_argument("--write", type=Path, help="file whose section 'poll' is to hold the tables")
    asked = parser.parse_args(arguments)
    try:
        peers.make()
    except SetupError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    about = tables.about(asked.count, asked.rounds, platform.machine(), os.cpu_count() or 0, peers.versions)
    listings = [LISTINGS[name] for name in asked.provider or LISTINGS]
    text = "\n".join([about, *(_all_of(listing, asked.count, asked.rounds) for listing in listings)])
    print(text)
    if asked.write:
        tables.write_section(asked.write, "poll", text)
    return 0


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _simulators(count: int, now: datetime, *more: str) -> list[str]:
    world = ["--count", str(count), "--days", str(DAYS), "--until", UNTIL.isoformat(), "--now", now.isoformat()]
    return [*world, *more]


def _all_of(listing: Listing, count: int, rounds: int) -> str:
    parts = [_quiet(listing, count, rounds), _drifting(listing, count), _late(listing, count)]
    return "\n".join([tables.heading(listing), *parts])


def _quiet(listing: Listing, count: int, rounds: int) -> str:
    """Nothing moves: what it costs."""
    runs: dict[Contender, list[Poll]] = {contender: [] for contender in CONTENDERS}
    judged: dict[Contender, Judged] = {}
    with serving(listing, "call_lake_local.simulators", *_simulators(count, AFTER_ALL)) as server, _folder() as folder:
        wanted = server.keys(AFTER_ALL)
        for turn in range(rounds):
            for contender in CONTENDERS:
                _say(f"{listing}, round {turn + 1} of {rounds}: {contender.name}")
                poll = server.poll(contender, folder / f"{contender.module}-{turn}", FIRST, AFTER_ALL)
                judged[contender] = judge(wanted, [poll])
                runs[contender].append(poll)
    return tables.costs(runs, judged, count)


def _drifting(listing: Listing, count: int) -> str:
    """Rows come and go while the first poll pages; a day later all is at rest."""
    found = {}
    for contender in CONTENDERS:
        _say(f"{listing}, drift: {contender.name}")
        arguments = [*_simulators(count, AFTER_ALL), "--period", str(PERIODS[listing.provider])]
        with serving(listing, "bench.poll.server", *arguments) as server, _folder() as folder:
            before = server.keys(AFTER_ALL)
            one = server.poll(contender, folder / "state", FIRST, AFTER_ALL)
            stood = before & server.keys(AFTER_ALL)
            server.be_still()
            server.set_clock(AFTER_ALL + A_DAY_LATER)
            two = server.poll(contender, folder / "state", FIRST, AFTER_ALL + A_DAY_LATER, number=2)
            in_the_end = server.keys(AFTER_ALL + A_DAY_LATER)
        found[contender] = (judge(stood, [one]), judge(in_the_end, [one, two]), [one, two])
    return tables.drift(found, PERIODS[listing.provider])


def _late(listing: Listing, count: int) -> str:
    """Rows appear behind the newest one that was listed."""
    found = {}
    first, second = LATE_FIRST_POLL, LATE_FIRST_POLL + A_DAY_LATER
    arguments = _simulators(count, first, "--faults", LATE)
    with serving(listing, "call_lake_local.simulators", *arguments) as server, _folder() as folder:
        seen, all_in_the_end = server.keys(first), server.keys(second)
        for contender in CONTENDERS:
            _say(f"{listing}, late arrivals: {contender.name}")
            state = folder / contender.module
            server.set_clock(first)
            one = server.poll(contender, state, FIRST, first)
            server.set_clock(second)
            two = server.poll(contender, state, FIRST, second, number=2)
            found[contender] = (judge(seen, [one]), judge(all_in_the_end, [one, two]), [one, two])
    return tables.late(found, len(all_in_the_end - seen))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-poll-") as name:
        yield Path(name)


if __name__ == "__main__":
    sys.exit(main())
