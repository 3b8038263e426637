"""Put the sound analyzer together on AWS."""

from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.dynamodb import DynamoTable
from call_lake.aws.s3 import S3ObjectStore
from call_lake.settings import SoundAnalyzerSettings
from call_lake.sound.analyzer import SoundAnalyzer
from call_lake.sound.reader import SoundReader

CLOCK = SystemClock()


def make_sound_analyzer(settings: SoundAnalyzerSettings) -> SoundAnalyzer:
    """The one analyzer of a function instance."""
    store = S3ObjectStore(client("s3"), settings.bucket)
    return SoundAnalyzer(store, DynamoTable(client("dynamodb"), settings.ledger_table), CLOCK, SoundReader().measured)
