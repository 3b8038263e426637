"""Worlds of at most four recordings; between them these take every way through the pipeline."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from call_lake.errors import NotReady, Reason, Terminal, Transient
from call_lake.ledger.entry import State
from call_lake.model.layout import INBOX
from call_lake.model.recording import Recording
from call_lake.model.windows import Window
from tests.crash import outcome
from tests.crash.harness import Invocation
from tests.crash.small_world import SmallWorld
from tests.support.fakes import Died, Received
from tests.support.fakes.ids import IDS
from tests.support.fakes.provider import make_recording, make_wav

YESTERDAY = datetime.fromisoformat("2026-10-19T21:00:00Z")
"""A day that a world lives long enough to see closed."""
AMR = b"#!AMR\n" + bytes([0x3C]) * 64
DAY = timedelta(days=1)
READY_AFTER = timedelta(minutes=8)
STAY_AWAY = timedelta(hours=1)
BROKEN_FOR = timedelta(hours=12)


class Straight(SmallWorld):
    """Two sources. One recording is as it should be, one is not ready at first, one is refused for ever."""

    sources = ("thulium", "conpeek")
    compact_every = timedelta(minutes=15)

    def furnish(self) -> None:
        listed_at = self.start - timedelta(minutes=30)
        plain, late, refused = (make_recording(number, listed_at=listed_at) for number in range(3))
        other = make_recording(3, "conpeek", listed_at=listed_at)
        self.providers["thulium"].add(plain, late, refused)
        self.providers["conpeek"].add(other)
        self.providers["conpeek"].audio[other.provider_key] = make_wav(3)

        def on_audio(recording: Recording) -> None:
            if recording.recording_id == late.recording_id and self.world.clock.now() < self.start + READY_AFTER:
                raise NotReady(Reason.NOT_FOUND, "404")
            if recording.recording_id == refused.recording_id:
                raise Terminal(Reason.FORBIDDEN, "403")

        self.providers["thulium"].on_audio = on_audio


class Days(SmallWorld):
    """Two recordings of yesterday, one of which is listed later: two commits, then the day is closed and what was
    replaced is collected."""

    def furnish(self) -> None:
        self._add(0, self.start - timedelta(minutes=30))
        self._add(1, self.start + timedelta(minutes=2))

    def _add(self, number: int, listed_at: datetime) -> None:
        started_at = YESTERDAY + number * timedelta(minutes=1)
        self.providers["thulium"].add(make_recording(number, listed_at=listed_at, started_at=started_at))


class Crooked(SmallWorld):
    """Two recordings under one key, one that the provider refuses for an hour, messages delivered twice, and an index
    that lags behind the ledger."""

    compact_every = timedelta(hours=2)

    def furnish(self) -> None:
        listed_at = self.start - timedelta(minutes=30)
        first = make_recording(1, listed_at=listed_at, connection_id="100.1")
        second = IDS.identified(replace(first, connection_id="200.2"))
        limited = make_recording(2, listed_at=listed_at)
        self.providers["thulium"].add(first, second, limited)
        self.world.table.index_delay_s = 400.0
        self.world.queues["thulium"].duplicates = 3

        def on_audio(recording: Recording) -> None:
            if recording.recording_id == limited.recording_id and self.world.clock.now() < self.start + STAY_AWAY:
                raise Transient(Reason.RATE_LIMITED, "429", retry_after_s=STAY_AWAY.total_seconds())

        self.providers["thulium"].on_audio = on_audio


class Past(SmallWorld):
    """Recordings that only the sweep, a backfill, and a gap that the sweep leaves find; the index lags."""

    def furnish(self) -> None:
        self._to_do = {"sweep": self.start, "backfill": self.start}
        self._backfill = Window(self.start - 42 * DAY, self.start - 41 * DAY)
        self.world.table.index_delay_s = 30.0
        provider = self.providers["thulium"]
        provider.unit = 2 * DAY
        by_sweep, by_gap = (make_recording(n, listed_at=self.start - days * DAY) for n, days in ((1, 12), (2, 5)))
        by_backfill = make_recording(3, listed_at=self._backfill.start + timedelta(hours=3))
        provider.add(by_sweep, by_gap, by_backfill)
        provider.on_list = partial(self._on_list, by_gap)

    def _on_list(self, poison: Recording, window: Window) -> None:
        assert poison.listed_at is not None
        inside = window.start <= poison.listed_at <= window.end
        if inside and self.world.clock.now() < self.start + BROKEN_FOR:
            raise Transient(Reason.HTTP_ERROR, "500")

    def round(self) -> Iterator[Invocation]:
        for name, what in (("sweep", {"sweep": True}), ("backfill", {"backfill": self._backfill})):
            if self._to_do.get(name, self.start + 999 * DAY) <= self.world.clock.now():
                run = partial(self._start, name, what)
                yield self.invocation(name, run, partial(self.twin_poll, "thulium", **what))
        yield from super().round()

    def _start(self, name: str, what: dict[str, Any]) -> None:
        """Scheduler starts the sweep once a day, and never again for a failure; a person types the backfill again."""
        self._to_do[name] = self.world.clock.now() + (DAY if name == "sweep" else timedelta())
        self.poll("thulium", **what)
        del self._to_do[name]

    def is_settled(self) -> bool:
        return super().is_settled() and not self._to_do

    def _next_events(self) -> list[datetime]:
        return [*super()._next_events(), *self._to_do.values()]


class Changing(SmallWorld):
    """One recording whose audio has another format at every download."""

    def furnish(self) -> None:
        recording = make_recording(1, listed_at=self.start - timedelta(minutes=30))
        provider = self.providers["thulium"]
        provider.add(recording)
        bodies = [make_wav(1), AMR]

        def on_audio(recording: Recording) -> None:
            bodies.reverse()
            provider.audio[recording.provider_key] = bodies[0]

        provider.on_audio = on_audio


class Refusing(SmallWorld):
    """One recording whose audio the provider gives once, and refuses permanently from then on."""

    def furnish(self) -> None:
        recording = make_recording(1, listed_at=self.start - timedelta(minutes=30))
        provider = self.providers["thulium"]
        provider.add(recording)

        def on_audio(recording: Recording) -> None:
            if provider.downloads:
                raise Terminal(Reason.FORBIDDEN, "403")

        provider.on_audio = on_audio


class Lost(SmallWorld):
    """The ledger is lost once its recording is in the lake, or has failed. Its backup, which is older than the
    recording, becomes a new table of the same name, and the poller lists again. The copier stays warm."""

    _is_lost = False

    def round(self) -> Iterator[Invocation]:
        items = outcome.recordings(self.world)
        ended = {item.get("state") for item in items.values()} <= {State.STORED, State.FAILED}
        is_done = bool(items) and ended and not self.world.store.bodies(INBOX)
        if is_done and not self._is_lost:
            self._is_lost = True
            self._stored.clear()
            self.world.table.restore({id: item for id, item in self.world.table.items().items() if id not in items})
            self._pipeline.known.clear()
        yield from super().round()

    def is_settled(self) -> bool:
        is_settled = super().is_settled() and self._is_lost
        if not self._is_lost:  # the first poll of the new ledger reads the last two hours alone
            self._idle_rounds = 0
        return is_settled


class LostAndChanging(Lost, Changing):
    """Then the audio has another format."""


class LostAndRefusing(Lost, Refusing):
    """Then the provider refuses the audio."""


class Pair(SmallWorld):
    """Two recordings of one batch."""

    def furnish(self) -> None:
        listed_at = self.start - timedelta(minutes=30)
        self.victim, self.bystander = (make_recording(number, listed_at=listed_at) for number in (1, 2))
        self.providers["thulium"].add(self.victim, self.bystander)


class Kept(Pair):
    """On a bucket that keeps every version."""

    def furnish(self) -> None:
        self.world.store.versioned = True
        super().furnish()


class Passing(Pair):
    """The bucket deletes audio after a day; two recordings of one batch live to see it."""

    retention_days = 1


class Outlived(Passing):
    """Rows are kept for two days, so that their recordings have expired before. One more fails, and never has a row."""

    row_retention_days = 2

    def furnish(self) -> None:
        super().furnish()
        refused = make_recording(3, listed_at=self.start - timedelta(minutes=30))
        self.providers["thulium"].add(refused)

        def on_audio(recording: Recording) -> None:
            if recording.recording_id == refused.recording_id:
                raise Terminal(Reason.FORBIDDEN, "403")

        self.providers["thulium"].on_audio = on_audio

    def _next_events(self) -> list[datetime]:
        """When the day is too old, until nothing of it is left."""
        too_old = self.start.replace(hour=0, minute=0) + timedelta(days=self.row_retention_days + 2)
        items = self.world.table.items().values()
        left = [item for item in items if "call_date" in item and item.get("state") != State.ERASED]
        return super()._next_events() + [too_old] * bool(left or outcome.rows(self.world))


class Killers(SmallWorld):
    """Recordings whose download ends the process, each so often as ``kills`` says; delivered in batches of ``batch`` in
    any order."""

    def __init__(self, kills: Sequence[int], batch: int, order: random.Random) -> None:
        self._kills = kills
        self._batch = batch
        self._order = order
        super().__init__()

    def furnish(self) -> None:
        self.recordings = [
            make_recording(number, listed_at=self.start - timedelta(minutes=30)) for number in range(len(self._kills))
        ]
        self.providers["thulium"].add(*self.recordings)
        left = {one.recording_id: kills for one, kills in zip(self.recordings, self._kills, strict=True)}

        def on_audio(recording: Recording) -> None:
            if left[recording.recording_id]:
                left[recording.recording_id] -= 1
                raise Died(f"by {recording.recording_id}")

        self.providers["thulium"].on_audio = on_audio

    def receive(self, source: str) -> list[Received]:
        received = self.world.queues[source].receive(self._batch)
        self._order.shuffle(received)
        return received


class Namesakes(SmallWorld):
    """Two recordings under one key."""

    def furnish(self) -> None:
        first = make_recording(1, listed_at=self.start - timedelta(minutes=30), connection_id="100.1")
        self.providers["thulium"].add(first, IDS.identified(replace(first, connection_id="200.2")))
