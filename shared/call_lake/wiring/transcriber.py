"""Put the transcriber together on AWS."""

from call_lake.aws.client import client
from call_lake.aws.messages import SqsQueue
from call_lake.aws.transcribe import QUICK, JobOptions, TranscribeJobs
from call_lake.settings import TranscriberSettings


class TranscriberParts:
    """What one function instance keeps between batches."""

    def __init__(self, settings: TranscriberSettings) -> None:
        options = JobOptions(settings.languages, settings.vocabulary, settings.redaction, settings.kms_key_arn)
        self.jobs = TranscribeJobs(client("transcribe", QUICK), settings.job_prefix, options)
        self.dead_letters = SqsQueue(client("sqs"), settings.dlq_url)
