"""The servers, the truth about their rows, and one poll of one contender."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests

from bench.poll import peers
from bench.poll.listing import Listing
from bench.poll.task import Answer, Task
from call_lake.model.times import iso
from call_lake_local import processes

START_S = 120.0
POLL_S = 900.0


@dataclass(frozen=True, slots=True)
class Contender:
    module: str
    name: str
    is_peer: bool

    @property
    def command(self) -> list[str]:
        return [str(peers.PYTHON) if self.is_peer else sys.executable, "-m", f"bench.poll.contenders.{self.module}"]


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll took, of the client (``answer``) and of the server."""

    answer: Answer
    requests: int
    rows_walked: int


@dataclass(frozen=True, slots=True)
class Judged:
    """``lost`` of the rows that it had to find, ``twice``: handed on again."""

    lost: int
    twice: int


def judge(wanted: set[str], polls: list[Poll]) -> Judged:
    handed = Counter(key for poll in polls for key in poll.answer.keys)
    return Judged(lost=len(wanted - set(handed)), twice=handed.total() - len(handed))


class Server:
    """The running simulators, of which one provider is asked."""

    def __init__(self, listing: Listing, facts: dict[str, str]) -> None:
        self._listing = listing
        self._url = facts[f"{listing.provider}_url"]
        of_thulium = {"username": facts["thulium_user"], "password": facts["thulium_password"]}
        self._secret = of_thulium if listing.provider == "thulium" else {"key": facts["conpeek_key"]}
        self._admin = self._url.removesuffix("/api") + "/_sim"
        self._session = requests.Session()

    def keys(self, at: datetime) -> set[str]:
        """Of the rows that are listed then."""
        truth = self._session.get(f"{self._admin}/truth?audio=0", timeout=POLL_S).json()
        return {row["provider_key"] for row in truth if row["available_at"] <= iso(at)}

    def set_clock(self, now: datetime) -> None:
        self._session.put(f"{self._admin}/clock", json={"now": iso(now)}, timeout=POLL_S).raise_for_status()

    def be_still(self) -> None:
        """Rows of a drifting server move no more."""
        self._session.put(f"{self._admin}/faults", json={"faults": ""}, timeout=POLL_S).raise_for_status()

    def poll(self, contender: Contender, folder: Path, first: datetime, now: datetime, number: int = 1) -> Poll:
        """One poll in a process of its own; ``folder`` is what it remembers from poll to poll."""
        folder.mkdir(exist_ok=True)
        task = Task(
            provider=self._listing.provider,
            url=self._url,
            secret=self._secret,
            first=self._written(first),
            last=self._written(now),
            now=iso(now),
            number=number,
            folder=str(folder),
        )
        task.write(folder / "task.json")
        self._session.delete(f"{self._admin}/stats", timeout=POLL_S).raise_for_status()
        log = folder / "log"
        with log.open("ab") as output:
            done = subprocess.run(
                [*contender.command, str(folder / "task.json")],
                env=peers.environment(),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=POLL_S,
                check=False,
            )
        if done.returncode:
            raise SystemExit(f"{contender.name} failed on {self._listing}:\n{log.read_text(errors='replace')[-2000:]}")
        stats = self._session.get(f"{self._admin}/stats", timeout=POLL_S).json()
        return Poll(Answer.of(task), stats["listings"], stats["rows_walked"])

    def _written(self, moment: datetime) -> str:
        return moment.astimezone(self._listing.zone).strftime(self._listing.written)


@contextmanager
def serving(listing: Listing, module: str, *arguments: str) -> Iterator[Server]:
    """``python -m module`` with these arguments and ``--ready-file``, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-poll-") as name:
        folder = Path(name)
        ready = folder / "ready.json"
        command = [sys.executable, "-m", module, *arguments, "--ready-file", str(ready)]
        server = processes.start("server", command, state_dir=folder, environment=peers.environment(), attached=True)
        try:
            processes.wait_until_ready(server, ready.exists, deadline_s=START_S)
            yield Server(listing, json.loads(ready.read_text()))
        finally:
            processes.end(server)
