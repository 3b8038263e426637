"""Rows, compactions and readers that the lake's tests share."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow.parquet as pq
from pyarrow import BufferReader

from call_lake.lake.arrow_rows import table_of
from call_lake.lake.compactor import CompactionResult, Compactor
from call_lake.lake.lake import Lake
from call_lake.lake.manifest import list_partitions, read_manifest
from call_lake.model.lake_tables import CALLS, SOUND, LakeTable, TablePartition
from call_lake.model.layout import Partition
from call_lake.model.table import COLUMNS, SCHEMA_VERSION, Row
from call_lake.model.transcripts import Segment, Transcript, transcript_row
from call_lake.settings import CompactorSettings
from tests.support.fakes.calls import Call, Proceed
from tests.support.fakes.world import World

TODAY = date(2026, 10, 20)  # the fake clock's
SETTINGS = CompactorSettings("ledger", "call-lake-test", "call_lake")
IN_TIME_S = 1e9


def row_of(number: int, *, day: date = TODAY, source: str = "thulium", **changes: Any) -> Row:
    """One invented row; ``number`` is its recording."""
    given = {
        "recording_id": f"{source}-{number:032x}",
        "provider": source,
        "provider_key": f"sales/{number}.wav",
        "started_at": f"{day}T08:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        "caller": f"000{number:06d}",
        "duration_s": 12.5,
        "audio_bytes": 1000 + number,
        "audio_channels": 1,
        "stored_at": f"{TODAY}T09:00:00.000Z",
        "raw": f'{{"filename": "sales/{number}.wav"}}',
        "schema_version": SCHEMA_VERSION,
    }
    return dict.fromkeys(COLUMNS) | given | {"source": source, "call_date": day.isoformat()} | changes


def table_from(rows: list[Row], partition: TablePartition) -> Any:
    table, rejected = table_of([json.dumps(row) for row in rows], partition)
    assert not rejected
    return table


def lake_of(world: World, grace_s: float = 86_400) -> Lake:
    return Lake(world.store, world.table, world.clock, grace_s)


def compacted(world: World, *, until_s: float = IN_TIME_S, threads: int = 1) -> CompactionResult:
    return Compactor(world.store, world.table, world.catalog, world.clock, SETTINGS, threads=threads).run(until_s)


def rows_in(world: World, of: LakeTable = CALLS) -> list[Row]:
    """Every row that the manifests of a table show now, read by plain pyarrow, without a call of the world and without
    any deduplication."""
    found: list[Row] = []
    bodies = world.store.bodies()
    for key, body in bodies.items():
        if key.startswith(of.manifests):
            partition = TablePartition.of_key(key)
            assert partition is not None
            for uri in body.decode().splitlines():
                data = bodies[uri.removeprefix("s3://call-lake-test/")]
                for values in pq.ParquetFile(BufferReader(data)).read().to_pylist():
                    found.append(values | {"source": partition.source, "call_date": partition.call_date.isoformat()})
    return found


def ids_in(world: World) -> list[str]:
    return sorted(row["recording_id"] for row in rows_in(world))


def partitions_of(world: World) -> list[TablePartition]:
    """Every one that was ever committed."""
    return [listed.partition for listed in list_partitions(world.store, CALLS)]


def files_of(world: World, partition: TablePartition) -> list[str]:
    return list(read_manifest(world.store, partition).keys)


def erase_in_ledger(world: World, recording_id: str) -> None:
    world.table.update(recording_id, {"state": "ERASED"})


class Before:
    """Lets ``act`` happen once, right before the ``number``-th call from now."""

    def __init__(self, world: World, number: int, act: Callable[[], Any]) -> None:
        self.happened = False
        self._left = number
        self._act = act
        self._stop = world.calls.on_call(self)

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        self._left -= 1
        if self._left == 0:
            self.happened = True
            self._stop()
            self._act()
        return proceed()


def transcript_of(number: int, engine: str = "aws", *, day: date = TODAY, text: str = "dobry", **more: Any) -> Row:
    """One invented row of table ``transcripts``."""
    segment = Segment(0.5, 1.75, text, channel=0, confidence=0.5)
    heard = Transcript(
        recording_id=f"thulium-{number:032x}",
        engine=engine,
        language="pl-PL",
        segments=[segment],
        words=len(text.split()),
        confidence=0.5,
        channels=1,
        transcribed_at=datetime(TODAY.year, TODAY.month, TODAY.day, 10, tzinfo=UTC),
    )
    return transcript_row(heard, Partition("thulium", day)) | more


def sound_of(number: int, *, day: date = TODAY, **more: Any) -> Row:
    """One invented row of table ``sound``."""
    given = {
        "recording_id": f"thulium-{number:032x}",
        "silence_share": 0.25,
        "analyzed_at": f"{TODAY}T10:00:00.000Z",
        "schema_version": SOUND.schema_version,
    }
    return dict.fromkeys(SOUND.columns) | given | {"source": "thulium", "call_date": day.isoformat()} | more
