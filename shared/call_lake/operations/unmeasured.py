"""Which stored recordings have no row in table ``sound``: they were stored before AnalyzeSound was switched on."""

from collections.abc import Collection
from datetime import date
from typing import Any

from call_lake.bucket.inbox import id_of, read_lines
from call_lake.lake.manifest import partitions_between
from call_lake.lake.search import read_partition
from call_lake.model.events import EVENT_VERSION
from call_lake.model.lake_tables import CALLS, SOUND
from call_lake.model.layout import Partition
from call_lake.model.table import Row
from call_lake.ports import ObjectStore

SAME_NAME = ("recording_id", "source", "call_date", "direction", "started_at", "stored_at")
OF_AUDIO = {
    "format": "audio_format",
    "bytes": "audio_bytes",
    "sha256": "audio_sha256",
    "channels": "audio_channels",
    "sample_rate": "audio_sample_rate",
    "seconds": "audio_s",
}
"""Key of the event -> column of ``calls``."""


def unmeasured(store: ObjectStore, first: date, last: date, sources: Collection[str]) -> list[dict[str, Any]]:
    """The details of the ``Recording Stored`` events of these days' recordings that have audio and no row of sound.
    ``sources``: all, where none is named. A row of sound may still wait in the inbox; calls that wait there are not
    looked at. Raises LakeDamaged."""
    found = []
    for place in partitions_between(store, CALLS, first, last, sources):
        measured = _waiting(store, place.partition)  # first: the compactor moves rows from here to there
        measured |= {row["recording_id"] for row in read_partition(store, SOUND.at(place.partition))}
        rows = read_partition(store, place)
        found += [
            detail_of(store.bucket, row) for row in rows if row["audio_uri"] and row["recording_id"] not in measured
        ]
    return found


def _waiting(store: ObjectStore, partition: Partition) -> set[str | None]:
    keys = [info.key for info in store.list(SOUND.at(partition).inbox)]
    return {id_of(line) for key in keys for line in read_lines(store, key)}


def detail_of(bucket: str, row: Row) -> dict[str, Any]:
    """As ``model.events.recording_stored`` makes it, of a row of ``calls``."""
    return (
        {"version": EVENT_VERSION, "bucket": bucket, "key": row["audio_uri"].removeprefix(f"s3://{bucket}/")}
        | {name: row[name] for name in SAME_NAME}
        | {name: row[column] for name, column in OF_AUDIO.items()}
    )
