"""AWS in memory: every port of ``call_lake.ports``, with the SQS side that Lambda sees, one clock and one call log.

``tests/contract`` holds these to the same behaviour as the boto3 adapters on moto and on the emulator.
"""

from tests.support.fakes.bus import MemoryBus, PublishedEvent
from tests.support.fakes.calls import Call, Calls, Died, Fault, FaultAt
from tests.support.fakes.catalog import MemoryCatalog
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.queue import MemoryQueue, Received
from tests.support.fakes.secrets import MemorySecrets
from tests.support.fakes.store import MemoryStore
from tests.support.fakes.table import MemoryTable
from tests.support.fakes.transcribe import MemoryTranscribe
from tests.support.fakes.world import World

__all__ = [
    "Call",
    "Calls",
    "Died",
    "FakeClock",
    "Fault",
    "FaultAt",
    "MemoryBus",
    "MemoryCatalog",
    "MemoryQueue",
    "MemorySecrets",
    "MemoryStore",
    "MemoryTable",
    "MemoryTranscribe",
    "PublishedEvent",
    "Received",
    "World",
]
