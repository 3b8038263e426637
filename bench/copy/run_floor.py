"""The floor: the same bytes put from memory; no download, no spool, no verification. With Call Lake's own client, or
with boto3's as it comes (``as-it-is``)."""

import sys

import boto3

from bench.copy import wav
from bench.copy.client import WARM_UP, Job, in_threads, measure
from call_lake.aws.client import client


def main() -> None:
    job = Job.given()
    s3 = boto3.client("s3") if "as-it-is" in sys.argv else client("s3")
    size = int(job.path.split("/")[2])
    bodies = {name: b"".join(wav.pieces(name, size)) for name in (*job.names, WARM_UP)}

    def copy(name: str) -> None:
        s3.put_object(Bucket=job.bucket, Key=name, Body=bodies[name])

    copy(WARM_UP)
    measure(lambda: in_threads(job, copy))


if __name__ == "__main__":
    main()
