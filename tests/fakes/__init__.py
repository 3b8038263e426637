"""AWS in memory: every port of ``call_lake.ports``, with the SQS side that Lambda sees, one clock and one call log.

``tests/contract`` holds these to the same behaviour as the boto3 adapters on moto and on the emulator.
"""

from tests.fakes.bus import MemoryBus, PublishedEvent
from tests.fakes.calls import Call, Calls, Died, Fault, FaultAt
from tests.fakes.clock import FakeClock
from tests.fakes.queue import MemoryQueue, Received
from tests.fakes.secrets import MemorySecrets
from tests.fakes.store import MemoryStore
from tests.fakes.table import MemoryTable
from tests.fakes.world import World

__all__ = [
    "Call",
    "Calls",
    "Died",
    "FakeClock",
    "Fault",
    "FaultAt",
    "MemoryBus",
    "MemoryQueue",
    "MemorySecrets",
    "MemoryStore",
    "MemoryTable",
    "PublishedEvent",
    "Received",
    "World",
]
