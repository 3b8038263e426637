"""The rows of the bench: a first load, increments with late and repeated rows, and what has to be there at the end.

All is invented and seeded. An increment of 2,000 rows goes to 22 partitions: today and yesterday of both sources, and
18 older ones, which share the late rows. Of fifty repeated rows 48 are the same again, one is a newer version, and
one an older one that arrives late.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import batched
from pathlib import Path
from typing import Any

import pyarrow as pa

from call_lake.lake.arrow_rows import arrow_schema
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import Partition

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
DAYS = 30
SOURCES = ("thulium", "conpeek")
OLD_PARTITIONS = 18
LATE = REPEATED = 0.05
AGENTS = 80
OWN_NUMBERS = 12
STRANGERS = 150_000
DISPOSITIONS = ("ANSWERED", "ANSWERED", "ANSWERED", "NO ANSWER", "BUSY")
WIDE = pa.schema([*arrow_schema(CALLS), pa.field("source", pa.string()), pa.field("call_date", pa.string())])

type Values = dict[str, Any]
"""One row; times in ms since the epoch."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """``folder`` holds ``load.arrow`` and ``increment-<n>.arrow``. ``truth`` of the load and of each increment on its
    own: by recording id the newest ``stored_at`` in ms."""

    folder: Path
    load_rows: int
    increments: int
    load_truth: dict[str, int]
    increment_truths: list[dict[str, int]]

    def truth(self, increments: Sequence[int]) -> dict[str, int]:
        """What has to be there after the load and these increments, in whatever order they came."""
        newest = dict(self.load_truth)
        for number in increments:
            for name, stored_at in self.increment_truths[number].items():
                newest[name] = max(stored_at, newest.get(name, stored_at))
        return newest


def partitions() -> list[Partition]:
    today = NOW.date()
    return [Partition(source, today - timedelta(days=back)) for back in range(DAYS) for source in SOURCES]


def make(folder: Path, load_rows: int, increments: int, increment_rows: int) -> Dataset:
    """Write the files; the same arguments give the same rows."""
    maker = _Maker()
    everywhere = partitions()
    load = [row for where in everywhere for row in maker.rows(where, load_rows // len(everywhere))]
    _write(folder / "load.arrow", load)
    by_partition: dict[tuple[str, str], list[Values]] = {}
    for row in load:
        by_partition.setdefault((row["source"], row["call_date"]), []).append(row)
    truths = []
    for number in range(increments):
        rows = list(_increment(maker, everywhere, by_partition, increment_rows, number))
        _write(folder / f"increment-{number}.arrow", rows)
        truths.append(_truth(rows))
    return Dataset(folder, len(load), increments, _truth(load), truths)


def _increment(
    maker: "_Maker", everywhere: list[Partition], standing: dict[tuple[str, str], list[Values]], count: int, number: int
) -> Iterator[Values]:
    luck = random.Random(1000 + number)
    fresh, old = everywhere[: 2 * len(SOURCES)], luck.sample(everywhere[2 * len(SOURCES) :], OLD_PARTITIONS)
    late, repeated = int(count * LATE), int(count * REPEATED)
    new = [row for n in range(count - late - repeated) for row in maker.rows(fresh[n % len(fresh)], 1)]
    new += [row for n in range(late) for row in maker.rows(old[n % len(old)], 1)]
    touched = [*fresh, *old]
    again = []
    for n in range(repeated):
        where = touched[n % len(touched)]
        row = dict(luck.choice(standing[where.source, where.call_date.isoformat()]))
        if n % 50 == 24:
            row |= {"stored_at": row["stored_at"] + 60_000 * (1 + number), "disposition": "TRANSFERRED"}
        if n % 50 == 49:
            row |= {"stored_at": row["stored_at"] - 60_000, "disposition": "RINGING"}
        again.append(row)
    for row in new:
        standing[row["source"], row["call_date"]].append(row)
    rows = new + again
    luck.shuffle(rows)
    yield from rows


class _Maker:
    def __init__(self) -> None:
        self._luck = random.Random(7)
        self._made = 0

    def rows(self, where: Partition, count: int) -> Iterator[Values]:
        for _ in range(count):
            self._made += 1
            yield self._row(where, self._made)

    def _row(self, where: Partition, number: int) -> Values:
        luck, day = self._luck, self._day(where.call_date)
        since_midnight_s = 6 * 3600 + luck.random() * 14 * 3600
        started_ms = day.midnight_ms + int(since_midnight_s * 1000)
        talk_s = round(luck.expovariate(1 / 180), 1)
        stranger, own = f"000{int(luck.random() * STRANGERS):06d}", f"0009{int(luck.random() * OWN_NUMBERS):02d}"
        is_inbound = luck.random() < 0.6
        caller, callee = (stranger, own) if is_inbound else (own, stranger)
        agent = f"agent-{int(luck.random() * AGENTS):03d}"
        name = f"{where.source}-{hashlib.sha256(b'%d' % number).hexdigest()[:32]}"
        direction = "inbound" if is_inbound else "outbound"
        connection = f"{started_ms / 1000:.3f}.{number % 1000}"
        key = f"{direction}-{caller}-{callee}-{started_ms // 1000}.{number}.wav"
        disposition = DISPOSITIONS[int(luck.random() * len(DISPOSITIONS))]
        minute = int(since_midnight_s) // 60
        raw = (
            f'{{"id": {number}, "filename": "{key}", "connection_id": "{connection}", '
            f'"created_at": "{day.text} {minute // 60:02d}:{minute % 60:02d}", "src": "{caller}", "dst": "{callee}", '
            f'"agent": {{"login": "{agent}", "queue": "queue-{number % 9}"}}, "status": "{disposition}", '
            f'"duration": {talk_s + 7:.1f}, "billsec": {talk_s}}}'
        )
        return {
            "recording_id": name,
            "provider": where.source,
            "provider_key": key,
            "connection_id": connection,
            "started_at": started_ms,
            "ended_at": started_ms + int(talk_s * 1000) + 7000,
            "listed_at": started_ms // 60_000 * 60_000 + 600_000,
            "direction": direction,
            "caller": caller,
            "callee": callee,
            "agent": agent,
            "disposition": disposition,
            "duration_s": talk_s + 7,
            "talk_s": talk_s,
            "audio_uri": f"s3://bench/audio/source={where.source}/call_date={day.text}/{name}.wav",
            "audio_format": "wav",
            "audio_bytes": int(talk_s * 16_000) + 44,
            "audio_sha256": luck.randbytes(32).hex(),
            "audio_channels": 1,
            "audio_sample_rate": 8000,
            "audio_s": talk_s,
            "stored_at": started_ms + 900_000 + number % 1000,
            "raw": raw,
            "schema_version": 1,
            "audio_note": None,
            "ended_at_source": "provider",
            "queue": None,
            "queue_name": None,
            "team": None,
            "team_name": None,
            "source": where.source,
            "call_date": day.text,
        }

    @cache  # noqa: B019  # one of a run
    def _day(self, day: date) -> "_Day":
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return _Day(int(midnight.timestamp()) * 1000, day.isoformat())


@dataclass(frozen=True, slots=True)
class _Day:
    midnight_ms: int
    text: str


def _truth(rows: list[Values]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for row in rows:
        at = row["stored_at"]
        newest[row["recording_id"]] = max(at, newest.get(row["recording_id"], at))
    return newest


def _write(file: Path, rows: list[Values]) -> None:
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, WIDE) as writer:
        for some in batched(rows, 50_000, strict=False):
            columns = [_column(field, [row[field.name] for row in some]) for field in WIDE]
            writer.write_table(pa.Table.from_arrays(columns, schema=WIDE))


def _column(field: pa.Field, values: list[Any]) -> pa.Array:
    if pa.types.is_timestamp(field.type):
        return pa.array(values, pa.int64()).cast(field.type)
    return pa.array(values, field.type)


def week() -> set[date]:
    """The week that is asked for."""
    return {NOW.date() - timedelta(days=back) for back in range(3, 10)}
