"""What a world came to: one comparable value, and everything in it that contradicts itself."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow.parquet as pq

from call_lake.ledger.entry import State, state_of
from call_lake.model.lake_tables import CALLS
from call_lake.model.layout import INBOX, Partition
from tests.support.fakes import World

type Items = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that must be the same however often it was interrupted."""

    audio: dict[str, str]
    """Key and SHA-256 of every audio object."""
    rows: dict[str, tuple[str, ...]]
    """Of every recording its row, as far as it does not tell when it was stored."""
    ledger: dict[str, tuple[str, str | None]]
    announced: frozenset[str]
    dead: frozenset[str]
    oddities: tuple[str, ...]
    """What contradicts itself; none, ever."""


def recordings(world: World) -> Items:
    """The ledger's items of recordings, by id."""
    prefixes = tuple(f"{source}-" for source in world.queues)
    return {id: item for id, item in world.table.items().items() if id.startswith(prefixes)}


def garbage(world: World) -> set[str]:
    """Marks, and data files that no manifest names."""
    return set(world.store.bodies(CALLS.garbage)) | (world.store.bodies(CALLS.data).keys() - set(_named(world)))


def _named(world: World) -> list[str]:
    prefix = f"s3://{world.store.bucket}/"
    manifests = world.store.bodies(CALLS.manifests).values()
    return sorted(line.removeprefix(prefix) for body in manifests for line in body.decode().splitlines())


def days_of_several_files(world: World) -> list[str]:
    return [key for key, body in world.store.bodies(CALLS.manifests).items() if len(body.splitlines()) > 1]


def rows(world: World) -> list[dict[str, Any]]:
    """The rows that a reader sees."""
    files = world.store.bodies(CALLS.data)
    return [row for key in _named(world) for row in _rows_of(files[key])]


@lru_cache(1024)  # nearly all runs end with the same files
def _rows_of(body: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(body)).read(use_threads=False).to_pylist()
    return rows


def outcome(world: World, backwards: tuple[str, ...] = ()) -> Outcome:
    """``backwards``: states that went back on the way."""
    audio = {key: hashlib.sha256(body).hexdigest() for key, body in world.store.bodies("audio/").items()}
    seen, ledger = rows(world), recordings(world)
    return Outcome(
        audio=audio,
        rows={row["recording_id"]: tuple(f"{k}={v}" for k, v in row.items() if k != "stored_at") for row in seen},
        ledger={id: (state_of(item), item.get("audio", {}).get("key")) for id, item in ledger.items()},
        announced=frozenset(event.detail["recording_id"] for event in world.bus.events),
        dead=frozenset(json.loads(body)["recording"]["recording_id"] for body in world.dlq.waiting()),
        oddities=(*backwards, *_oddities(world, audio, seen, ledger)),
    )


def _oddities(world: World, audio: dict[str, str], seen: list[dict[str, Any]], ledger: Items) -> Iterator[str]:
    for id, times in Counter(row["recording_id"] for row in seen).items():
        if times > 1:
            yield f"{id} has {times} rows"
    for row in seen:
        yield from _oddities_of_row(world, row, audio, ledger.get(row["recording_id"], {}))
    for id, item in ledger.items():
        if state_of(item) in (State.STORED, State.EXPIRED) and id not in {row["recording_id"] for row in seen}:
            yield f"{id} is {state_of(item)} without a row"
        if "marks" in item:
            yield f"{id} is at rest with {item['marks']} marks"
    for key in audio:
        if key not in {item["audio"]["key"] for item in ledger.values() if "audio" in item}:
            yield f"{key} is nobody's"
    for key in garbage(world):
        yield f"{key} was never collected"
    for prefix, what in ((CALLS.quarantine, "was set aside"), (INBOX, "still waits")):
        for key in world.store.bodies(prefix):
            yield f"{key} {what}"
    for key, body in world.store.bodies(CALLS.manifests).items():
        if body and Partition.of_key(key, CALLS.manifests) not in world.catalog.seen("calls"):
            yield f"no query sees {key}"
    for queue in world.queues.values():
        if len(queue):
            yield f"{queue.name} still holds {len(queue)} messages"


def _oddities_of_row(
    world: World, row: Mapping[str, Any], audio: Mapping[str, str], item: Mapping[str, Any]
) -> Iterator[str]:
    id = row["recording_id"]
    if item.get("state") == State.EXPIRED:
        if row["audio_uri"] is not None or row["audio_sha256"] != item["audio"]["facts"]["sha256"]:
            yield f"{id} has expired, and its row says {row['audio_uri']}, {row['audio_sha256']}"
        if item["audio"]["key"] in audio or "due_list" in item or "due_at" in item:
            yield f"{id} has expired, and stands or is looked for"
        return
    if item.get("state") != State.STORED:
        yield f"{id} has a row and is {item.get('state')}"
        return
    key = item["audio"]["key"]
    if row["audio_uri"] != f"s3://{world.store.bucket}/{key}" or not key.endswith(f".{row['audio_format']}"):
        yield f"{id}: its row names {row['audio_uri']}, the ledger {key}"
    if audio.get(key) != row["audio_sha256"]:
        yield f"{id}: its row's SHA-256 is not its object's"
    if key not in {event.detail["key"] for event in world.bus.events}:
        yield f"{id}: no event names {key}"
