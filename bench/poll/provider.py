"""The simulated provider of a run: its rows, its clock, and one poll of it by one client."""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import requests

from bench.harness.peers import Peers
from bench.harness.runner import TIME_LIMIT_S, Measured, environment
from bench.poll.job import Poll
from bench.poll.listing import Listing
from call_lake.model.times import iso
from call_lake_local import processes

START_S = 120.0
PEERS = Peers("poll")


@dataclass(frozen=True, slots=True)
class Client:
    """``module`` of ``bench.poll.clients``."""

    module: str
    name: str
    is_peer: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Polled:
    """``keys`` of all that was handed on, as often as it was. ``wall_s`` and ``cpu_s`` are of the listing,
    ``process_cpu_s`` includes the start of the program. ``requests`` and ``rows_walked`` are the provider's count."""

    keys: list[str]
    wall_s: float
    cpu_s: float
    process_cpu_s: float
    peak_mb: float
    requests: int
    rows_walked: int


@dataclass(frozen=True, slots=True)
class Judged:
    """``lost`` of the rows that it had to find, ``twice``: handed on again."""

    lost: int
    twice: int


def judge(wanted: set[str], polls: Sequence[Polled]) -> Judged:
    handed = Counter(key for poll in polls for key in poll.keys)
    return Judged(lost=len(wanted - set(handed)), twice=handed.total() - len(handed))


class Provider:
    """One of the two that are simulated."""

    def __init__(self, listing: Listing, facts: dict[str, str]) -> None:
        self._listing = listing
        self._url = facts[f"{listing.provider}_url"]
        of_thulium = {"username": facts["thulium_user"], "password": facts["thulium_password"]}
        self._secret = of_thulium if listing.provider == "thulium" else {"key": facts["conpeek_key"]}
        self._admin = self._url.removesuffix("/api") + "/_sim"
        self._session = requests.Session()

    def keys(self, at: datetime) -> set[str]:
        """Of the rows that are listed then."""
        truth = self._session.get(f"{self._admin}/truth?audio=0", timeout=TIME_LIMIT_S).json()
        return {row["provider_key"] for row in truth if row["available_at"] <= iso(at)}

    def set_clock(self, now: datetime) -> None:
        self._session.put(f"{self._admin}/clock", json={"now": iso(now)}, timeout=TIME_LIMIT_S).raise_for_status()

    def stop_drifting(self) -> None:
        self._session.put(f"{self._admin}/faults", json={"faults": ""}, timeout=TIME_LIMIT_S).raise_for_status()

    def poll(self, client: Client, folder: Path, first: datetime, now: datetime, number: int = 1) -> Polled:
        """One poll; ``folder`` keeps what the client remembers from poll to poll."""
        folder.mkdir(exist_ok=True)
        since, until = (at.astimezone(self._listing.zone).strftime(self._listing.written) for at in (first, now))
        poll = Poll(self._listing.provider, self._url, self._secret, since, until, iso(now), number, str(folder))
        self._session.delete(f"{self._admin}/stats", timeout=TIME_LIMIT_S).raise_for_status()
        python = PEERS.python if client.is_peer else sys.executable
        command = [python, "-m", f"bench.poll.clients.{client.module}"]
        answer, _ = Measured.module(command, asdict(poll), folder, environment(folder)).result()
        stats = self._session.get(f"{self._admin}/stats", timeout=TIME_LIMIT_S).json()
        return Polled(**answer, requests=stats["listings"], rows_walked=stats["rows_walked"])


@contextmanager
def simulated(listing: Listing, *command: str) -> Iterator[Provider]:
    """``python -m`` with this command and ``--ready-file``, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-poll-") as name:
        folder = Path(name)
        ready = folder / "ready.json"
        whole = [sys.executable, "-m", *command, "--ready-file", str(ready)]
        server = processes.start("server", whole, state_dir=folder, environment=environment(folder), attached=True)
        try:
            processes.wait_until_ready(server, ready.exists, deadline_s=START_S)
            yield Provider(listing, json.loads(ready.read_text()))
        finally:
            processes.end(server)
