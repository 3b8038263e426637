"""What a transcript adds to a recording: the real transcriber and reader on the metered AWS."""

import json
from dataclasses import replace

from bench.cost.metered import BATCH, Meter, MeteredQueue, Unit, metered_world
from bench.cost.prices import Prices
from call_lake.ledger.ledger import Ledger
from call_lake.model.lake_tables import TRANSCRIPTS
from call_lake.model.layout import DOCUMENTS
from call_lake.model.transcribing import document_written
from call_lake.ports import ObjectInfo
from call_lake.transcribing.parts import TranscriberPorts
from call_lake.transcribing.transcriber import Message
from call_lake.transcripts.reader import DocumentMessage, ReaderPorts, TranscriptReader
from tests.support.fakes import MemoryTranscribe
from tests.support.transcribing import PREFIX, TranscribingBench

TRANSCRIBER_GB, READER_GB = 0.25, 0.5  # MemorySize
GIGABYTE = 1024**3

type Counts = dict[str, float]


def words() -> Counts:
    """Units of one recording, where batches are full."""
    meter = Meter()
    world = metered_world(("thulium",), meter)
    queue, documents = (MeteredQueue(name, world.clock, world.calls, meter) for name in ("transcriptions", "documents"))
    jobs = MemoryTranscribe(world.clock, world.calls, world.store, lambda event: queue.send([event]), PREFIX)

    def around(ports: TranscriberPorts) -> TranscriberPorts:
        return replace(ports, jobs=jobs, queue=queue, documents=documents)

    def notified(info: ObjectInfo) -> None:
        if info.key.startswith(DOCUMENTS):
            documents.send([document_written(world.store.bucket, info.key, info.etag)])

    bench = TranscribingBench(world, around=around)
    world.store.notify = notified
    recordings = [bench.stored(number) for number in range(BATCH)]
    meter.take()
    for one in recordings:
        queue.send([bench.wanted(one)])  # EventBridge sends each, and SQS bills it
    _transcribe(bench, queue)
    world.clock.advance(jobs.takes)
    jobs.run_jobs()
    _transcribe(bench, queue)
    reader = TranscriptReader(ReaderPorts(Ledger(world.table, world.clock, 1.0), world.store, world.bus, world.clock))
    received = documents.receive(BATCH)
    reader.read_batch([DocumentMessage(one.message_id, one.body) for one in received], float("inf"))
    counted = meter.take()
    assert len(received) == BATCH == len(_rows(world.store.bodies(TRANSCRIPTS.inbox))), "every recording has a row"
    return {str(unit): amount / BATCH for unit, amount in sorted(counted.items())}


def words_usd(counts: Counts, prices: Prices) -> dict[str, float]:
    """Dollars for a million recordings whose words Amazon Transcribe writes down, storage of the documents apart."""
    runs = 2 / BATCH * 1e6  # of the transcriber, for the events of the recording and of its job
    reads = 1 / BATCH * 1e6
    minutes = prices.assumed("recording_minutes") * 1e6
    gb_s = runs * prices.assumed("transcriber_batch_s") * TRANSCRIBER_GB
    gb_s += reads * prices.assumed("reader_batch_s") * READER_GB
    log_bytes = (runs + reads) * prices.assumed("copier_log_bytes")
    s3_usd = prices.usd("s3_write", counts[Unit.S3_WRITE]) + prices.usd("s3_read", counts[Unit.S3_READ])
    return {
        "Amazon Transcribe": prices.usd("transcribe_minute", minutes),
        "S3 requests": 1e6 * s3_usd,
        "DynamoDB": 1e6
        * (
            prices.usd("dynamodb_write", counts[Unit.DYNAMODB_WRITE])
            + prices.usd("dynamodb_read", counts[Unit.DYNAMODB_READ])
        ),
        "EventBridge": 1e6 * prices.usd("event", counts[Unit.EVENT]),
        "SQS": 1e6 * prices.usd("sqs_request", counts[Unit.SQS_REQUEST]),
        "Lambda": prices.usd("lambda_gb_second", gb_s) + prices.usd("lambda_request", runs + reads),
        "CloudWatch logs": prices.usd("log_gb", log_bytes / GIGABYTE),
    }


def _transcribe(bench: TranscribingBench, queue: MeteredQueue) -> None:
    received = queue.receive(BATCH)
    again, _ = bench.transcriber.take([Message(one.message_id, one.body, one.receive_count) for one in received])
    assert not again
    for one in received:
        queue.delete(one.receipt_handle)


def _rows(bodies: dict[str, bytes]) -> list[object]:
    return [json.loads(line) for body in bodies.values() for line in body.splitlines()]
