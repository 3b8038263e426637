"""Put the transcript reader together on AWS."""

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import EventBridgeBus, SqsQueue
from call_lake.aws.s3 import S3ObjectStore
from call_lake.ledger.ledger import Ledger
from call_lake.settings import ReaderSettings
from call_lake.transcripts.reader import ReaderPorts, TranscriptReader
from call_lake.transcripts.sweep import DocumentSweep

CLOCK = SystemClock()


class TranscriptReaderParts:
    """What one function instance keeps between batches."""

    def __init__(self, settings: ReaderSettings) -> None:
        table = DynamoTable(client("dynamodb"), settings.ledger_table)
        store = S3ObjectStore(client("s3"), settings.bucket)
        bus = EventBridgeBus(client("events"), settings.event_bus)
        told = settings.transcription_languages
        ports = ReaderPorts(Ledger(table, CLOCK, republish_after_s=0), store, bus, CLOCK)
        self.reader = TranscriptReader(ports, told if told and "," not in told else None)
        self.sweep = DocumentSweep(table, store, SqsQueue(client("sqs"), settings.queue_url), CLOCK)
