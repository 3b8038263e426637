"""A seeded world of calls: what really happened. The simulated providers list it.

A recording is made only from (seed, kind, index): a world is the same in every process and costs nothing until served.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from typing import Self
from uuid import UUID
from zoneinfo import ZoneInfo

from call_lake_local.simulators.audio import MENU, WAV_FORMS, Audio, AudioSpec, LargeAudio, SpeechAudio
from call_lake_local.simulators.invented_data import AGENTS, QUEUES, number
from call_lake_local.simulators.speech import ENGLISH

KINDS = ("thulium", "conpeek")
ENGLISH_SOURCES = ("conpeek",)
"""Whose calls are English: a search has to find something, and the demo's speech engine knows no other language."""
DEMO_DAY = date(2026, 10, 17)
_HOURS = tuple(accumulate((1, 0, 0, 0, 0, 1, 4, 20, 60, 80, 80, 75, 60, 75, 80, 80, 60, 30, 12, 10, 8, 5, 3, 2)))
_SPECS = tuple(spec for spec, _ in MENU)
_SPEC_WEIGHTS = tuple(accumulate(weight for _, weight in MENU))


@dataclass(frozen=True, slots=True)
class SimRecording:
    """One recording as it really is. Times are aware UTC in whole seconds; ``broken`` names what a decoy lacks.

    ``created_at`` is the time that the provider's filter compares (Thulium: creation, Conpeek: hang-up);
    ``available_at`` is when the row appears in listings.
    """

    kind: str
    index: int
    key: str
    connection_id: str | None
    started_at: datetime
    ended_at: datetime
    created_at: datetime
    available_at: datetime
    src: str
    dst: str
    agent: str
    direction: str
    duration_s: int
    talk_s: int
    audio: Audio
    broken: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """``zone`` is the wall clock of the offices (and of Thulium's API). ``recordings`` by kind, by start."""

    seed: int
    zone: ZoneInfo
    start: date
    days: int
    recordings: Mapping[str, Sequence[SimRecording]]
    tiny_audio: bool

    @classmethod
    def generate(
        cls,
        seed: int = 7,
        kinds: Sequence[str] = KINDS,
        count: int = 200,
        start: date = DEMO_DAY,
        days: int = 30,
        tz: str = "Europe/Warsaw",
        tiny_audio: bool = False,
    ) -> Self:
        """``count`` recordings of each kind that start within ``days`` local days from ``start``.

        ``tiny_audio`` makes every file a quarter of a second, for tests that simulate months.
        """
        zone = ZoneInfo(tz)
        empty = cls(seed, zone, start, days, {}, tiny_audio)
        return cls(seed, zone, start, days, {kind: empty.calls(kind, count) for kind in kinds}, tiny_audio)

    def calls(self, kind: str, count: int) -> tuple[SimRecording, ...]:
        rng = self._rng(kind, "starts")
        changes = clock_changes(self.zone, self.start, self.days)
        near = min(count // 2, max(4, count // 25)) if changes else 0
        starts = [changes[n % len(changes)] + _near_change(n, near, rng) for n in range(near)]
        starts += [_office_call(rng, self.start, self.days, self.zone) for _ in range(count - near)]
        return tuple(self.make(kind, index, moment) for index, moment in enumerate(sorted(starts)))

    def make(self, kind: str, index: int, started_at: datetime, large_bytes: int = 0) -> SimRecording:
        """The recording ``index``, of a call that starts then; ``large_bytes`` makes its file a WAV of that size."""
        rng = self._rng(kind, str(index))
        spec = AudioSpec("wav", "pcm", 1, 8000, 0.25, index) if self.tiny_audio else _spec(rng)
        if kind in ENGLISH_SOURCES:
            spec = replace(spec, script=ENGLISH[index % len(ENGLISH)])
        identity = f"{self.seed}/{kind}/{index}"
        audio: Audio = LargeAudio(large_bytes, identity) if large_bytes else SpeechAudio(spec, identity)
        talk_s = max(1, round(spec.seconds))
        duration_s = talk_s + 3 + _below(rng, 27)
        caller, outbound = number(rng), rng.random() < 0.4
        office = f"+48800000{_below(rng, 10):03d}"
        connection_id, key, started_at = self._names(kind, index, started_at, rng)
        ended_at = started_at + timedelta(seconds=duration_s)
        delay = _delay(rng) if not _is_clock_change(started_at, self.zone) else timedelta(seconds=5 + _below(rng, 85))
        is_thulium = kind == "thulium"
        return SimRecording(
            kind=kind,
            index=index,
            key=key,
            connection_id=connection_id,
            started_at=started_at,
            ended_at=ended_at,
            created_at=ended_at + delay if is_thulium else ended_at,
            available_at=ended_at + (delay if is_thulium else min(delay, timedelta(minutes=90))),
            src=office if outbound else caller,
            dst=caller if outbound else ("" if is_thulium and rng.random() < 0.1 else office),
            agent=AGENTS[_below(rng, len(AGENTS))],
            direction="outbound" if outbound else "inbound",
            duration_s=duration_s,
            talk_s=talk_s,
            audio=audio,
        )

    def decoy(self, kind: str, index: int, broken: str, ahead: timedelta) -> SimRecording:
        """An additional, wrong row: it lacks what ``broken`` names, or (``future_rows``) its call starts that far
        ahead."""
        started_at = _office_call(self._rng(kind, "decoy", str(index)), self.start, self.days, self.zone)
        real = self.make(kind, index, started_at)
        if broken != "future_rows":
            return replace(real, broken=broken)
        future = self.make(kind, index, real.started_at + ahead)
        return replace(future, broken=broken, created_at=real.created_at, available_at=real.available_at)

    def _names(
        self, kind: str, index: int, started_at: datetime, rng: random.Random
    ) -> tuple[str | None, str, datetime]:
        """Connection, key, and the start: a transferred leg has its connection's id, and starts on a full minute,
        for its listed minute is all that anybody can know of it."""
        if kind != "thulium":
            return None, str(UUID(bytes=sha256(f"{self.seed}/{kind}/{index}".encode()).digest()[:16])), started_at
        epoch = int(started_at.timestamp())
        if rng.random() < 0.02 and not _is_clock_change(started_at, self.zone):
            started_at = started_at.replace(second=0) + timedelta(minutes=4 + _below(rng, 5))
        local = started_at.astimezone(self.zone)
        connection_id = f"{epoch}.{index}"
        queue, ending = QUEUES[_below(rng, len(QUEUES))], ("wav", "ogg", "mp3")[_below(rng, 3)]
        return connection_id, f"{queue}/{local:%Y-%m-%d}/{local:%Y-%m-%d_%H%M%S}_{connection_id}.{ending}", started_at

    def _rng(self, *names: str) -> random.Random:
        text = "/".join((str(self.seed), *names))
        return random.Random(int.from_bytes(sha256(text.encode()).digest()[:8], "big"))


def clock_changes(zone: ZoneInfo, start: date, days: int) -> list[datetime]:
    """The UTC instants within the days at which the zone's offset changes (by whole hours of UTC)."""
    first = datetime.combine(start, time(), zone).astimezone(UTC)
    hours = [first + timedelta(hours=n) for n in range(days * 24 + 1)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


def _near_change(n: int, near: int, rng: random.Random) -> timedelta:
    """Offsets spread over the hour before and the hour after the change: in autumn the same hour on the wall."""
    width = 7000 // max(1, near)
    return timedelta(seconds=-3500 + n * width + _below(rng, width))


def _is_clock_change(moment: datetime, zone: ZoneInfo) -> bool:
    return any(abs(moment - change) < timedelta(hours=1) for change in _changes_of_year(zone, moment.year))


@lru_cache(maxsize=256)
def _changes_of_year(zone: ZoneInfo, year: int) -> list[datetime]:
    return clock_changes(zone, date(year, 1, 1), 366)


def _below(rng: random.Random, end: int) -> int:
    """Like ``randrange``, and several times as fast."""
    return int(rng.random() * end)


def _office_call(rng: random.Random, start: date, days: int, zone: ZoneInfo) -> datetime:
    day = start + timedelta(days=_below(rng, days))
    if day.weekday() >= 5 and rng.random() < 0.8:
        day = start + timedelta(days=_below(rng, days))
    (hour,) = rng.choices(range(24), cum_weights=_HOURS)
    wall = datetime.combine(day, time(hour, _below(rng, 60), _below(rng, 60)), zone)
    return wall.astimezone(UTC)


def _delay(rng: random.Random) -> timedelta:
    """From the end of the call to its recording: seconds mostly, up to an hour often, a day now and then."""
    luck = rng.random()
    if luck < 0.8:
        return timedelta(seconds=5 + _below(rng, 85))
    return timedelta(minutes=2 + _below(rng, 48)) if luck < 0.95 else timedelta(minutes=60 + _below(rng, 1740))


def _spec(rng: random.Random) -> AudioSpec:
    if rng.random() < 0.25:
        channels, rate = WAV_FORMS[_below(rng, len(WAV_FORMS))]
        seconds = 2 + min(rng.expovariate(1 / 14), 120)
        return AudioSpec("wav", "pcm", channels, rate, round(seconds * 4) / 4, _below(rng, 200_000))
    return rng.choices(_SPECS, cum_weights=_SPEC_WEIGHTS)[0]
