"""The whole copier, batches of ten as SQS gives them: ledger, queue and bus in memory, audio and rows to the S3.

Its queue's clock is moved to the next delivery wherever a recording waits for one.
"""

from bench.copy import ours
from bench.copy.client import WARM_UP, Job, measure
from bench.copy.recordings import SOURCE, recording_of
from call_lake.copying.copier import Copier, CopierPorts
from call_lake.copying.fetcher import CopierSource
from call_lake.copying.outcome import Message, Verdict
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import message_of
from call_lake.settings import CopierSettings
from tests.support.fakes import World

BATCH = 10  # of the template's event source mappings
FUNCTION_TIME_S = 295.0


class Function:
    def __init__(self, job: Job) -> None:
        self._world = World.make((SOURCE,))
        self._queue = self._world.queues[SOURCE]
        self._copier = self._make_copier(job)
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
            verdicts = self._copier.copy_batch(messages, self._world.clock.monotonic() + FUNCTION_TIME_S).verdicts
            for one in received:
                if verdicts[one.message_id] is Verdict.DONE:
                    self._queue.delete(one.receipt_handle)

    def _make_copier(self, job: Job) -> Copier:
        world = self._world
        ledger = Ledger(world.table, world.clock, 86_400)
        source = CopierSource(ours.provider(job), self._queue, ours.MAX_BYTES, 200.0)
        settings = CopierSettings(
            "ledger", "/sources", "bucket", "bus", "dlq", bytes_in_flight=ours.BYTES_IN_FLIGHT, copy_threads=job.threads
        )
        return Copier(
            CopierPorts(ledger, ours.store(job), world.bus, world.dlq, world.clock), lambda _: source, settings
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
