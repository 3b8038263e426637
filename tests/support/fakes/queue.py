import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from call_lake.aws.messages import NOT_ALLOWED
from call_lake.errors import Reason, Transient
from call_lake.ports import Clock
from tests.support.fakes.calls import Batches, Calls

MESSAGE_BYTES = 1024 * 1024
DAYS_14_S = 1_209_600
MAX_RECEIVE_COUNT = 1000  # as in the template


@dataclass(slots=True)
class _Message:
    id: str
    body: str
    attributes: Mapping[str, str]
    sent_at: datetime
    visible_at: datetime
    receive_count: int = 0
    receipt_handle: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery of a message."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    sent_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)


class MemoryQueue:
    """One queue, with what its consumer sees: visibility, redelivery, receive counts, retention, a DLQ.

    ``duplicates``: how many of the next deliveries leave their message visible, as SQS may. Sending, and what the
    domain does with a receipt, are calls of the world; ``receive`` and ``delete`` are Lambda's own.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        calls: Calls,
        *,
        visibility_s: float = 1800,
        retention_s: float = DAYS_14_S,
        dlq: "MemoryQueue | None" = None,
        max_receive_count: int = MAX_RECEIVE_COUNT,
    ) -> None:
        self.name = name
        self.duplicates = 0
        self.dlq = dlq
        self.max_receive_count = max_receive_count
        self._clock = clock
        self._calls = calls
        self._visibility = timedelta(seconds=visibility_s)
        self._retention = timedelta(seconds=retention_s)
        self._messages: dict[str, _Message] = {}
        self._ids = itertools.count(1)
        self._lock = threading.RLock()
        self._sends = Batches(calls, f"queue:{name}", "send", 10)
        self.refuse_sends = self._sends.refuse

    def send(self, bodies: Sequence[str], *, attributes: Mapping[str, str] | None = None) -> None:
        def accept(position: int) -> bool:
            body = bodies[position]
            if NOT_ALLOWED.search(body) or len(body.encode()) > MESSAGE_BYTES:
                return False
            with self._lock:
                id, now = f"{self.name}-{next(self._ids)}", self._clock.now()
                self._messages[id] = _Message(id, body, dict(attributes or {}), sent_at=now, visible_at=now)
            return True

        self._sends.send(len(bodies), accept)

    def appear(self, body: str) -> None:
        """What another service sends: no call of the world."""
        with self._lock:
            id, now = f"{self.name}-{next(self._ids)}", self._clock.now()
            self._messages[id] = _Message(id, body, {}, sent_at=now, visible_at=now)

    def delay(self, receipt_handle: str, seconds: int) -> None:
        def act() -> None:
            with self._lock:
                message = self._in_flight(receipt_handle)
                if message is None or not 0 <= seconds <= 43_200:
                    raise Transient(Reason.AWS, f"ChangeMessageVisibility in {self.name}: InvalidParameterValue")
                message.visible_at = self._clock.now() + timedelta(seconds=seconds)

        self._calls.run(f"queue:{self.name}", "delay", act)

    def _in_flight(self, receipt_handle: str) -> _Message | None:
        message = self._messages.get(receipt_handle.partition("/")[0])
        if message is None or message.receipt_handle != receipt_handle or message.visible_at <= self._clock.now():
            return None
        return message

    # -- the consumer's side

    def receive(self, max_messages: int = 10) -> list[Received]:
        """Up to so many visible messages; each is hidden for the queue's visibility timeout."""
        with self._lock:
            self._expire()
            now = self._clock.now()
            visible = [message for message in self._messages.values() if message.visible_at <= now]
            taken = [message for message in visible if not self._buried(message)][:max_messages]
            return [self._deliver(message) for message in taken]

    def _buried(self, message: _Message) -> bool:
        if self.dlq is None or message.receive_count < self.max_receive_count:
            return False
        del self._messages[message.id]
        message.receive_count = 0
        self.dlq._messages[message.id] = message  # with the time it was first sent: its retention goes on
        return True

    def _deliver(self, message: _Message) -> Received:
        message.receive_count += 1
        message.receipt_handle = f"{message.id}/{message.receive_count}"
        if self.duplicates:
            self.duplicates -= 1
        else:
            message.visible_at = self._clock.now() + self._visibility
        return Received(
            message.id, message.body, message.receipt_handle, message.receive_count, message.sent_at, message.attributes
        )

    def delete(self, receipt_handle: str) -> None:
        """Finish a delivery. The receipt of an earlier delivery is accepted and does nothing."""
        with self._lock:
            id = receipt_handle.partition("/")[0]
            if id in self._messages and self._messages[id].receipt_handle == receipt_handle:
                del self._messages[id]

    def _expire(self) -> None:
        oldest = self._clock.now() - self._retention
        for message in [message for message in self._messages.values() if message.sent_at < oldest]:
            del self._messages[message.id]

    # -- for a test to look at

    def __len__(self) -> int:
        """Messages that are there, hidden ones included."""
        with self._lock:
            self._expire()
            return len(self._messages)

    def waiting(self) -> list[str]:
        """Their bodies."""
        with self._lock:
            self._expire()
            return [message.body for message in self._messages.values()]

    def next_visible_at(self) -> datetime | None:
        """When the next message can be received; None for an empty queue."""
        with self._lock:
            self._expire()
            return min((message.visible_at for message in self._messages.values()), default=None)
