"""How a record is packed, and that an ordinary item stays within the kilobyte that DynamoDB bills."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from bench.cost.metered import item_bytes
from call_lake.ledger.ledger import Ledger
from call_lake.ledger.packed_record import pack, packed, unpack
from call_lake.model.recording import AudioFacts, Recording, StoredAudio
from tests.support.fakes import World
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording

BILLED_BYTES = 1024


def thulium() -> Recording:
    key = "sprzedaz/2026-10-20/2026-10-20_101502_600123456.1792483502.234.wav"
    record = {
        "date": "2026-10-20 10:15",
        "created_at": "2026-10-20 10:15",
        "src": "+48600123456",
        "dst": "+48221234567",
        "disposition": "ANSWERED",
        "duration": 187,
        "billsec": 171,
        "filename": key,
        "user": "anna.kowalska",
        "connection_id": "1792483502.234",
        "type": "INBOUND",
    }
    made = make_recording(1, "thulium", key=key)
    return IDS.identified(replace(made, raw=json.dumps(record, separators=(",", ":"))))


def conpeek() -> Recording:
    key = str(UUID("9f1c2b7e-54d0-4c3a-8e6b-0d2f7a915c48"))
    record = {
        "dialog_uuid": key,
        "dialog_type": "EXTERNAL",
        "business_direction": "INBOUND",
        "business_end_cause": "ANSWERED",
        "from_display_target": "+48600123456",
        "to_display_target": "+48221234567",
        "start_time": "2026-10-20 10:15:02",
        "answer_time": "2026-10-20 10:15:18",
        "hangup_time": "2026-10-20 10:18:09",
        "serve_time": 171,
        "talking_time": 165,
        "alert_time": 0,
        "ring_time": 16,
        "waiting_time": 9,
        "first_queue_waiting_time": 9,
        "machine_detected": False,
        "project_id": 4711,
        "tenant_user_id": 90210,
        "tenant_user_name": "Anna Kowalska",
        "recording_url": f"https://api.conpeek.com/v1/cdr_dialog/{key}/recording",
    }
    made = make_recording(1, "conpeek", key=key)
    return IDS.identified(replace(made, raw=json.dumps(record, separators=(",", ":"))))


@pytest.mark.parametrize("recording", [thulium(), conpeek()], ids=["thulium", "conpeek"])
def test_what_was_packed_is_what_is_unpacked(recording: Recording) -> None:
    assert Recording.from_json(unpack(packed(recording))) == recording


@pytest.mark.parametrize("recording", [thulium(), conpeek()], ids=["thulium", "conpeek"])
def test_its_item_is_billed_as_one_kilobyte_new_and_stored(world: World, recording: Recording) -> None:
    ledger = Ledger(world.table, world.clock, 3600)
    day, id = recording.call_date, recording.recording_id
    key = f"audio/source={recording.source}/call_date={day}/{id}.wav"
    facts = AudioFacts("wav", 1_234_567, "5a" * 32, 2, 8000, 171.32)
    audio = StoredAudio("call-lake-123456789012", key, facts, world.clock.now())

    ledger.discovered(recording)
    new = item_bytes(world.table.items()[id])
    ledger.stored(recording, audio)
    stored = item_bytes(world.table.items()[id])

    assert max(new, stored) <= BILLED_BYTES


@pytest.mark.parametrize("data", [None, "text", b"", b"{}", pack([]), pack({"a": "b"})[:-1]])
def test_what_pack_did_not_write_is_a_value_error(data: object) -> None:
    with pytest.raises(ValueError, match="its record"):
        unpack(data)
