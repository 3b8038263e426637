"""Call Lake's copier between the bench's two servers: real provider, real S3 adapter."""

from datetime import UTC, date, datetime

from bench.copy.job import Job
from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.s3 import S3ObjectStore
from call_lake.copying.copier import Copier, CopierPorts
from call_lake.copying.fetcher import CopierSource
from call_lake.copying.outcome import Message, Verdict
from call_lake.ledger.ledger import Ledger
from call_lake.model.messages import message_of
from call_lake.model.recording import ListedRecording, Recording
from call_lake.model.times import parse_iso
from call_lake.polling.publisher import Publisher
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import CopierSettings, SourceSettings
from tests.support.fakes import World
from tests.support.fakes.ids import IDS

SOURCE = "conpeek"
STARTED_AT = datetime(2026, 10, 20, 9, 30, tzinfo=UTC)
BYTES_IN_FLIGHT = 400_000_000  # CopierSettings' default
MAX_BYTES = 5_000_000_000
BATCH = 10  # of the template's event source mappings
FUNCTION_TIME_S = 295.0
WAITING_MOST = 1000
LAST_DUE = "9998"
"""Before what failed permanently, which is due in the year 9999."""


def recording_of(name: str, url: str) -> Recording:
    """As the poller would have published it."""
    listed = ListedRecording(
        source=SOURCE,
        provider=SOURCE,
        provider_key=name,
        started_at=STARTED_AT,
        call_date=date(2026, 10, 20),
        raw="{}",
        audio_url=url,
    )
    return IDS.identified(listed)


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
        self._ledger = Ledger(self._world.table, self._world.clock, 86_400)
        self._copier = self._make_copier()

    def copy(self, *names: str) -> None:
        """Until the queue is empty and nothing waits in the ledger."""
        self._queue.send([message_of(recording_of(name, self._job.url(name))) for name in names])
        while len(self._queue) or self._publish_due():
            received = self._queue.receive(BATCH)
            if not received:
                visible_at = self._queue.next_visible_at()
                assert visible_at is not None
                self._world.clock.advance_to(visible_at)
                continue
            messages = [Message(one.message_id, one.body, one.receipt_handle, one.receive_count) for one in received]
            verdicts = self._copier.copy_batch(messages, self._world.clock.monotonic() + FUNCTION_TIME_S).verdicts
            for one in received:
                if verdicts[one.message_id] is Verdict.DONE:
                    self._queue.delete(one.receipt_handle)

    def _publish_due(self) -> bool:
        """As a poll does: send what waits in the ledger, once it is due. False where nothing waits."""
        waiting = self._world.table.query_due(SOURCE, LAST_DUE, WAITING_MOST)
        if not waiting:
            return False
        self._world.clock.advance_to(parse_iso(waiting[0]["due_at"]))
        Publisher(self._ledger, self._queue, {}).publish_due(self._ledger.due(SOURCE, WAITING_MOST))
        return True

    def _make_copier(self) -> Copier:
        world, threads = self._world, self._job.threads
        source = CopierSource(provider(self._job), self._queue, MAX_BYTES, 200.0)
        settings = CopierSettings(
            "ledger", "/sources", "bucket", "bus", "dlq", bytes_in_flight=BYTES_IN_FLIGHT, copy_threads=threads
        )
        ports = CopierPorts(self._ledger, store(self._job), world.bus, world.dlq, world.clock)
        return Copier(ports, lambda _: source, settings)
