"""A recording as its ledger item keeps it: JSON, deflated with a dictionary, a third to a fifth as long (ADR 0050).

DynamoDB bills a write by whole kilobytes of the item
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

from call_lake.model.recording import Recording

UNPACKED_MAX_BYTES = 4 * 1024 * 1024  # no message is longer than 1 MB; somebody may write what grows without end
_RAW_DIALOG = (
    '"raw":"{\\"dialog_uuid\\":\\"\\",\\"dialog_type\\":\\"EXTERNAL\\",\\"business_direction\\":\\"OUTBOUND\\",'
    '\\"business_end_cause\\":\\"ANSWERED\\",\\"from_display_target\\":\\"+48\\",\\"to_display_target\\":\\"+48\\",'
    '\\"start_time\\":\\"2026-01-01 12:00:00\\",\\"answer_time\\":\\"2026-01-01 12:00:00\\",'
    '\\"hangup_time\\":\\"2026-01-01 12:00:00\\",\\"serve_time\\":,\\"talking_time\\":,\\"alert_time\\":0,'
    '\\"ring_time\\":,\\"waiting_time\\":0,\\"first_queue_waiting_time\\":null,\\"machine_detected\\":false,'
    '\\"project_id\\":,\\"tenant_user_id\\":,\\"tenant_user_name\\":\\"\\",\\"recording_url\\":\\"https://'
    '/cdr_dialog//recording\\"}","audio_url":"https:///recording"'
)
_RAW_FILE = (
    '"raw":"{\\"date\\":\\"2026-01-01 12:00\\",\\"created_at\\":\\"2026-01-01 12:00\\",\\"src\\":\\"+48\\",'
    '\\"dst\\":\\"+48\\",\\"disposition\\":\\"ANSWERED\\",\\"duration\\":,\\"billsec\\":,\\"filename\\":\\"/2026-01-01/'
    '2026-01-01_120000_.ogg\\",\\"user\\":\\"\\",\\"connection_id\\":\\"17.\\",\\"type\\":\\"INBOUND\\"}"'
)
_FIELDS = (
    '{"source":"","provider":"",'
    '"provider_key":"/2026-01-01/2026-01-01_120000_.mp3.wav.ogg","started_at":"2026-01-01T12:00:00.000Z",'
    '"call_date":"2026-01-01","connection_id":"17.","ended_at":"2026-01-01T12:00:00.000Z",'
    '"listed_at":"2026-01-01T12:00:00.000Z","direction":"outbound","direction":"inbound","caller":"+48","callee":"+48",'
    '"agent":"","disposition":"ANSWERED","duration_s":.0,"talk_s":.0,"queue":"","queue_name":"","team":"","team_name":"",'
    '"recording_id":"-","key_id":"-","collision_id":"-","connection_digest":"hmac:"}'
)
_DICTIONARY = (_RAW_DIALOG + _RAW_FILE + _FIELDS).encode()
"""What records have in common, the most common last. It is part of the format: with another one no item can be read."""


def packed(recording: Recording) -> bytes:
    """The recording as its item keeps it."""
    return pack(recording.to_json())


def pack(record: Any) -> bytes:
    """Any JSON value, as ``packed`` writes a recording."""
    deflate = zlib.compressobj(9, zdict=_DICTIONARY)
    return deflate.compress(json.dumps(record, separators=(",", ":")).encode()) + deflate.flush()


def unpack(data: object) -> Mapping[str, Any]:
    """What ``pack`` packed. Raises ValueError for anything else: the poller's role can write into this attribute, and
    that role is not trusted (docs/adr/0027)."""
    if not isinstance(data, bytes):
        raise ValueError("its record is not packed")
    inflate = zlib.decompressobj(zdict=_DICTIONARY)
    try:
        text = inflate.decompress(data, UNPACKED_MAX_BYTES)
        if not inflate.eof:
            raise ValueError("its record is longer than a message may be, or cut")
        record = json.loads(text)
    except (zlib.error, RecursionError) as error:
        raise ValueError(f"its record cannot be read: {type(error).__name__}") from error
    if not isinstance(record, dict):
        raise ValueError("its record is no object")
    return record
