"""The clients that are Python: ``python -m bench.copy.programs NAME JOB_FILE ANSWER_FILE``.

Each makes its connections and copies one small recording before the clock starts, as a warm function has done; then it
copies the whole set with the job's threads. A program imports its libraries itself: those of the peers are in another
environment, and each one's memory is measured.
"""

import shutil
import sys
import threading
from collections.abc import Callable

from bench.copy import wav
from bench.copy.job import WARM_UP, Job
from bench.harness.job import Watch

type Copy = Callable[..., None]
"""Copies the recordings of these names; with ``in_threads`` it is given one."""


def put_from_memory(job: Job, *, our_client: bool = False) -> Copy:
    """The floor: the same bytes put from memory; no download, no spool, no verification."""
    import boto3

    from call_lake.aws.client import client

    s3 = client("s3") if our_client else boto3.client("s3")
    size = int(job.path.split("/")[2])
    bodies = {name: b"".join(wav.pieces(name, size)) for name in (*job.names, WARM_UP)}

    def copy(name: str) -> None:
        s3.put_object(Bucket=job.bucket, Key=name, Body=bodies[name])

    return copy


def call_lake(job: Job) -> Copy:
    """Call Lake's way of one recording: download, spool, hash, inspect, put with the SHA-256."""
    from bench.copy import call_lake_parts as parts
    from call_lake.audio.inspection import inspect
    from call_lake.audio.spool import spool
    from call_lake.bucket.audio_objects import AudioObjects
    from call_lake.concurrency import BytesBudget

    provider, archive, budget = parts.provider(job), AudioObjects(parts.store(job)), BytesBudget(parts.BYTES_IN_FLIGHT)

    def copy(name: str) -> None:
        recording = parts.recording_of(name, job.url(name))
        with provider.open_audio(recording, deadline_s=200) as stream, spool(stream, budget, parts.MAX_BYTES) as body:
            archive.put(recording, body.file, inspect(body, stream.content_type), parts.STARTED_AT)

    return copy


def whole_copier(job: Job) -> Copy:
    from bench.copy.call_lake_parts import WholeCopier

    return WholeCopier(job).copy


def boto3_upload(job: Job, *, unsigned: bool = False) -> Copy:
    """The script that most write first: a requests stream into boto3's ``upload_fileobj``.

    Over plain HTTP boto3 hashes every body to sign it; over TLS, as in production, it does not. ``unsigned`` makes it
    leave that out here, too.
    """
    import boto3
    import requests
    from botocore.config import Config

    config = Config(max_pool_connections=64)  # ten are too few for its own threads, which then make new ones
    s3 = boto3.client("s3", config=config.merge(Config(s3={"payload_signing_enabled": False})) if unsigned else config)
    local = threading.local()

    def copy(name: str) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        with local.session.get(job.url(name), stream=True, timeout=30) as response:
            response.raise_for_status()
            s3.upload_fileobj(response.raw, job.bucket, name)

    return copy


def smart_open(job: Job) -> Copy:
    """The script of those who know smart_open: read one URL, write the other; unsigned."""
    import boto3
    from botocore.config import Config
    from smart_open import open as opened  # type: ignore[import-not-found]  # of the peers' environment

    config = Config(s3={"payload_signing_enabled": False}, max_pool_connections=64)
    to_s3 = {"client": boto3.client("s3", config=config)}

    def copy(name: str) -> None:
        with (
            opened(job.url(name), "rb") as source,
            opened(f"s3://{job.bucket}/{name}", "wb", transport_params=to_s3) as target,
        ):
            shutil.copyfileobj(source, target, 1024 * 1024)

    return copy


PROGRAMS: dict[str, Callable[[Job], Copy]] = {
    "put_from_memory": put_from_memory,
    "put_by_our_client": lambda job: put_from_memory(job, our_client=True),
    "call_lake": call_lake,
    "whole_copier": whole_copier,
    "boto3_upload": boto3_upload,
    "boto3_unsigned": lambda job: boto3_upload(job, unsigned=True),
    "smart_open": smart_open,
}


def main() -> None:
    name, job = sys.argv[1], Job.given()
    copy = PROGRAMS[name](job)
    copy(WARM_UP)
    with Watch().running() as watch:
        if name == "whole_copier":  # it has its own threads
            copy(*job.names)
        else:
            job.in_threads(copy)
    watch.answer()


if __name__ == "__main__":
    main()
