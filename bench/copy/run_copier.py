"""The whole copier, batches of ten as SQS gives them: ledger, queue and bus in memory, audio and rows to the S3.

Its queue's clock is moved to the next delivery wherever a recording waits for one.
"""

from bench.copy import ours
from bench.copy.client import WARM_UP, Job, measure
from bench.copy.recordings import SOURCE, recording_of
from call_lake.concurrency import BytesBudget
from call_lake.copying.copier import Copier, Message, Route, Verdict
from call_lake.copying.retry import RetryPolicy
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import message_of
from tests.support.fakes import World

POLICY = RetryPolicy(base_s=30, ceiling_s=21_600, queue_max_s=900, not_ready_deadline_s=172_800)
BATCH = 10  # of the template's event source mappings
FUNCTION_TIME_S = 295.0


class Function:
    def __init__(self, job: Job) -> None:
        self._world = World.make((SOURCE,))
        self._queue = self._world.queues[SOURCE]
        self._store = ours.store(job)
        self._route = Route(ours.provider(job), self._queue, ours.MAX_BYTES, 200.0)
        self._budget = BytesBudget(ours.BYTES_IN_FLIGHT)
        self._threads = job.threads
        self._job = job

    def copy(self, *names: str) -> None:
        """Until the queue is empty."""
        self._queue.send([message_of(recording_of(name, self._job.url(name))) for name in names])
        while len(self._queue):
            received = self._queue.receive(BATCH)
            if not received:
                visible_at = self._queue.next_visible_at()
                assert visible_at is not None
                self._world.clock.advance_to(visible_at)
                continue
            messages = [Message(one.message_id, one.body, one.receipt_handle) for one in received]
            verdicts = self._copier().copy_batch(messages)
            for one in received:
                if verdicts[one.message_id] is Verdict.DONE:
                    self._queue.delete(one.receipt_handle)

    def _copier(self) -> Copier:
        world = self._world
        return Copier(
            Ledger(world.table, world.clock, 86_400),
            self._store,
            world.bus,
            world.dlq,
            lambda name: self._route,
            world.clock,
            POLICY,
            self._budget,
            until_s=world.clock.monotonic() + FUNCTION_TIME_S,
            threads=self._threads,
        )


def main() -> None:
    job = Job.given()
    function = Function(job)
    function.copy(WARM_UP)

    def work() -> list[str]:
        function.copy(*job.names)
        return []

    measure(work)


if __name__ == "__main__":
    main()
