"""Invented transcripts, and their rows in a lake in memory."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from call_lake.model.lake_tables import SOUND, TRANSCRIPTS
from call_lake.model.layout import Partition
from call_lake.model.sound import SOUND_COLUMNS
from call_lake.model.transcripts import Segment, Transcript, transcript_row
from tests.support.fakes import World
from tests.support.lake_samples import TODAY, lake_of, table_from

AT = datetime(2026, 10, 20, 9, 30, tzinfo=UTC)


def transcript(number: int, *said: str | Segment, engine: str = "aws", source: str = "thulium") -> Transcript:
    """What an engine heard in recording ``number``. A text is a segment of two seconds, after the one before it."""
    segments = [
        one if isinstance(one, Segment) else Segment(2.0 * at, 2.0 * at + 2, one, confidence=0.5)
        for at, one in enumerate(said)
    ]
    words = sum(len(one.text.split()) for one in segments)
    channels = 1 + any(one.channel for one in segments)
    return Transcript(f"{source}-{number:032x}", engine, "en-GB", segments, words, 0.5, channels, AT)


def commit_heard(world: World, *heard: Transcript, day: date = TODAY) -> None:
    """One commit of each partition."""
    by_source: dict[str, list[Transcript]] = {}
    for one in heard:
        by_source.setdefault(one.recording_id[:-33], []).append(one)
    for source, some in by_source.items():
        place = TRANSCRIPTS.at(Partition(source, day))
        rows = [transcript_row(one, place.partition) for one in some]
        lake_of(world).commit(place, table_from(rows, place))


def commit_sound(world: World, number: int, day: date = TODAY, source: str = "thulium", **facts: Any) -> None:
    """The row of one recording in table ``sound``."""
    place = SOUND.at(Partition(source, day))
    row = dict.fromkeys(SOUND_COLUMNS) | {"recording_id": f"{source}-{number:032x}", "schema_version": 1}
    row |= {"analyzed_at": "2026-10-20T09:00:00.000Z", "source": source, "call_date": day.isoformat()} | facts
    lake_of(world).commit(place, table_from([row], place))


def sides(*said: tuple[float, float, int, str]) -> Sequence[Segment]:
    """Segments of a stereo call: start, end, channel, text."""
    return [Segment(start, end, text, channel=channel) for start, end, channel, text in said]
