"""What a process of the torture test is told, and the notes it keeps."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TextIO

import pyarrow as pa

from call_lake.lake.arrow_rows import arrow_schema
from call_lake.model.lake_tables import CALLS, TABLES, TablePartition
from call_lake.model.layout import Partition
from tests.torture.model import Note, as_json, from_json

SOURCE = "thulium"
DAYS_BACK = (0, 1, 10)  # one that fills, one that may still, one that is closed


@dataclass(frozen=True, slots=True)
class Job:
    """``number`` of the writer or reader among its like. ``naive``: the lake that overwrites. ``endpoint_url``, bucket
    and table of a local AWS. ``engine``: the URL of a query engine, for readers that ask one. ``tables``: names of the
    lake's tables that take part."""

    role: str
    number: int
    writers: int
    naive: bool
    endpoint_url: str
    bucket: str
    table: str
    today: str
    grace_s: float
    notes: str
    stop: str
    engine: str = ""
    tables: tuple[str, ...] = ()

    @classmethod
    def given(cls) -> Self:
        return cls(**json.loads(sys.argv[1]))

    def text(self) -> str:
        return json.dumps(asdict(self))

    def is_ready(self) -> None:
        """Told when all is imported and connected: the test's time begins when everybody is."""
        (Path(self.notes) / f"{self.role}-{self.number}.ready").touch()

    def goes_on(self) -> bool:
        return not Path(self.stop).exists()

    def partitions(self) -> list[TablePartition]:
        chosen = [table for table in TABLES if table.name in self.tables]
        return [table.at(day) for day in days_of(date.fromisoformat(self.today)) for table in chosen]


def days_of(today: date) -> list[Partition]:
    return [Partition(SOURCE, today - timedelta(days=back)) for back in DAYS_BACK]


class Notes:
    """Written as they come, so that nothing is lost with a process."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, note: Note) -> None:
        self._file.write(json.dumps(as_json(note)) + "\n")
        self._file.flush()


def notes_in(folder: Path) -> Iterator[Note]:
    for file in sorted(folder.glob("*.notes")):
        with file.open() as lines:
            for line in lines:
                yield from_json(json.loads(line))


def name_of(writer: int, number: int) -> str:
    return f"{SOURCE}-{writer:08x}{number:024x}"


def table_of(partition: TablePartition, versions: dict[str, int]) -> pa.Table:
    """Invented rows, one for each id; the same id and version is the same row, in every process."""
    table = partition.table
    moments = {name: datetime.fromtimestamp(version / 1000, UTC) for name, version in versions.items()}
    rows: list[dict[str, Any]] = [
        {"recording_id": name, "engine": "invented", table.rank: moment, "schema_version": 1}
        for name, moment in moments.items()
    ]
    if table is CALLS:
        rows = [row | _of_call(row["recording_id"], partition) for row in rows]
    return pa.Table.from_pylist(rows, schema=arrow_schema(table))


def _of_call(name: str, partition: TablePartition) -> dict[str, Any]:
    noon = datetime(partition.call_date.year, partition.call_date.month, partition.call_date.day, 12, tzinfo=UTC)
    return {
        "provider": SOURCE,
        "provider_key": f"{name}.wav",
        "started_at": noon + timedelta(milliseconds=int(name[-8:], 16) * 977 % 30_000_000),
        "caller": f"000{int(name[-6:], 16):06d}",
        "audio_bytes": int(name[-6:], 16),
        "raw": "{}",
    }


def now_ns() -> int:
    return time.monotonic_ns()
