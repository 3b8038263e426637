"""What flows: windows, recordings, stored audio, rows. Plain data, no AWS, no provider."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

SCHEMA_VERSION = 1
MESSAGE_VERSION = 1


def iso(moment: datetime) -> str:
    """UTC in a fixed width with milliseconds (``2026-10-25T01:30:00.000Z``): sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_iso(text: str) -> datetime:
    """The inverse of ``iso``; also takes any ISO 8601 text that names its offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return moment.astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A closed stretch of time ``[start, end]``, both aware; the provider turns it into its own clock."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware datetimes")
        # Within one zone Python reckons by the wall clock, which leaps twice a year.
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if self.end < self.start:
            raise ValueError(f"a window ends before it starts: {iso(self.start)} > {iso(self.end)}")

    @property
    def width(self) -> timedelta:
        return self.end - self.start

    def __str__(self) -> str:
        return f"[{iso(self.start)}, {iso(self.end)}]"


def recording_id(source: str, provider_key: str, connection_id: str | None = None) -> str:
    """``<source>-<first 32 hex of SHA-256 of the provider's own key>`` (design section 2).

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

    def as_collision(self) -> Self:
        """The same recording under key + connection_id (rule 6)."""
        return replace(self, recording_id=recording_id(self.source, self.provider_key, self.connection_id or ""))

    def to_json(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError where ``data`` is not what ``to_json`` made."""
        values: dict[str, Any] = {field.name: data.get(field.name) for field in fields(cls)}
        for name in ("started_at", "ended_at", "listed_at"):
            values[name] = parse_iso(values[name]) if values[name] else None
        values["call_date"] = date.fromisoformat(data["call_date"])
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What the bytes themselves say. ``format`` is the file extension: ``wav``, ``ogg``, ``mp3`` …"""

    format: str
    bytes: int
    sha256: str
    channels: int | None = None
    sample_rate: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """One audio object that stands in the bucket."""

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


# Column -> kind, in the order of the table (design section 5). lake.py and template.yaml are tested against it.
COLUMNS: dict[str, str] = {
    "recording_id": "string",
    "provider": "string",
    "provider_key": "string",
    "connection_id": "string",
    "started_at": "timestamp",
    "ended_at": "timestamp",
    "listed_at": "timestamp",
    "direction": "string",
    "caller": "string",
    "callee": "string",
    "agent": "string",
    "disposition": "string",
    "duration_s": "double",
    "talk_s": "double",
    "audio_uri": "string",
    "audio_format": "string",
    "audio_bytes": "bigint",
    "audio_sha256": "string",
    "audio_channels": "int",
    "audio_sample_rate": "int",
    "audio_s": "double",
    "stored_at": "timestamp",
    "raw": "string",
    "schema_version": "int",
}
PARTITION_COLUMNS = ("source", "call_date")

type Row = dict[str, Any]
"""One line of table ``calls`` as JSON values: the columns above plus ``source`` and ``call_date``; times as ``iso``."""


def row_of(recording: Recording, audio: StoredAudio, *, expired: bool = False) -> Row:
    """``expired``: the audio is gone by the bucket's own rule; the row says what it was, and has no ``audio_uri``."""
    listed = recording.to_json()
    facts = audio.facts
    row = {name: listed.get(name) for name in COLUMNS}
    row |= {
        "audio_uri": None if expired else audio.uri,
        "audio_format": facts.format,
        "audio_bytes": facts.bytes,
        "audio_sha256": facts.sha256,
        "audio_channels": facts.channels,
        "audio_sample_rate": facts.sample_rate,
        "audio_s": facts.seconds,
        "stored_at": iso(audio.stored_at),
        "schema_version": SCHEMA_VERSION,
    }
    return row | {"source": recording.source, "call_date": recording.call_date.isoformat()}


def message_of(recording: Recording) -> str:
    """The body of one message on the source's queue (events/recording-message.schema.json)."""
    # ASCII: SQS refuses some characters that a provider's key may hold.
    return json.dumps({"version": MESSAGE_VERSION, "recording": recording.to_json()})


def recording_from_message(body: str) -> Recording:
    """Raises ValueError, naming what is wrong, for a body that no version of the poller ever wrote."""
    try:
        data = json.loads(body)
        if data["version"] != MESSAGE_VERSION:
            raise ValueError(f"message version {data['version']!r} is not {MESSAGE_VERSION}")
        return Recording.from_json(data["recording"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a recording message: {type(error).__name__} {error}") from error
