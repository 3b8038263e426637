"""Call Lake's copier between the bench's two servers: real provider, real S3 adapter."""

from datetime import UTC, date, datetime

from bench.copy.job import Job
from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.s3 import S3ObjectStore
from call_lake.concurrency import BytesBudget
from call_lake.copying.copier import Copier, Message, Verdict
from call_lake.copying.fetcher import Route
from call_lake.copying.retry import RetryPolicy
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import message_of
from call_lake.model.recording import Recording, recording_id
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import SourceSettings
from tests.support.fakes import World

SOURCE = "conpeek"
STARTED_AT = datetime(2026, 10, 20, 9, 30, tzinfo=UTC)
BYTES_IN_FLIGHT = 400_000_000  # CopierSettings' default
MAX_BYTES = 5_000_000_000
POLICY = RetryPolicy(base_s=30, ceiling_s=21_600, queue_max_s=900, not_ready_deadline_s=172_800)
BATCH = 10  # of the template's event source mappings
FUNCTION_TIME_S = 295.0


def recording_of(name: str, url: str) -> Recording:
    """As the poller would have published it."""
    return Recording(
        source=SOURCE,
        provider=SOURCE,
        recording_id=recording_id(SOURCE, name),
        provider_key=name,
        started_at=STARTED_AT,
        call_date=date(2026, 10, 20),
        raw="{}",
        audio_url=url,
    )


def provider(job: Job) -> Provider:
    # The budget of requests is there to spare a provider; here it would measure itself.
    settings = SourceSettings(SOURCE, SOURCE, job.audio_url, requests_per_second=1e6)
    return make_provider(settings, lambda fresh: {"key": "invented"}, SystemClock())


def store(job: Job) -> S3ObjectStore:
    return S3ObjectStore(client("s3"), job.bucket)


class WholeCopier:
    """Batches of ten, as SQS gives them: ledger, queue and bus in memory, audio and rows to the S3. If every recording
    waits for its next delivery, the queue's clock moves there."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._world = World.make((SOURCE,))
        self._queue = self._world.queues[SOURCE]
        self._store = store(job)
        self._route = Route(provider(job), self._queue, MAX_BYTES, 200.0)
        self._budget = BytesBudget(BYTES_IN_FLIGHT)

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
            threads=self._job.threads,
        )
