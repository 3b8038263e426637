"""The rows of a canary: invented, and made so that each value tells which row it belongs to."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS, SCHEMA_VERSION, Row
from call_lake.model.times import iso

PROVIDER = "canary"
DAY_MS = 86_400_000
STEP_MS = 7_919_357  # coprime to a day's milliseconds: no two rows begin at once, and neighbours are far apart
TIMES = ("started_at", "ended_at", "listed_at", "stored_at")
"""The columns that are written as differences (DELTA_BINARY_PACKED)."""
UNLISTED = 3  # each third row has no listed_at: a reader has to skip a null among the differences


@dataclass(frozen=True, slots=True)
class CanaryRows:
    """The rows 1, 2, 3 … of one canary. ``run``: its own random text, so that no id of another canary is used again.
    Row n has ``talk_s`` and ``audio_bytes`` n, and every second one is ``inbound``."""

    partition: Partition
    run: str
    stored_at: datetime

    def id_of(self, number: int) -> str:
        digest = hashlib.sha256(f"{PROVIDER} {self.run} {number}".encode()).hexdigest()[:32]
        return f"{self.partition.source}-{digest}"

    def caller_of(self, number: int) -> str:
        """No number that is assigned begins like this."""
        return f"+48000{number:06d}"

    def row(self, number: int) -> Row:
        began = datetime.combine(self.partition.call_date, time(), UTC) + timedelta(
            milliseconds=number * STEP_MS % DAY_MS
        )
        known = {
            "recording_id": self.id_of(number),
            "provider": PROVIDER,
            "provider_key": f"{PROVIDER} {number}",
            "started_at": iso(began),
            "ended_at": iso(began + timedelta(seconds=number)),
            "listed_at": None if number % UNLISTED == 0 else iso(began + timedelta(hours=1, milliseconds=number)),
            "direction": "inbound" if number % 2 else "outbound",
            "caller": self.caller_of(number),
            "agent": PROVIDER,
            "talk_s": float(number),
            "audio_bytes": number,
            "stored_at": iso(self.stored_at + timedelta(milliseconds=number)),
            "raw": "{}",
            "schema_version": SCHEMA_VERSION,
            "source": self.partition.source,
            "call_date": self.partition.call_date.isoformat(),
        }
        return dict.fromkeys(COLUMNS) | known

    def times(self, numbers: Iterable[int]) -> dict[str, tuple[str | None, ...]]:
        """What a reader has to find in the columns ``TIMES``, by recording id."""
        rows = map(self.row, numbers)
        return {row["recording_id"]: tuple(row[name] for name in TIMES) for row in rows}

    def daily(self, last: int) -> dict[str, float]:
        """What the view ``calls_daily`` has to say of the rows 1 to ``last``."""
        total = last * (last + 1) // 2
        calls = {"calls": last, "inbound": last - last // 2, "outbound": last // 2, "agents": 1}
        return calls | {"talk_s": float(total), "audio_bytes": total}
