"""Which stored recordings have no row in table ``sound``: they were stored before AnalyzeSound was switched on."""

from collections.abc import Collection
from datetime import date

from call_lake.bucket.inbox import id_of, read_lines
from call_lake.lake.manifest import partitions_between
from call_lake.lake.search import read_partition
from call_lake.model.lake_tables import CALLS, SOUND
from call_lake.model.layout import Partition
from call_lake.ports import ObjectStore


def unmeasured(store: ObjectStore, first: date, last: date, sources: Collection[str]) -> dict[str, float | None]:
    """These days' recordings that have audio and no row of sound, each with its seconds, None if unknown. ``sources``:
    all, where none is named. A row of sound may still wait in the inbox; calls that wait there are not looked at.
    Raises LakeDamaged."""
    found: dict[str, float | None] = {}
    for place in partitions_between(store, CALLS, first, last, sources):
        measured = _waiting(store, place.partition)  # first: the compactor moves rows from here to there
        measured |= {row["recording_id"] for row in read_partition(store, SOUND.at(place.partition))}
        rows = read_partition(store, place)
        found |= {
            row["recording_id"]: row["audio_s"]
            for row in rows
            if row["audio_uri"] and row["recording_id"] not in measured
        }
    return found


def _waiting(store: ObjectStore, partition: Partition) -> set[str | None]:
    keys = [info.key for info in store.list(SOUND.at(partition).inbox)]
    return {id_of(line) for key in keys for line in read_lines(store, key)}
