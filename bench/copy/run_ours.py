"""Call Lake's way of one recording: download, spool, hash, inspect, put with the SHA-256; with the copier's threads."""

from bench.copy import ours
from bench.copy.client import WARM_UP, Job, in_threads, measure
from bench.copy.recordings import STARTED_AT, recording_of
from call_lake.audio.inspection import inspect
from call_lake.audio.spool import spool
from call_lake.bucket.audio_objects import AudioObjects
from call_lake.concurrency import BytesBudget


def main() -> None:
    job = Job.given()
    provider, archive, budget = ours.provider(job), AudioObjects(ours.store(job)), BytesBudget(ours.BYTES_IN_FLIGHT)

    def copy(name: str) -> None:
        recording = recording_of(name, job.url(name))
        with (
            provider.open_audio(recording, deadline_s=200) as stream,
            spool(stream, budget, ours.MAX_BYTES) as body,
        ):
            archive.put(recording, body.file, inspect(body, stream.content_type), STARTED_AT)

    copy(WARM_UP)
    measure(lambda: in_threads(job, copy))


if __name__ == "__main__":
    main()
