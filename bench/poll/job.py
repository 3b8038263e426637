"""What a client is asked. Standard library only: peers run without Call Lake's libraries."""

import base64
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from bench.harness import job
from bench.poll.listing import LISTINGS, Listing


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll. ``secret`` is as Call Lake keeps it: username and password, or key. ``first`` and ``last`` are times as
    the provider writes them, ``now`` the provider's clock (ISO 8601). ``folder`` keeps what a client wants to remember
    until its next poll; polls count from 1."""

    provider: str
    url: str
    secret: dict[str, str]
    first: str
    last: str
    now: str
    number: int
    folder: str

    @classmethod
    def given(cls) -> Self:
        return cls(**job.given())

    @property
    def listing(self) -> Listing:
        return LISTINGS[self.provider]

    @property
    def authorization(self) -> str:
        """The header: basic, or the raw key."""
        if "key" in self.secret:
            return self.secret["key"]
        pair = f"{self.secret['username']}:{self.secret['password']}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    @property
    def memory(self) -> Path:
        return Path(self.folder) / "memory"

    @property
    def messages(self) -> Path:
        """For what a client prints."""
        return Path(self.folder) / f"messages-{self.number}"

    def begin(self) -> datetime:
        return datetime.strptime(self.first, self.listing.written).replace(tzinfo=self.listing.zone).astimezone(UTC)

    def remembered[T](self, nothing: T) -> T:
        found: T = json.loads(self.memory.read_text()) if self.memory.exists() else nothing
        return found

    def remember(self, what: object) -> None:
        self.memory.write_text(json.dumps(what))


@contextmanager
def standard_output_to(file: Path) -> Iterator[None]:
    """Also what is written to descriptor 1 past ``sys.stdout``."""
    sys.stdout.flush()
    kept = os.dup(1)
    with file.open("wb") as out:
        os.dup2(out.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
