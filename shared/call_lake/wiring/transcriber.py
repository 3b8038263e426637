"""Put the transcriber together on AWS."""

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.messages import SqsQueue
from call_lake.aws.s3 import S3ObjectStore
from call_lake.aws.transcribe import QUICK, JobOptions, TranscribeJobs
from call_lake.settings import TranscriberSettings
from call_lake.transcribing.parts import TranscriberPorts
from call_lake.transcribing.transcriber import Transcriber

CLOCK = SystemClock()


def make_transcriber(settings: TranscriberSettings) -> Transcriber:
    """The one transcriber of a function instance."""
    dead_letters = SqsQueue(client("sqs"), settings.dlq_url)
    return Transcriber(ports_of(settings), dead_letters, settings.job_prefix, settings.hours_per_day)


def ports_of(settings: TranscriberSettings) -> TranscriberPorts:
    """Its ports on AWS."""
    options = JobOptions(settings.languages, settings.vocabulary, settings.redaction, settings.kms_key_arn)
    return TranscriberPorts(
        DynamoTable(client("dynamodb"), settings.ledger_table),
        S3ObjectStore(client("s3"), settings.bucket),
        TranscribeJobs(client("transcribe", QUICK), settings.job_prefix, options),
        SqsQueue(client("sqs"), settings.queue_url),
        SqsQueue(client("sqs"), settings.documents_url),
        CLOCK,
    )
