"""Where the inbox's and the lake's objects lie (design sections 2 and 4). Names only, no I/O."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Self

INBOX = "inbox/"
DATA = "lake/calls/data/"
MANIFEST = "lake/calls/manifest/"
GARBAGE = "lake/calls/garbage/"
QUARANTINE = "lake/calls/quarantine/"
OPEN_DATA = "lake/open/data/"
OPEN_MANIFEST = "lake/open/manifest/"

_PARTITION = re.compile(r"source=([a-z0-9-]{1,32})/call_date=(\d{4}-\d{2}-\d{2})/")


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """(``source``, ``call_date``): the calendar day of the call's start in the source's time zone."""

    source: str
    call_date: date

    @property
    def path(self) -> str:
        return f"source={self.source}/call_date={self.call_date.isoformat()}/"

    @property
    def inbox(self) -> str:
        return INBOX + self.path

    @property
    def data(self) -> str:
        return DATA + self.path

    @property
    def manifest(self) -> str:
        return f"{MANIFEST}{self.path}symlink.txt"

    @property
    def garbage(self) -> str:
        return GARBAGE + self.path

    @property
    def open_manifest(self) -> str:
        return f"{OPEN_MANIFEST}{self.path}symlink.txt"

    @classmethod
    def of_key(cls, key: str, prefix: str) -> Self | None:
        """The partition of an object under ``prefix``, or None where its key names none."""
        found = _PARTITION.match(key, len(prefix)) if key.startswith(prefix) else None
        if found is None:
            return None
        try:
            return cls(found[1], date.fromisoformat(found[2]))
        except ValueError:  # 2026-02-30
            return None

    def __str__(self) -> str:
        return self.path.rstrip("/")


AUDIO = "audio/"


TRANSCRIPTS = "transcripts/"
