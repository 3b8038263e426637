"""What the tests of erasing share."""

from call_lake.ledger.entry import State
from call_lake.model.recording import Recording
from call_lake.operations.erase.eraser import ErasureReport
from call_lake.operations.erase.targets import ErasureRequest
from tests.support.erasing import eraser_of, traces
from tests.support.fakes.dead_letters import MemoryTranscriptions
from tests.support.operator_bench import Bench

DEAD_LABELS = {"reason": "forbidden", "source": "thulium"}


def settled() -> Bench:
    """Three recordings, all of them stored."""
    bench = Bench(3)
    bench.settle()
    assert bench.states() == [State.STORED] * 3
    return bench


def by_number(*recordings: Recording) -> ErasureRequest:
    return ErasureRequest(numbers=frozenset(one.caller for one in recordings if one.caller))


def erase(bench: Bench, request: ErasureRequest, transcriptions: MemoryTranscriptions | None = None) -> ErasureReport:
    return eraser_of(bench.world, transcriptions).erase(request, bench.world.clock.advance_to)


def texts_of(recording: Recording) -> list[str]:
    """All of its own but the id, which the tombstone keeps."""
    texts = (recording.provider_key, recording.connection_id, recording.caller)
    return [text for text in texts if text]


def own_traces(bench: Bench, recording: Recording) -> dict[str, list[str]]:
    """Without its tombstone."""
    found = traces(bench.world, *texts_of(recording), recording.recording_id)
    items = [id for id in found.pop("items", []) if id != recording.recording_id]
    return found | ({"items": items} if items else {})
