"""Put the transcriber together on AWS."""

from call_lake.aws.client import client
from call_lake.aws.messages import SqsQueue
from call_lake.aws.transcribe import TranscriptionStarter
from call_lake.settings import TranscriberSettings


class TranscriberParts:
    """What one function instance keeps between batches."""

    def __init__(self, settings: TranscriberSettings) -> None:
        self.starter = TranscriptionStarter(settings)
        self.dead_letters = SqsQueue(client("sqs"), settings.dlq_url)
