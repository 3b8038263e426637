"""Call Lake's copier on the bench's two ends: real provider, real S3 adapter."""

from bench.copy.client import Job
from bench.copy.recordings import SOURCE
from call_lake.aws.client import client
from call_lake.aws.clock import SystemClock
from call_lake.aws.s3 import S3ObjectStore
from call_lake.ports import Provider
from call_lake.providers import make_provider
from call_lake.settings import SourceSettings

BYTES_IN_FLIGHT = 400_000_000  # CopierSettings' default
MAX_BYTES = 5_000_000_000


def provider(job: Job) -> Provider:
    # The budget of requests is there to spare a provider; here it would measure itself.
    settings = SourceSettings(SOURCE, SOURCE, job.audio_url, requests_per_second=1e6)
    return make_provider(settings, lambda fresh: {"key": "invented"}, SystemClock())


def store(job: Job) -> S3ObjectStore:
    return S3ObjectStore(client("s3"), job.bucket)
