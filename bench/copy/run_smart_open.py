"""The script of those who know smart_open: read one URL, write the other, in threads."""

import shutil

import boto3
from botocore.config import Config
from smart_open import open as smart_open  # type: ignore[import-not-found]  # of the peers' environment

from bench.copy.client import WARM_UP, Job, in_threads, measure

CONFIG = Config(s3={"payload_signing_enabled": False}, max_pool_connections=64)  # as over TLS: see run_boto3


def main() -> None:
    job = Job.given()
    to_s3 = {"client": boto3.client("s3", config=CONFIG)}

    def copy(name: str) -> None:
        with (
            smart_open(job.url(name), "rb") as source,
            smart_open(f"s3://{job.bucket}/{name}", "wb", transport_params=to_s3) as target,
        ):
            shutil.copyfileobj(source, target, 1024 * 1024)

    copy(WARM_UP)
    measure(lambda: in_threads(job, copy))


if __name__ == "__main__":
    main()
