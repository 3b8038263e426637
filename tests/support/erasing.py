"""What an erasure is run with, and an own look at everything that a world holds."""

import io
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq

from call_lake.ledger.ledger import Ledger
from call_lake.model.recording import Recording
from call_lake.operations.erase.eraser import Eraser, ErasureReport, OtherServices
from call_lake.operations.erase.targets import ErasureRequest
from tests.support.fakes import World
from tests.support.fakes.dead_letters import MemoryDeadLetters
from tests.support.fakes.transcriptions import MemoryTranscriptions
from tests.support.operator_bench import Bench
from tests.support.pipeline import COMPACTOR, POLLER

DEAD_LABELS = {"reason": "forbidden", "source": "thulium"}


def eraser_of(world: World, transcriptions: MemoryTranscriptions | None = None) -> Eraser:
    return Eraser(
        Ledger(world.table, world.clock, POLLER.republish_after_s),
        world.store,
        OtherServices(MemoryDeadLetters(world.dlq, world.calls), transcriptions or MemoryTranscriptions(world.calls)),
        world.clock,
        COMPACTOR.grace_s,
    )


def recording_ids(*ids: str) -> ErasureRequest:
    return ErasureRequest(recording_ids=frozenset(ids))


def traces(world: World, *texts: str) -> dict[str, list[str]]:
    """Where one of these texts stands: keys of objects, in whatever version, ids of items, bodies of messages."""

    def holds(something: object) -> bool:
        return any(text in str(something) for text in texts)

    objects = {key for key, body in world.store.every_version() if holds((key, _text(body)))}
    items = {id for id, item in world.table.items().items() if holds(item)}
    messages = [body for queue in (*world.queues.values(), world.dlq) for body in queue.waiting() if holds(body)]
    found = {"objects": sorted(objects), "items": sorted(items), "messages": messages}
    return {name: where for name, where in found.items() if where}


def _text(body: bytes) -> str:
    if body[:4] != b"PAR1":
        return body.decode("utf-8", "replace")
    rows: list[Mapping[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
    return str(rows)


# -- on a bench


def by_number(*recordings: Recording) -> ErasureRequest:
    return ErasureRequest(numbers=frozenset(one.caller for one in recordings if one.caller))


def erase(bench: Bench, request: ErasureRequest, transcriptions: MemoryTranscriptions | None = None) -> ErasureReport:
    return eraser_of(bench.world, transcriptions).erase(request, bench.world.clock.advance_to)


def texts_of(recording: Recording) -> list[str]:
    """All its texts except the id, which the tombstone keeps."""
    texts = (recording.provider_key, recording.connection_id, recording.caller)
    return [text for text in texts if text]


def own_traces(bench: Bench, recording: Recording) -> dict[str, list[str]]:
    """Without its tombstone."""
    found = traces(bench.world, *texts_of(recording), recording.recording_id)
    items = [id for id in found.pop("items", []) if id != recording.recording_id]
    return found | ({"items": items} if items else {})
