"""The script that most write first: a requests stream into boto3's ``upload_fileobj``, in threads."""

import threading

import boto3
import requests
from botocore.config import Config

from bench.copy.client import WARM_UP, Job, in_threads, measure

# Over TLS, as in production, boto3 signs no body; over plain HTTP it would hash each, which would flatter us.
CONFIG = Config(s3={"payload_signing_enabled": False}, max_pool_connections=64)


def main() -> None:
    job = Job.given()
    s3 = boto3.client("s3", config=CONFIG)
    local = threading.local()

    def copy(name: str) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        with local.session.get(job.url(name), stream=True, timeout=30) as response:
            response.raise_for_status()
            s3.upload_fileobj(response.raw, job.bucket, name)

    copy(WARM_UP)
    measure(lambda: in_threads(job, copy))


if __name__ == "__main__":
    main()
