"""A recording as a source lists it, and its audio as it is stored. Plain data: no AWS, no provider."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Self

from call_lake.model.times import iso, parse_iso

RECORDING_ID = re.compile(r"([a-z0-9-]{1,32})-[0-9a-f]{32}")
"""A recording id; its group is the source."""


def recording_id(source: str, provider_key: str, connection_id: str | None = None) -> str:
    """``<source>-<first 32 hex of SHA-256 of the provider's own key>`` (docs/architecture.md section 2).

    ``connection_id`` is given only for a collision (rule 6): a second recording under a known key.
    """
    text = provider_key if connection_id is None else f"{provider_key}\0{connection_id}"
    return f"{source}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


_setter_of = object.__setattr__.__get__


@dataclass(frozen=True, slots=True)
class Recording:
    """One audio file that a source lists. Times are aware UTC; lengths are seconds; ``raw`` is JSON."""

    source: str
    provider: str
    recording_id: str
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

    # What @dataclass generates for a frozen class takes more than twice as long, a fifth of a poll's CPU time.
    def __init__(
        self,
        source: str,
        provider: str,
        recording_id: str,
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
    ) -> None:
        put = _setter_of(self)
        put("source", source)
        put("provider", provider)
        put("recording_id", recording_id)
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

    @property
    def collision_id(self) -> str:
        """Its recording id where its key belongs to another recording: made of key and connection id (rule 6)."""
        return recording_id(self.source, self.provider_key, self.connection_id or "")

    def as_collision(self) -> Self:
        """The same recording under its ``collision_id`` (rule 6)."""
        return replace(self, recording_id=self.collision_id)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values by field; fields without a value are left out."""
        return {name: _plain(value) for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where ``data`` is not what ``to_json`` made.

        Keys in the bucket are made of source, call date and recording id. So an id that is none of its source, and a
        date that is not the call's in any time zone, are refused here (docs/adr/0027).
        """
        values: dict[str, Any] = {field.name: data.get(field.name) for field in fields(cls)}
        for name in ("started_at", "ended_at", "listed_at"):
            values[name] = parse_iso(values[name]) if values[name] else None
        values["call_date"] = date.fromisoformat(data["call_date"])
        recording = cls(**values)
        named = RECORDING_ID.fullmatch(recording.recording_id)
        if named is None or named[1] != recording.source:
            raise ValueError("its recording id is none of its source")
        if abs(recording.call_date - recording.started_at.date()) > timedelta(days=1):
            raise ValueError("its call date is not the day of its start, in no time zone")
        return recording


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
