"""The library that a customer's speech engine is built on: no recording is lost, and nothing else is touched."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from call_lake.model.layout import TranscriptPlace
from call_lake_engine import VISIBLE_S, Engine, Recording, Unusable
from call_lake_local.engine import LocalEngine
from tests.support.template import ROOT

EVENT = json.loads((ROOT / "events/transcriber-recording-stored.json").read_text())["Records"][0]["body"]
DETAIL = json.loads(EVENT)["detail"]
SCHEMA = Draft202012Validator(json.loads((ROOT / "events/transcript.schema.json").read_text()))
HEARD = {"language": "pl", "channels": 1, "segments": [{"start_s": 0.0, "end_s": 1.0, "text": "Dzień dobry."}]}
KEY = f"transcripts/whisper/{DETAIL['source']}/{DETAIL['call_date']}/{DETAIL['recording_id']}.json"


class Refused(Exception):
    """What S3 answers for an object that is not there, or to whom may not read it: 403 in both cases."""


class MemoryAws:
    """SQS with one queue, and S3 with one bucket, as far as an engine uses them. ``now`` is the time in seconds."""

    class exceptions:  # noqa: N801 - as boto3 names it
        ClientError = Refused

    def __init__(self, *bodies: str) -> None:
        self.now = 0
        self.messages = {str(number): (body, 0) for number, body in enumerate(bodies)}
        self.objects = {DETAIL["key"]: b"RIFF"}
        self.forbidden: set[str] = set()
        self.told = threading.Event()

    def receive_message(self, **_: Any) -> dict[str, Any]:
        for number, (body, visible_at) in self.messages.items():
            if visible_at <= self.now:
                self.messages[number] = (body, self.now + VISIBLE_S)
                return {"Messages": [{"Body": body, "ReceiptHandle": number}]}
        return {}

    def change_message_visibility(self, *, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:  # noqa: N803
        self.messages[ReceiptHandle] = (self.messages[ReceiptHandle][0], self.now + VisibilityTimeout)
        self.told.set()

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:  # noqa: N803
        del self.messages[ReceiptHandle]

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects or Key in self.forbidden:
            raise Refused
        return {"Body": BytesIO(self.objects[Key]), "ContentLength": len(self.objects[Key])}

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"KeyCount": sum(key.startswith(Prefix) for key in self.objects)}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.objects[Key] = Body

    def documents(self) -> dict[str, Any]:
        found = {key: json.loads(body) for key, body in self.objects.items() if key.startswith("transcripts/")}
        assert [error.message for document in found.values() for error in SCHEMA.iter_errors(document)] == []
        return found


def engine(aws: MemoryAws, transcribe: Callable[[Path, Recording], Any] = lambda *_: HEARD, **options: Any) -> Engine:
    return Engine("whisper", "queue", transcribe, sqs=aws, s3=aws, **options)


def raising(error: BaseException) -> Callable[[Path, Recording], Any]:
    def transcribe(_audio: Path, _recording: Recording) -> Any:
        raise error

    return transcribe


def test_a_recording_becomes_one_document_where_the_reader_looks_for_it() -> None:
    aws = MemoryAws(EVENT)

    def transcribe(audio: Path, recording: Recording) -> dict[str, Any]:
        assert (audio.read_bytes(), audio.suffix) == (b"RIFF", Path(DETAIL["key"]).suffix)
        assert recording.recording_id == DETAIL["recording_id"]
        return HEARD

    assert engine(aws, transcribe).serve_one()
    assert aws.documents() == {KEY: {"version": 1, **HEARD}}
    place = TranscriptPlace.of_key(KEY)
    assert place is not None
    assert (place.engine, place.recording_id) == ("whisper", DETAIL["recording_id"])
    assert aws.messages == {}
    assert not engine(aws).serve_one()


def test_the_message_outlives_an_engine_that_dies_before_its_document_is_written() -> None:
    """Killed without a word: nothing of the library runs any more."""
    aws = MemoryAws(EVENT)
    aws.receive_message()
    assert not engine(aws).serve_one()
    aws.now += VISIBLE_S
    assert engine(aws).serve_one()
    assert list(aws.documents()) == [KEY]


def test_an_engine_whose_document_s3_does_not_take_is_asked_again() -> None:
    class Full(MemoryAws):
        def put_object(self, **_: Any) -> None:
            raise Refused

    aws = Full(EVENT)
    engine(aws).serve_one()
    assert len(aws.messages) == 1


def test_an_error_brings_the_message_again_after_a_while_and_writes_nothing() -> None:
    aws = MemoryAws(EVENT)
    assert engine(aws, raising(MemoryError())).serve_one()
    assert aws.documents() == {}
    assert not engine(aws).serve_one(), "not at once: it would be tried five times within a second"
    aws.now += VISIBLE_S
    assert engine(aws).serve_one()


@pytest.fixture
def own_signal_handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("own_signal_handlers")
def test_sigterm_gives_the_message_back_for_another_engine_to_take_at_once() -> None:
    aws = MemoryAws(EVENT)

    def transcribe(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return HEARD

    with pytest.raises(SystemExit):
        engine(aws, transcribe).run()
    assert aws.documents() == {}
    assert engine(aws).serve_one()
    assert list(aws.documents()) == [KEY]


def test_sqs_is_told_while_the_work_goes_on() -> None:
    aws = MemoryAws(EVENT)

    def transcribe(*_: Any) -> Any:
        assert aws.told.wait(10)
        return HEARD

    engine(aws, transcribe, beat_s=0.01).serve_one()
    assert list(aws.documents()) == [KEY]


@pytest.mark.parametrize("why", ["longer than 7200 s", "x" * 5000, ""])
def test_a_recording_that_cannot_be_used_gets_a_document_that_says_why_and_is_not_tried_again(why: str) -> None:
    aws = MemoryAws(EVENT)
    engine(aws, raising(Unusable(why))).serve_one()
    assert list(aws.documents()[KEY]) == ["version", "error"]
    assert len(aws.documents()[KEY]["error"]) <= 200
    assert aws.messages == {}


def test_erased_audio_leaves_no_document_and_no_message() -> None:
    aws = MemoryAws(EVENT)
    aws.objects.clear()
    engine(aws).serve_one()
    assert (aws.objects, aws.messages) == ({}, {})


def test_audio_that_may_not_be_read_is_not_taken_for_erased() -> None:
    aws = MemoryAws(EVENT)
    aws.forbidden = {DETAIL["key"]}
    engine(aws).serve_one()
    assert len(aws.messages) == 1


@pytest.mark.parametrize(("options", "taken"), [({}, 1), ({"sources": ["other"]}, 0), ({"share": 0.0}, 0)])
def test_recordings_of_other_sources_and_beyond_the_share_are_left_out(options: dict[str, Any], taken: int) -> None:
    aws = MemoryAws(EVENT)
    engine(aws, **options).serve_one()
    assert (len(aws.documents()), aws.messages) == (taken, {})


def test_a_share_is_that_part_of_many_recordings_and_part_of_every_larger_share_and_the_demo_knows_it() -> None:
    many = [Recording(f"a-b-{n * 2654435761 % 2**32:032x}", "a-b", "", "", "", None, None) for n in range(1000)]
    few, more = (set(filter(engine(MemoryAws(), share=share).takes, many)) for share in (0.1, 0.5))
    assert few < more
    assert 80 < len(few) < 120
    local = LocalEngine(("a-b",), 0.1)
    assert few == {one for one in many if local.takes(one.recording_id)}
    assert not LocalEngine(("a",)).takes(many[0].recording_id)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"key": "lake/calls/data/a.parquet"},
        {"source": "other"},
        {"source": "../a", "key": DETAIL["key"].replace(f"source={DETAIL['source']}", "source=../a")},
        {"recording_id": None},
        {"call_date": "2026-10-17/../.."},
    ],
)
def test_a_message_that_is_not_the_event_is_left_for_the_dead_letters(change: dict[str, Any]) -> None:
    aws = MemoryAws(json.dumps({"detail": DETAIL | change}))
    before = dict(aws.objects)
    engine(aws).serve_one()
    assert (len(aws.messages), aws.objects) == (1, before)
