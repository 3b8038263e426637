from collections.abc import Sequence
from dataclasses import dataclass

from call_lake.ports import DeadLetter
from tests.support.fakes.calls import Calls
from tests.support.fakes.queue import MemoryQueue


@dataclass
class MemoryDeadLetters:
    """A dead-letter queue as its reader sees it; every request is a call of the world."""

    queue: MemoryQueue
    calls: Calls

    def __len__(self) -> int:
        return int(self.calls.run("dead letters", "count", self.queue.__len__))

    def receive(self) -> Sequence[DeadLetter]:
        letters = self.calls.run("dead letters", "receive", self.queue.receive)
        return [DeadLetter(one.message_id, one.body, one.receipt_handle, one.attributes) for one in letters]

    def delete(self, receipt_handle: str) -> None:
        self.calls.run("dead letters", "delete", lambda: self.queue.delete(receipt_handle))

    def release(self, receipt_handle: str) -> None:
        self.queue.delay(receipt_handle, 0)
