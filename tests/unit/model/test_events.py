"""The samples and schemas in events/ are what the code writes and reads."""

import json
from dataclasses import MISSING, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from call_lake.model.events import recording_stored, transcript_ready
from call_lake.model.layout import Partition, TranscriptPlace
from call_lake.model.messages import message_of, recording_from_message
from call_lake.model.recording import AudioFacts, ListedRecording, Recording, StoredAudio
from call_lake.model.transcripts import Segment, Transcript
from tests.support.fakes.ids import IDS

EVENTS = Path(__file__).parents[3] / "events"
SCHEMAS = sorted(EVENTS.glob("*.schema.json"))
SAMPLES = sorted(set(EVENTS.glob("*.json")) - set(SCHEMAS))

RECORDING = IDS.identified(
    ListedRecording(
        source="thulium",
        provider="thulium",
        provider_key="sales/a.wav",
        started_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        call_date=date(2026, 10, 25),
        raw='{"src": "000000001"}',
        connection_id="1792888200.1",
        ended_at=datetime(2026, 10, 25, 0, 32, tzinfo=UTC),
        listed_at=datetime(2026, 10, 25, 2, 50, tzinfo=UTC),
        direction="inbound",
        caller="000000001",
        callee="000000002",
        agent="Sample Agent",
        disposition="ANSWERED",
        duration_s=131.0,
        talk_s=129.5,
        audio_url="https://example.thulium.com/api/recordings/download",
    )
)
AUDIO = StoredAudio(
    bucket="call-lake-bucket",
    key=f"audio/source=thulium/call_date=2026-10-25/{RECORDING.recording_id}.ogg",
    facts=AudioFacts(format="ogg", bytes=4096, sha256="0" * 64, channels=2, sample_rate=8000, seconds=2.5),
    stored_at=datetime(2026, 10, 25, 3, 0, tzinfo=UTC),
)
BARE = IDS.identified(
    ListedRecording(  # what no recording can do without
        source="conpeek",
        provider="conpeek",
        provider_key="1",
        started_at=RECORDING.started_at,
        call_date=RECORDING.call_date,
        raw="{}",
    )
)


def load(name: str) -> Any:
    return json.loads((EVENTS / name).read_text())


def check(schema: str, instance: Any) -> None:
    Draft202012Validator(load(f"{schema}.schema.json")).validate(instance)


def payload_of(sample: Path) -> list[tuple[str, Any]]:
    """The parts of a sample that are ours, each with its schema's name."""
    event = json.loads(sample.read_text())
    match sample.name.split("-")[0]:
        case "poller":
            return [("poller-request", event)]
        case "compactor":
            return [("compactor-request", event)]
        case "copier":
            return [("recording-message", json.loads(record["body"])) for record in event["Records"]]
        case "transcriber":
            return [("recording-stored", json.loads(record["body"])["detail"]) for record in event["Records"]]
        case "transcript":
            return [("transcript", event)]
    raise AssertionError(f"{sample.name} is named after no function")


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_a_schema_is_valid_draft_2020_12(file):
    schema = json.loads(file.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda file: file.name)
def test_a_sample_fits_its_schema(sample):
    payloads = payload_of(sample)
    assert payloads
    for schema, payload in payloads:
        check(schema, payload)


def test_every_function_and_trigger_has_a_sample():
    assert [sample.stem for sample in SAMPLES] == [
        "compactor-compact",
        "copier-conpeek",
        "copier-thulium",
        "poller-backfill",
        "poller-poll",
        "poller-sweep",
        "transcriber-recording-stored",
        "transcript-failed",
        "transcript-stereo",
    ]


@pytest.mark.parametrize("name", ["copier-thulium.json", "copier-conpeek.json"])
def test_the_copier_reads_its_samples_and_would_write_them_so(name):
    for record in load(name)["Records"]:
        recording = recording_from_message(record["body"])
        assert recording.recording_id == IDS.of_key(recording.source, recording.provider_key)
        assert message_of(recording) == record["body"]


@pytest.mark.parametrize("recording", [RECORDING, BARE], ids=["full", "bare"])
def test_a_message_fits_its_schema(recording):
    check("recording-message", json.loads(message_of(recording)))


def test_the_message_schema_knows_every_field_of_a_recording_and_which_may_be_missing():
    recording = load("recording-message.schema.json")["properties"]["recording"]
    assert list(recording["properties"]) == [field.name for field in fields(Recording)]
    assert recording["required"] == [field.name for field in fields(Recording) if field.default is MISSING]


@pytest.mark.parametrize(
    "change",
    [{"version": 1}, {"recording": {}}, {"extra": 1}, {"recording": RECORDING.to_json() | {"started_at": "yesterday"}}],
    ids=["other version", "empty", "unknown field", "no time"],
)
def test_a_wrong_message_does_not_fit(change):
    with pytest.raises(ValidationError):
        check("recording-message", json.loads(message_of(RECORDING)) | change)


@pytest.mark.parametrize("recording", [RECORDING, BARE], ids=["full", "bare"])
def test_an_event_fits_its_schema(recording):
    check("recording-stored", recording_stored(recording, AUDIO))


def test_an_event_of_audio_with_an_unreadable_header_fits_its_schema():
    facts = AudioFacts(format="amr", bytes=4096, sha256="f" * 64)
    check("recording-stored", recording_stored(RECORDING, replace(AUDIO, facts=facts)))


def test_the_event_says_exactly_what_its_schema_lists():
    schema = load("recording-stored.schema.json")
    assert list(recording_stored(RECORDING, AUDIO)) == schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("name", ["caller", "callee", "agent", "provider_key", "connection_id", "raw", "audio_url"])
def test_the_event_says_nothing_personal(name):
    detail = recording_stored(RECORDING, AUDIO)
    assert str(getattr(RECORDING, name)) not in json.dumps(detail)
    with pytest.raises(ValidationError):
        check("recording-stored", detail | {name: "x"})


def ready(transcript: Transcript) -> dict[str, Any]:
    partition = Partition(RECORDING.source, RECORDING.call_date)
    return transcript_ready(transcript, TranscriptPlace("aws", partition, RECORDING.recording_id), "call-lake-bucket")


TRANSCRIPT = Transcript(
    RECORDING.recording_id, "aws", "pl-PL", [Segment(0, 1, "dzień dobry")], 2, 0.9, 2, AUDIO.stored_at
)
SILENCE = replace(TRANSCRIPT, language=None, segments=(), words=0, confidence=None, channels=1)


@pytest.mark.parametrize("transcript", [TRANSCRIPT, SILENCE], ids=["full", "silence"])
def test_the_event_of_a_transcript_says_what_its_schema_lists_and_no_word(transcript):
    detail, schema = ready(transcript), load("transcript-ready.schema.json")
    check("transcript-ready", detail)
    assert list(detail) == schema["required"] == list(schema["properties"])
    assert "dzień" not in json.dumps(detail, ensure_ascii=False)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"error": "and segments"},
        {"channels": 1},
        {"segments": [{"start_s": 0, "end_s": 1, "text": "no channel"}]},
        {"segments": [{"start_s": -1, "end_s": 1, "text": "", "channel": 0}]},
        {"language": "Polish, I think"},
    ],
    ids=["version", "error and segments", "channel of mono", "no channel of stereo", "negative", "language"],
)
def test_a_wrong_document_of_an_engine_does_not_fit(change):
    with pytest.raises(ValidationError):
        check("transcript", load("transcript-stereo.json") | change)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"source": "Thulium"},
        {"source": "thulium", "mode": "poll"},
        {"source": "thulium", "from": "2026-10-01T00:00:00Z"},
        {"source": "thulium", "from": "2026-10-01T00:00:00", "to": "2026-10-02T00:00:00Z"},
        {"source": "thulium", "mode": "sweep", "from": "2026-10-01T00:00:00Z", "to": "2026-10-02T00:00:00Z"},
        {"source": "thulium", "limit": 1},
    ],
    ids=["no source", "bad name", "unknown mode", "half a window", "no zone", "sweep of a window", "unknown field"],
)
def test_a_wrong_request_to_the_poller_does_not_fit(request_):
    with pytest.raises(ValidationError):
        check("poller-request", request_)
