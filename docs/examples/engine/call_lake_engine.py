"""Serve a queue of Call Lake with your own speech engine. Copy this file: it needs Python 3.12 and boto3, no more.

    engine = Engine("whisper", queue_url, transcribe, sqs=boto3.client("sqs"), s3=boto3.client("s3"))
    engine.run()

``transcribe(audio, recording)`` gets the audio as a file whose name ends with its format, like ``.ogg``. It returns the
document of events/transcript.schema.json, or raises ``Unusable``. docs/transcribe-elsewhere.md says how to deploy it.

A message is deleted after its document was written, so an engine may die at any moment: the message comes again. The
same recording may come twice. The second document then replaces the first one.
"""

import json
import logging
import re
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

VISIBLE_S = 300  # for how long SQS hides the message after a death; longer work is told to SQS every BEAT_S
BEAT_S = 60
WORK_LIMIT_S = 4 * 3600  # an engine that hangs loses its message after this time; SQS itself ends at 12 hours
WAIT_S = 20  # the longest wait of ReceiveMessage
AUDIO = re.compile(r"audio/source=[a-z0-9-]+/call_date=\d{4}-\d{2}-\d{2}/[a-z0-9-]+-[0-9a-f]{32}\.")
AUDIO_LIMIT_BYTES = 2**31
ERROR_LIMIT = 200  # characters; the ledger keeps no more
log = logging.getLogger("engine")


class Unusable(Exception):
    """This recording has no transcript, and another try would not help. The text says why, without words of the call:
    it becomes ``error`` of the document."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the event Recording Stored says. ``seconds`` and ``channels`` are None where Call Lake cannot read them."""

    recording_id: str
    source: str
    call_date: str
    bucket: str
    key: str
    seconds: float | None
    channels: int | None

    @classmethod
    def of_message(cls, body: str) -> Self:
        """Raises ValueError for a message that is not this event."""
        detail = json.loads(body).get("detail", {})
        found = {name: detail.get(name) for name in cls.__slots__}
        key = f"audio/source={found['source']}/call_date={found['call_date']}/{found['recording_id']}."
        if detail.get("version") != 1 or not AUDIO.fullmatch(key) or not str(found["key"]).startswith(key):
            raise ValueError("this message is not the event Recording Stored, version 1")
        return cls(**found)

    def document_key(self, engine: str) -> str:
        """Where the document belongs. The engine's policy lets it write under its own name alone."""
        return f"transcripts/{engine}/{self.source}/{self.call_date}/{self.recording_id}.json"


type Transcribe = Callable[[Path, Recording], dict[str, Any]]


class Engine:
    """``sources``: those that this engine transcribes, for example those of its language; empty for all. ``share``: the
    part of their recordings, from 0 to 1, chosen by recording id. The engine deletes the messages of all others."""

    def __init__(
        self,
        name: str,
        queue_url: str,
        transcribe: Transcribe,
        *,
        sqs: Any,
        s3: Any,
        sources: Collection[str] = (),
        share: float = 1.0,
        beat_s: float = BEAT_S,
    ) -> None:
        self.name, self._queue_url, self._transcribe = name, queue_url, transcribe
        self._sqs, self._s3, self._sources, self._share = sqs, s3, sources, share
        self._beat_s = beat_s

    def run(self) -> None:
        """Serve the queue until SIGTERM or Ctrl-C, then give back the message that is being worked on. A spot instance
        and a container get SIGTERM before their end."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        log.info("%s serves %s", self.name, self._queue_url)
        while True:
            self.serve_one()

    def serve_one(self) -> bool:
        """Wait for one message, and do what it asks. False: there was none. An error is logged; then the message comes
        again, and after five times it goes to the dead letters."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT_S, VisibilityTimeout=VISIBLE_S
        )
        for message in answer.get("Messages", []):
            receipt = {"QueueUrl": self._queue_url, "ReceiptHandle": message["ReceiptHandle"]}
            try:
                with _Heartbeat(self._sqs, receipt, self._beat_s):
                    self._serve(message["Body"])
                self._sqs.delete_message(**receipt)
            except Exception:
                log.exception("a recording was not transcribed; its message comes again in %d s", VISIBLE_S)
            except BaseException:  # SIGTERM, Ctrl-C: another engine may take the message at once
                self._sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
                raise
        return bool(answer.get("Messages"))

    def takes(self, recording: Recording) -> bool:
        """The same recordings are taken on each try and by each copy of this engine."""
        if self._sources and recording.source not in self._sources:
            return False
        return int(recording.recording_id[-8:], 16) / 2**32 < self._share

    def _serve(self, body: str) -> None:
        recording = Recording.of_message(body)
        if not self.takes(recording):
            return
        with tempfile.TemporaryDirectory() as folder:
            audio = Path(folder, Path(recording.key).name)
            try:
                if not self._download(recording, audio):
                    log.info("%s: the audio is gone, so nothing is written", recording.recording_id)
                    return
                document = {"version": 1, **self._transcribe(audio, recording)}
            except Unusable as error:
                document = {"version": 1, "error": str(error)[:ERROR_LIMIT] or "no reason given"}
        self._s3.put_object(
            Bucket=recording.bucket,
            Key=recording.document_key(self.name),
            Body=json.dumps(document, ensure_ascii=False, allow_nan=False).encode(),
            ContentType="application/json",
        )
        log.info("%s: %s", recording.recording_id, document.get("error") or f"{len(document['segments'])} segments")

    def _download(self, recording: Recording, file: Path) -> bool:
        """False: the audio was erased, or has expired. A GET of an absent object answers 403 here, as the policy lists
        keys of audio alone; the list then tells an absent object from a missing right."""
        try:
            answer = self._s3.get_object(Bucket=recording.bucket, Key=recording.key)
        except self._s3.exceptions.ClientError:
            if self._s3.list_objects_v2(Bucket=recording.bucket, Prefix=recording.key, MaxKeys=1).get("KeyCount"):
                raise
            return False
        if answer["ContentLength"] > AUDIO_LIMIT_BYTES:
            raise Unusable(f"larger than {AUDIO_LIMIT_BYTES} bytes")
        with answer["Body"] as body, file.open("wb") as target:
            shutil.copyfileobj(body, target)
        return True


class _Heartbeat:
    """Tells SQS every ``beat_s`` seconds that the work goes on, for WORK_LIMIT_S at most."""

    def __init__(self, sqs: Any, receipt: dict[str, str], beat_s: float) -> None:
        self._sqs, self._receipt, self._beat_s, self._over = sqs, receipt, beat_s, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        for _ in range(int(WORK_LIMIT_S // self._beat_s)):
            if self._over.wait(self._beat_s):
                return
            try:
                self._sqs.change_message_visibility(**self._receipt, VisibilityTimeout=VISIBLE_S)
            except Exception:
                log.exception("SQS was not told that the work goes on; it is told again in %g s", self._beat_s)
