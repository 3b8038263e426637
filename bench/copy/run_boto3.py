"""The script that most write first: a requests stream into boto3's ``upload_fileobj``, in threads.

Over plain HTTP boto3 hashes every body to sign it; over TLS, as in production, it does not. The word ``unsigned`` after
the job makes it leave that out here, too.
"""

import sys
import threading

import boto3
import requests
from botocore.config import Config

from bench.copy.client import WARM_UP, Job, in_threads, measure

UNSIGNED = Config(s3={"payload_signing_enabled": False})


def main() -> None:
    job = Job.given()
    config = Config(max_pool_connections=64)  # ten are too few for its own threads, which then make new ones
    s3 = boto3.client("s3", config=config.merge(UNSIGNED) if "unsigned" in sys.argv else config)
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
