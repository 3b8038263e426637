"""Rows of ``transcripts`` and ``sound`` on the emulator, beside those of ``calls``: one small world for the queries."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from call_lake.model.lake_tables import CALLS, SOUND, TRANSCRIPTS, LakeTable
from call_lake.model.layout import Partition
from call_lake.model.sound import SOUND_SCHEMA_VERSION
from call_lake.model.table import Row
from call_lake.model.transcripts import Segment, Transcript, transcript_row
from tests.integration.athena_lake import Lake
from tests.integration.call_rows import call, commit_files, rows_table

HEARD_AT = datetime(2026, 10, 30, 9, tzinfo=UTC)
ANALYZED = {"analyzed_at": "2026-10-30T09:00:00.000Z", "schema_version": SOUND_SCHEMA_VERSION}
SILENT = 9_999
"""How many segments without the phrase the longest call has, besides the one with it."""


@dataclass(frozen=True)
class Said:
    """A recording: its row in ``calls``, what each engine heard, and its row in ``sound``. The place in a list of them
    is the recording's number."""

    call: Row
    heard: tuple[tuple[str, Sequence[Segment] | None], ...] = ()
    sound: Row | None = None


def segment(start_s: float, text: str, channel: int | None = None, **more: Any) -> Segment:
    return Segment(start_s, start_s + 1.5, text, channel, **more)


def stereo(agent_s: float, customer_s: float, interruptions: tuple[int, int] = (0, 0), **more: Any) -> Row:
    """The agent is on channel 0."""
    both = {"channels": 2, "ch0_talk_s": agent_s, "ch1_talk_s": customer_s, "audio_s": 90.0, "longest_silence_s": 2.0}
    return both | {"ch0_interruptions": interruptions[0], "ch1_interruptions": interruptions[1]} | more


_MANY = [segment(float(number), "yes" if number else "and another invoice", number % 2) for number in range(SILENT + 1)]
_AUDIO: dict[str, Any] = {"audio_uri": "s3://bucket/audio/a.wav", "audio_format": "wav", "audio_s": 90.0}
_EWA, _JAN = _AUDIO | {"agent": "Ewa"}, _AUDIO | {"agent": "Jan"}
WORLD = (
    Said(
        call("2026-10-26 08:30", **_EWA),
        (("aws", [segment(0.5, "Invoice office, good morning", 0), segment(2.0, "My INVOICE is wrong", 1)]),),
        stereo(60.0, 30.0, (3, 1)),
    ),
    Said(
        call("2026-10-26 09:00", **_EWA),
        (
            ("aws", [segment(1.0, "thank", None, speaker="spk_0"), segment(3.0, "you", None, speaker="spk_0")]),
            ("whisper", [segment(1.25, "Thank you for the invoice", None, confidence=0.75)]),
        ),
        stereo(30.0, 30.0, (0, 1)),
    ),
    Said(
        call("2026-10-19 10:00", **_JAN),
        (("aws", []),),
        {"channels": 1, "audio_s": 90.0, "longest_silence_s": 90.0, "longest_silence_at_s": 0.0, "silence_share": 1.0},
    ),
    Said(call("2026-10-20 10:00", **_JAN), (("aws", None),), {"sound_note": "unreadable"}),
    Said(
        call("2026-10-21 10:00", direction="outbound", **_JAN),
        (("aws", _MANY),),
        stereo(12.0, 0.0, dead_channel=1, longest_silence_s=45.06, longest_silence_at_s=10.0),
    ),
    Said(
        call("2026-10-22 10:00", **_JAN),
        (),
        stereo(0.0, 9.5, dead_channel=0, longest_silence_s=29.9, silence_share=0.5),
    ),
    Said(call("2026-09-29 10:00", **_EWA), (("aws", [segment(0.0, "invoice", 0)]),), stereo(1.0, 0.0, dead_channel=1)),
    Said(call("2026-10-26 11:00", **_AUDIO | {"audio_uri": None, "audio_format": "wma"})),
    Said(call("2026-10-26 12:00", **_AUDIO | {"audio_format": "wma"})),
    Said(call("2026-10-26 13:00", **_AUDIO | {"audio_s": 0.4})),
    Said(call("2026-10-26 14:00", **_AUDIO, stored_at="2026-10-29T00:00:00.000Z")),
    Said(call("2026-10-26 15:00", **_AUDIO, stored_at="2026-10-28T23:59:59.000Z")),
    Said(call("2026-10-26 16:00", **_AUDIO | {"audio_s": 14_400.5})),
    Said(call("2026-10-26 17:00", **_AUDIO, audio_bytes=2_000_000_001)),
)


def create_said(lake: Lake) -> None:
    """The tables ``transcripts`` and ``sound``."""
    for table in (TRANSCRIPTS, SOUND):
        lake.create_lake_table(table.name, tuple(table.columns.items()))


def write_said(lake: Lake, *world: Said) -> None:
    """One file and one manifest for each table and partition."""
    for table, partition, rows in said_tables(*world):
        commit_files(lake, partition, rows, table=table)


def said_tables(*world: Said) -> Iterator[tuple[LakeTable, Partition, pa.Table]]:
    """The rows of each table and partition, as the compactor makes tables of them."""
    rows: dict[tuple[LakeTable, Partition], list[Row]] = defaultdict(list)
    for number, said in enumerate(world):
        partition = Partition(said.call["source"], date.fromisoformat(said.call["call_date"]))
        known = {"recording_id": f"{partition.source}-{number:032x}"}
        rows[CALLS, partition].append(said.call | known)
        rows[TRANSCRIPTS, partition] += [_transcript(known["recording_id"], partition, *heard) for heard in said.heard]
        if said.sound is not None:
            known |= {"source": partition.source, "call_date": said.call["call_date"]}
            rows[SOUND, partition].append(known | ANALYZED | said.sound)
    for (table, partition), found in rows.items():
        if found:
            yield table, partition, rows_table(*found, table=table)


def _transcript(recording_id: str, partition: Partition, engine: str, segments: Sequence[Segment] | None) -> Row:
    words = sum(len(one.text.split()) for one in segments or ())
    transcript = Transcript(recording_id, engine, "en-GB", segments or (), words, None, 2, HEARD_AT)
    row = transcript_row(transcript, partition)
    return row if segments is not None else row | {"segments": None, "text": None}
