"""A recording as a source lists it, under its id, and its audio as it is stored. Plain data: no AWS, no provider."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any, Self

from call_lake.model.times import iso, parse_iso

RECORDING_ID = re.compile(r"([a-z0-9-]{1,32})-[0-9a-f]{32}")
"""A recording id; its group is the source."""


_MOMENTS = ("started_at", "ended_at", "listed_at")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(_MOMENTS, datetime),
    "call_date": date,
    **dict.fromkeys(("duration_s", "talk_s"), (float, int)),
}
"""Of a recording's fields; all others are text."""

_setter_of = object.__setattr__.__get__


@dataclass(frozen=True, slots=True)
class ListedRecording:
    """One audio file as a source lists it. Times are aware UTC; lengths are seconds; ``raw`` is JSON. ``queue`` and
    ``team`` are the provider's words, ``queue_name`` and ``team_name`` what the source's settings call them."""

    source: str
    provider: str
    provider_key: str
    started_at: datetime
    call_date: date
    raw: str
    connection_id: str | None = None
    ended_at: datetime | None = None
    listed_at: datetime | None = None
    direction: str | None = None
    caller: str | None = None
    callee: str | None = None
    agent: str | None = None
    disposition: str | None = None
    duration_s: float | None = None
    talk_s: float | None = None
    audio_url: str | None = None
    queue: str | None = None
    queue_name: str | None = None
    team: str | None = None
    team_name: str | None = None

    # What @dataclass generates for a frozen class takes more than twice as long, a fifth of a poll's CPU time.
    def __init__(
        self,
        source: str,
        provider: str,
        provider_key: str,
        started_at: datetime,
        call_date: date,
        raw: str,
        connection_id: str | None = None,
        ended_at: datetime | None = None,
        listed_at: datetime | None = None,
        direction: str | None = None,
        caller: str | None = None,
        callee: str | None = None,
        agent: str | None = None,
        disposition: str | None = None,
        duration_s: float | None = None,
        talk_s: float | None = None,
        audio_url: str | None = None,
        queue: str | None = None,
        queue_name: str | None = None,
        team: str | None = None,
        team_name: str | None = None,
    ) -> None:
        put = _setter_of(self)
        put("source", source)
        put("provider", provider)
        put("provider_key", provider_key)
        put("started_at", started_at)
        put("call_date", call_date)
        put("raw", raw)
        put("connection_id", connection_id)
        put("ended_at", ended_at)
        put("listed_at", listed_at)
        put("direction", direction)
        put("caller", caller)
        put("callee", callee)
        put("agent", agent)
        put("disposition", disposition)
        put("duration_s", duration_s)
        put("talk_s", talk_s)
        put("audio_url", audio_url)
        put("queue", queue)
        put("queue_name", queue_name)
        put("team", team)
        put("team_name", team_name)

    def values(self) -> dict[str, Any]:
        """What is listed, by field."""
        return {name: getattr(self, name) for name in ListedRecording.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording(ListedRecording):
    """A listed recording with its ids and digests (``model.recording_ids``), so that nobody else needs the key.

    ``recording_id``: the one it goes by, which is one of the next two. ``key_id``: made of the provider's key.
    ``collision_id``: made of key and connection id, for a second recording under one key (rule 6).
    ``connection_digest``: what a tombstone keeps of ``connection_id``; None where there is none.
    """

    recording_id: str
    key_id: str
    collision_id: str
    connection_digest: str | None = None

    def as_collision(self) -> Self:
        """The same recording under its ``collision_id`` (rule 6)."""
        return replace(self, recording_id=self.collision_id)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values by field; fields without a value are left out."""
        # asdict() copies each value deeply, in three times the time of all this.
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where ``data`` is not what ``to_json`` made.

        Keys in the bucket are made of source, call date and recording id. So an id that is none of its source, and a
        date that is not the call's in any time zone, are refused here (docs/adr/0027).
        """
        values: dict[str, Any] = {
            field.name: data[field.name] if field.default is MISSING else data.get(field.name) for field in fields(cls)
        }
        for name in _MOMENTS:
            values[name] = parse_iso(values[name]) if values[name] else None
        values["call_date"] = date.fromisoformat(data["call_date"])
        for name, value in values.items():
            if value is not None and not _is_written(name, value):
                raise ValueError(f"its {name} is not what a poller writes")
        recording = cls(**values)
        own_ids = (recording.key_id, recording.collision_id)
        named = [found[1] for id in own_ids if (found := RECORDING_ID.fullmatch(id))]
        if recording.recording_id not in own_ids or named != [recording.source] * 2:
            raise ValueError("its recording id is none of its source")
        if abs(recording.call_date - recording.started_at.date()) > timedelta(days=1):
            raise ValueError("its call date is not the day of its start, in no time zone")
        return recording


def _is_written(name: str, value: Any) -> bool:
    """Whether ``to_json`` can have written this value of a field."""
    if isinstance(value, bool) or not isinstance(value, _TYPES.get(name, str)):
        return False
    return not isinstance(value, float) or isfinite(value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the bytes themselves say. ``format`` is the file extension: ``wav``, ``ogg``, ``mp3`` … ``note``: what is
    odd about them, ``shorter_than_header`` or None (ADR 0020)."""

    format: str
    bytes: int
    sha256: str
    channels: int | None = None
    sample_rate: int | None = None
    seconds: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """One audio object in the bucket."""

    bucket: str
    key: str
    facts: AudioFacts
    stored_at: datetime

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def to_json(self) -> dict[str, Any]:
        return {"bucket": self.bucket, "key": self.key, "facts": asdict(self.facts), "stored_at": iso(self.stored_at)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["bucket"], data["key"], AudioFacts(**data["facts"]), parse_iso(data["stored_at"]))
